"""VGG16 features from a user's file of weights."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from napari_inpaintaff.errors import ModelFileError
from napari_inpaintaff.inpainting.perceptual import IMAGENET_DEVIATION, IMAGENET_MEAN, load_vgg16

PLAN = [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0]


def standard_layers() -> nn.Sequential:
    """The layers of VGG16 in their usual numbering; 0 in the plan pools."""
    layers: list[nn.Module] = []
    channels = 3
    for width in PLAN:
        if width:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        else:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


@pytest.fixture(scope="module")
def layers() -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return standard_layers().requires_grad_(False)


@pytest.fixture(scope="module")
def tensors(layers: nn.Sequential) -> dict[str, Tensor]:
    return {f"features.{name}": value for name, value in layers.state_dict().items()}


@pytest.fixture
def save(tmp_path: Path) -> Callable[[Any], Path]:
    def write(content: Any) -> Path:
        torch.save(content, tmp_path / "vgg16.pth")
        return tmp_path / "vgg16.pth"

    return write


def test_thirteen_convolutions(tensors: dict[str, Tensor]) -> None:
    weights = [value for name, value in tensors.items() if name.endswith("weight")]
    assert len(weights) == 13
    assert sum(value.numel() for value in tensors.values()) == 14_714_688


def test_features_are_those_after_three_poolings(
    layers: nn.Sequential, tensors: dict[str, Tensor], save: Callable[[Any], Path]
) -> None:
    network = load_vgg16(save(tensors))
    images = torch.rand(2, 32, 24, generator=torch.Generator().manual_seed(0))
    mean, deviation = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_DEVIATION)
    photographs = images[:, None].expand(-1, 3, -1, -1).sub(mean[:, None, None])
    photographs = photographs / deviation[:, None, None]
    pools = network(images)
    assert [tuple(pool.shape) for pool in pools] == [
        (2, 64, 16, 12),
        (2, 128, 8, 6),
        (2, 256, 4, 3),
    ]
    for pool, depth in zip(pools, (5, 10, 17), strict=True):
        torch.testing.assert_close(pool, layers[:depth](photographs))


def test_frozen_but_images_get_gradients(
    tensors: dict[str, Tensor], save: Callable[[Any], Path]
) -> None:
    network = load_vgg16(save(tensors))
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    images = torch.rand(1, 16, 16, requires_grad=True)
    network(images)[2].sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


@pytest.mark.parametrize("form", ["safetensors", "prefixed", "wrapped", "half"])
def test_any_standard_file(form: str, tensors: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / f"weights.{'safetensors' if form == 'safetensors' else 'pt'}"
    classifier = {"classifier.0.weight": torch.ones(2, 2), "classifier.0.bias": torch.ones(2)}
    if form == "safetensors":
        save_file({**tensors, **classifier}, path)
    elif form == "prefixed":
        torch.save({f"module.vgg.{name}": value for name, value in tensors.items()}, path)
    elif form == "wrapped":
        torch.save({"epoch": 3, "state_dict": {**tensors, **classifier}}, path)
    else:
        torch.save({name: value.half() for name, value in tensors.items()}, path)
    network = load_vgg16(path)
    weight = network.get_parameter("features.28.weight")
    assert weight.dtype == torch.float32
    torch.testing.assert_close(weight, tensors["features.28.weight"], atol=1e-4, rtol=1e-3)


class Malicious:
    """Unpickled by a careless reader, it leaves a file."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.victim,)


@pytest.mark.parametrize("bare", [False, True], ids=["torch", "pickle"])
def test_code_in_a_file_is_not_run(
    bare: bool, tensors: dict[str, Tensor], save: Callable[[Any], Path], tmp_path: Path
) -> None:
    victim = tmp_path / "executed"
    if bare:
        path = tmp_path / "bare.pth"
        path.write_bytes(pickle.dumps(Malicious(victim), protocol=2))
    else:
        path = save({**tensors, "extra": Malicious(victim)})
    with pytest.raises(ModelFileError, match="holds more than tensors") as caught:
        load_vgg16(path)
    assert "\n" not in str(caught.value)
    assert not victim.exists()
    with path.open("rb") as stream:  # it would have worked
        if bare:
            pickle.load(stream)
            assert victim.exists()


def test_files_that_are_no_vgg16(
    tensors: dict[str, Tensor], save: Callable[[Any], Path], tmp_path: Path
) -> None:
    name = "features.12.weight"
    wrong = [
        ({key: value for key, value in tensors.items() if key != name}, "1 of 26 .*features.12"),
        ({**tensors, name: tensors[name][:, :5]}, r"\(256, 5, 3, 3\) instead of"),
        ({**tensors, name: torch.full_like(tensors[name], torch.nan)}, "not finite"),
        ({}, "26 of 26"),
        ([1, 2], "no tensors by name"),
    ]
    for content, message in wrong:
        with pytest.raises(ModelFileError, match=message) as caught:
            load_vgg16(save(content))
        assert "\n" not in str(caught.value)
    for ending, message in (("pth", "holds more than tensors"), ("safetensors", "cannot be read")):
        path = tmp_path / f"text.{ending}"
        with pytest.raises(ModelFileError, match="there is no file"):
            load_vgg16(path)
        path.write_text("no weights")
        with pytest.raises(ModelFileError, match=message):
            load_vgg16(path)
    cut = save(tensors)
    cut.write_bytes(cut.read_bytes()[:1000])
    with pytest.raises(ModelFileError, match="cannot be read"):
        load_vgg16(cut)

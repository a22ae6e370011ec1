"""The foreground network: its file, its names, and what its probability may depend on."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_nuclei import dim_nuclei, random_fgnet, random_inpainter

from napari_inpaintaff.errors import ImageError, ModelFileError, ParameterError
from napari_inpaintaff.foreground import (
    FGNet,
    FGNetMetadata,
    FGNetTraining,
    available_fgnets,
    find_fgnet,
)
from napari_inpaintaff.inpainting import catalogue
from napari_inpaintaff.networks import UNetArchitecture, tiles
from napari_inpaintaff.networks.model_file import ModelFile, read_model_file, write_model_file

PLAIN = UNetArchitecture("plain", (4, 6, 8), stem=2, outputs=1)
PIX2PIX = UNetArchitecture("pix2pix", (4, 6, 8, 8, 8, 8), batch_norm=True, outputs=1)


@pytest.mark.parametrize("architecture", [PLAIN, PIX2PIX])
def test_a_network_survives_its_file(architecture: UNetArchitecture, tmp_path: Path) -> None:
    net = random_fgnet(architecture, diameter=30.0, image_diameter=33.0, training={"steps": 7})
    path = net.save(tmp_path / "mine.safetensors")
    loaded = FGNet.load(path, device="cpu", dtype=torch.float32)
    assert loaded.metadata == replace(net.metadata, name="mine")
    assert loaded.metadata == FGNetMetadata.read(path)
    image, _ = dim_nuclei(side=70)
    np.testing.assert_array_equal(loaded.probability(image), net.probability(image))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": replace(PLAIN, outputs=2)}, "1 output, got 2"),
        ({"architecture": UNetArchitecture("partial", (4, 6), outputs=1)}, "got 'partial'"),
        ({"diameter": 0.0}, "diameter"),
        ({"image_diameter": -2.0}, "positive, got -2"),
        ({"image_diameter": float("nan")}, "positive, got nan"),
        ({"normalisation": "none"}, "normalisation 'none'"),
    ],
)
def test_a_description_that_cannot_be(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        FGNetMetadata("wrong", **{"architecture": PLAIN, **changes})


@pytest.mark.parametrize("changes", [{"image_diameter": "large"}, {"unknown": 1}])
def test_a_damaged_description(changes: dict[str, Any], tmp_path: Path) -> None:
    path = random_fgnet(PLAIN).save(tmp_path / "mine.safetensors")
    file = read_model_file(path, "fgnet")
    write_model_file(path, ModelFile("fgnet", {**file.metadata, **changes}, file.weights))
    with pytest.raises(ModelFileError, match=r"the description of the fgnet in .*mine"):
        FGNet.load(path)


def test_networks_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(catalogue, "user_model_folder", lambda: tmp_path)
    random_fgnet(PLAIN).save(tmp_path / "b.safetensors")
    random_fgnet(PIX2PIX).save(tmp_path / "a.safetensors")
    random_inpainter().save(tmp_path / "fills.safetensors")
    broken = random_fgnet(PLAIN).save(tmp_path / "c.safetensors")
    file = read_model_file(broken, "fgnet")
    write_model_file(broken, ModelFile("fgnet", {**file.metadata, "diameter": -1}, file.weights))
    assert [(entry.name, entry.metadata.kind) for entry in available_fgnets()] == [
        ("a", "fgnet"),
        ("b", "fgnet"),
    ]
    assert "c.safetensors" in caplog.text
    assert find_fgnet("b") == tmp_path / "b.safetensors"
    assert FGNet.load("a", device="cpu").metadata.architecture == PIX2PIX
    with pytest.raises(ModelFileError, match=r"'d'; give a file or one of: a, b, c$"):
        FGNet.load("d")
    with pytest.raises(ModelFileError, match="of kind 'inpainter', not 'fgnet'"):
        FGNet.load("fills")


def test_methods_and_names_do_not_import_torch() -> None:
    program = (
        "import sys; from napari_inpaintaff.foreground import FGNetTraining, FGNetMetadata, "
        "available_fgnets, foreground_targets; available_fgnets(); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("architecture", [PLAIN, PIX2PIX])
@pytest.mark.parametrize("flips", [False, True])
def test_tiles_leave_no_seams(
    architecture: UNetArchitecture, flips: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = np.random.default_rng(0).gamma(2, 500, (300, 210)).astype(np.float32)
    image[50:90, 40:60] = np.nan
    net = random_fgnet(architecture)
    whole = net.probability(image, flips=flips)
    assert whole.std() > 1e-3
    monkeypatch.setattr(tiles, "TILE", 64)
    np.testing.assert_allclose(net.probability(image, flips=flips), whole, atol=1e-5)


@settings(deadline=None, max_examples=20)
@given(
    height=st.integers(1, 50),
    width=st.integers(1, 50),
    diameter=st.sampled_from([None, 9.0, 25.0, 60.0]),
    architecture=st.sampled_from([PLAIN, PIX2PIX]),
    seed=st.integers(0, 99),
)
def test_a_probability_of_every_known_pixel(
    height: int, width: int, diameter: float | None, architecture: UNetArchitecture, seed: int
) -> None:
    random = np.random.default_rng(seed)
    image = random.gamma(2, 500, (height, width)).astype(np.float32)
    unknown = random.random((height, width)) < 0.1
    unknown[0, 0] = False
    image[unknown] = np.nan
    probability = random_fgnet(architecture).probability(image, diameter=diameter)
    assert probability.dtype == np.float32
    assert probability.shape == image.shape
    assert (probability[unknown] == 0).all()
    assert probability.min() >= 0
    assert probability.max() <= 1


def test_mirror_images_have_mirrored_foregrounds() -> None:
    image, _ = dim_nuclei(side=64)  # a multiple of the stride: nothing is padded
    net = random_fgnet(PLAIN)
    expected = net.probability(image)
    assert np.abs(net.probability(image[::-1], flips=False)[::-1] - expected).max() > 1e-3
    for turned in (np.s_[::-1], np.s_[:, ::-1], np.s_[::-1, ::-1]):
        np.testing.assert_allclose(net.probability(image[turned])[turned], expected, atol=1e-5)


def test_the_diameter_of_the_training_images_is_taken_for_granted() -> None:
    image, _ = dim_nuclei(side=96)
    given = random_fgnet(PLAIN).probability(image, diameter=50)
    np.testing.assert_array_equal(
        random_fgnet(PLAIN, image_diameter=50.0).probability(image), given
    )
    assert not np.array_equal(random_fgnet(PLAIN).probability(image), given)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((3, 9, 9)), r"plane \(Y, X\)"),
        (np.zeros((0, 9)), r"plane \(Y, X\)"),
        (np.full((9, 9), np.nan), "no finite pixel"),
    ],
)
def test_images_that_have_no_foreground(image: np.ndarray, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        random_fgnet(PLAIN).probability(image)


def test_a_diameter_that_cannot_be() -> None:
    with pytest.raises(ParameterError, match="too far from the model's"):
        random_fgnet(PLAIN).probability(np.ones((9, 9)), diameter=2000)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"config": "huge"}, "'huge'"),
        ({"batch": 0}, "got 0"),
        ({"size": 100}, "multiple of 64, got 100"),
        ({"size": 0}, "multiple of 64, got 0"),
        ({"steps": 0}, "steps must be positive, got 0"),
        ({"minutes": -1.0}, "minutes must be positive, got -1"),
        ({"learning_rate": 0.0}, "learning rate must be positive"),
        ({"seed": -1}, "seed must not be negative, got -1"),
    ],
)
def test_a_training_that_cannot_be(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        FGNetTraining(**values)


def test_a_map_can_be_left_between_tiles_and_leaves_no_trace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tiles, "TILE", 32)
    image, _ = dim_nuclei(side=70)
    net = random_fgnet(PLAIN)
    steps = net.iterate_probability(image)
    next(steps)
    next(steps)
    assert not torch.is_inference_mode_enabled()
    steps.close()
    assert torch.is_grad_enabled()
    assert len(list(net.iterate_probability(image))) == 9
    assert net.probability(image).shape == image.shape

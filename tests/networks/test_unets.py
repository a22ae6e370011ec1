"""Both U-Nets: what they may see, which sizes they take, and the paper's architecture."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.inpainting import ARCHITECTURES
from napari_inpaintaff.networks import UNetArchitecture, build_unet

NARROW = {
    "plain": UNetArchitecture("plain", (4, 6)),
    "plain with stem": UNetArchitecture("plain", (4, 6, 8), stem=2),
    "partial": UNetArchitecture("partial", (4, 6, 8)),
    "partial with batch norm": UNetArchitecture("partial", (4, 6, 8), batch_norm=True),
    "pix2pix": UNetArchitecture("pix2pix", (4, 6, 8), outputs=3),
    "pix2pix with batch norm": UNetArchitecture("pix2pix", (4, 6, 8), batch_norm=True),
    "one output": UNetArchitecture("partial", (4, 6), outputs=1),
}


def some_unet(architecture: UNetArchitecture, seed: int = 0) -> nn.Module:
    """Build a network in which every parameter and statistic matters."""
    torch.manual_seed(seed)
    network = build_unet(architecture)
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.is_floating_point():
                value.add_(0.1 * torch.rand_like(value))
    return network.eval()


@pytest.mark.parametrize("name", NARROW)
@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**31), density=st.sampled_from([0.0, 0.02, 0.5, 0.98]))
def test_hidden_values_never_influence_the_output(name: str, seed: int, density: float) -> None:
    network = some_unet(NARROW[name], seed)
    generator = torch.Generator().manual_seed(seed)
    known = (torch.rand(2, 1, 16, 24, generator=generator) < density).float()
    values = torch.randn(2, 1, 16, 24, generator=generator)
    others = 1e6 * torch.randn(2, 1, 16, 24, generator=generator)
    with torch.no_grad():
        seen = network(values, known)
        changed = network(torch.where(known > 0, values, others), known)
    assert torch.equal(seen, changed)


@pytest.mark.parametrize("name", NARROW)
def test_known_values_and_the_mask_do_influence_the_output(name: str) -> None:
    network = some_unet(NARROW[name])
    known = torch.ones(1, 1, 16, 16)
    known[..., 4:12, 4:12] = 0
    values = torch.rand(1, 1, 16, 16)
    with torch.no_grad():
        output = network(values, known)
        assert not torch.equal(output, network(values + 1, known))
        known[..., 2:4, :] = 0
        assert not torch.equal(output, network(values, known))


@pytest.mark.parametrize("name", [name for name in NARROW if NARROW[name].kind == "partial"])
def test_nothing_known_gives_the_constant_prior(name: str) -> None:
    network = some_unet(NARROW[name])
    with torch.no_grad():
        output = network(torch.rand(2, 1, 16, 16), torch.zeros(2, 1, 16, 16))
    expected = network.state_dict()["prior"][None, :, None, None].expand_as(output)
    assert torch.equal(output, expected)


def test_far_from_everything_known_a_partial_network_gives_its_prior() -> None:
    network = some_unet(UNetArchitecture("partial", (4, 6)))
    known = torch.zeros(1, 1, 64, 64)
    known[..., :4, :4] = 1
    with torch.no_grad():
        output = network(torch.rand(1, 1, 64, 64), known)
    prior = network.state_dict()["prior"]
    assert torch.equal(output[0, :, -1, -1], prior)
    assert not torch.equal(output[0, :, 1, 1], prior)


@pytest.mark.parametrize("name", NARROW)
@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 2)])
def test_sizes(name: str, shape: tuple[int, int]) -> None:
    architecture = NARROW[name]
    size = tuple(side * architecture.stride for side in shape)
    with torch.no_grad():
        output = some_unet(architecture)(torch.rand(3, 1, *size), torch.ones(3, 1, *size))
    assert output.shape == (3, architecture.outputs, *size)


@pytest.mark.parametrize("name", NARROW)
def test_every_weight_is_trained(name: str) -> None:
    network = some_unet(NARROW[name]).train()
    known = (torch.rand(4, 1, 16, 16) < 0.5).float()
    output = network(torch.randn(4, 1, 16, 16), known)
    (output - torch.randn_like(output)).square().sum().backward()
    for parameter_name, parameter in network.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.abs().sum() > 0, parameter_name


def test_an_untrained_partial_network_is_the_constant_prior() -> None:
    network = build_unet(ARCHITECTURES["pconv"])
    output = network(torch.rand(1, 1, 32, 32), (torch.rand(1, 1, 32, 32) < 0.1).float())
    assert not output.any()


def test_the_papers_architecture() -> None:
    """Depth four: five levels of 64, 128, 256, 512, 512 maps, kernels of Liu et al. 2018."""
    architecture = ARCHITECTURES["paper"]
    assert architecture.stride == 16
    weights = {name: tuple(v.shape) for name, v in build_unet(architecture).state_dict().items()}
    assert [weights[f"encoders.{level}.conv.weight"] for level in range(5)] == [
        (64, 1, 7, 7),
        (128, 64, 5, 5),
        (256, 128, 5, 5),
        (512, 256, 3, 3),
        (512, 512, 3, 3),
    ]
    assert [weights[f"decoders.{level}.conv.weight"] for level in range(4)] == [
        (512, 512 + 512, 3, 3),
        (256, 512 + 256, 3, 3),
        (128, 256 + 128, 3, 3),
        (64, 128 + 64, 3, 3),
    ]
    assert weights["head.conv.weight"] == (2, 64 + 1, 3, 3)
    # None after the first and the last convolution, as in Liu et al. 2018.
    norms = [weights[f"norms.{index}.weight"] for index in range(8)]
    assert norms == [(128,), (256,), (512,), (512,), (512,), (256,), (128,), (64,)]
    assert "norms.8.weight" not in weights


def test_shipped_architectures_are_small() -> None:
    for name in ("small", "pconv"):
        count = sum(p.numel() for p in build_unet(ARCHITECTURES[name]).parameters())
        # Two float32 files of 8 MB together.
        assert count < 1_000_000, name


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "dense"}, "dense"),
        ({"widths": (8,)}, r"\(8,\)"),
        ({"widths": (8, 0)}, r"\(8, 0\)"),
        ({"stem": 0}, "stem of 0"),
        ({"kind": "partial", "stem": 2}, "stem of 2"),
        ({"outputs": 0}, "got 0"),
        ({"batch_norm": True}, "batch normalisation"),
    ],
)
def test_impossible_architectures(values: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        UNetArchitecture(**{"kind": "plain", "widths": (8, 16), **values})  # type: ignore[arg-type]

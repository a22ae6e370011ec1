"""The blind-spot denoiser."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from small_world import smooth_textures
from torch import Tensor, nn

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.images import grown, within
from napari_inpaintaff.inpainting.denoising import (
    DENOISER_ARCHITECTURE,
    Denoiser,
    blind_spots,
    denoiser_normalisation,
    denoising_loss,
    random_neighbours,
)
from napari_inpaintaff.networks import UNetArchitecture, build_unet, tiles

CPU = torch.device("cpu")
TINY = UNetArchitecture("plain", (4, 6), outputs=1)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def untrained(architecture: UNetArchitecture = TINY) -> Denoiser:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_unet(architecture)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
    return Denoiser(network, architecture, device=CPU, dtype=torch.float32)


def noise(shape: tuple[int, int], seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(500, 20, shape)


@settings(deadline=None, max_examples=30)
@given(height=st.integers(1, 23), width=st.integers(1, 23), seed=st.integers(0, 2**31))
def test_one_blind_spot_in_every_block(height: int, width: int, seed: int) -> None:
    spots = blind_spots((3, height, width), seeded(seed)).numpy()
    assert spots.shape == (3, height, width)
    for y in range(0, height - 4, 5):
        for x in range(0, width - 4, 5):
            assert (spots[:, y : y + 5, x : x + 5].sum((1, 2)) == 1).all()
    assert spots.sum((1, 2)).max() <= -(-height // 5) * -(-width // 5)


def test_blind_spots_are_everywhere() -> None:
    frequency = blind_spots((4000, 10, 10), seeded()).float().mean(0)
    assert frequency.min() > 0.02
    assert frequency.max() < 0.06


@settings(deadline=None, max_examples=30)
@given(height=st.integers(4, 9), width=st.integers(4, 9), seed=st.integers(0, 2**31))
def test_neighbours_are_near_but_never_the_pixel_itself(height: int, width: int, seed: int) -> None:
    rows, columns = np.indices((height, width))
    places = torch.from_numpy(rows * 100 + columns).expand(4, -1, -1)
    found = random_neighbours(places, seeded(seed)).numpy()
    distance = np.maximum(abs(found // 100 - rows), abs(found % 100 - columns))
    assert distance.min() >= 1
    assert distance.max() <= 2


def test_every_neighbour_is_as_likely() -> None:
    places = torch.arange(81).view(1, 9, 9).expand(6000, -1, -1)
    middle = random_neighbours(places, seeded())[:, 4, 4]
    counts = torch.bincount(middle, minlength=81).view(9, 9)[2:7, 2:7] / 6000
    assert counts[2, 2] == 0
    assert (counts + torch.eye(25)[12].view(5, 5) / 24).sub(1 / 24).abs().max() < 0.012


class Echo(nn.Module):
    """Returns what it sees, and remembers it."""

    def forward(self, values: Tensor, known: Tensor) -> Tensor:
        self.seen, self.known = values, known
        return values


def test_the_loss_is_the_error_where_the_network_is_blind() -> None:
    values = torch.rand(4, 20, 20, generator=seeded())
    echo = Echo()
    loss = denoising_loss(echo, values, seeded(1))
    hidden = blind_spots((4, 20, 20), seeded(1))
    assert (echo.known == 1).all()
    changed = echo.seen[:, 0] != values
    torch.testing.assert_close(changed, hidden)
    expected = 0.5 * (echo.seen[:, 0] - values)[hidden].square().mean()
    torch.testing.assert_close(loss, expected)
    assert torch.equal(denoising_loss(echo, values, seeded(1)), loss)


def test_a_hot_pixel_does_not_drown_the_others() -> None:
    values = torch.randn(4, 20, 20, generator=seeded())
    calm = denoising_loss(Echo(), values, seeded(1))
    values[blind_spots((4, 20, 20), seeded(1)).nonzero()[0].unbind()] = 1000.0
    assert denoising_loss(Echo(), values, seeded(1)) < calm + 5 * 1000 / 64 + 1


@settings(deadline=None, max_examples=20)
@given(
    gain=st.floats(1e-3, 1e3),
    offset=st.floats(-1e4, 1e4),
    hot=st.sampled_from([np.nan, np.inf, 1e6]),
)
def test_normalisation_follows_the_image(gain: float, offset: float, hot: float) -> None:
    image = noise((40, 40))
    found = denoiser_normalisation(image)
    assert found.kind == "linear"
    assert found.unit == pytest.approx(image.std(), rel=0.05)
    scaled = gain * image + offset
    other = denoiser_normalisation(scaled)
    assert other.unit == pytest.approx(gain * found.unit, rel=1e-6)
    assert other.pedestal == pytest.approx(gain * found.pedestal + offset, rel=1e-6)
    image[3, 4] = hot
    assert denoiser_normalisation(image).unit == pytest.approx(found.unit, rel=0.1)


def test_normalisation_of_what_hardly_varies() -> None:
    image = np.full((100, 100), 7.0)
    assert denoiser_normalisation(image).unit == 1
    image[5, 5] = 9
    assert 0 < denoiser_normalisation(image).unit < 1
    with pytest.raises(ImageError, match="no finite pixel"):
        denoiser_normalisation(np.full((3, 3), np.nan))


@settings(deadline=None, max_examples=25)
@given(height=st.integers(1, 40), width=st.integers(1, 40), seed=st.integers(0, 99))
def test_any_size_and_unknown_pixels(height: int, width: int, seed: int) -> None:
    image = noise((height, width), seed)
    unknown = np.random.default_rng(seed).random(image.shape) < 0.2
    unknown.flat[seed % image.size] = False
    image[unknown] = np.random.default_rng(seed).choice([np.nan, np.inf, -np.inf], unknown.sum())
    before = image.copy()
    result = untrained()(image)
    assert result.shape == image.shape
    assert result.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(result), unknown)
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(untrained()(image), result)
    assert 0 < result[~unknown].min() < result[~unknown].max() + 1 < 1000


@settings(deadline=None, max_examples=10)
@given(gain=st.floats(1e-3, 1e3), offset=st.floats(-1e3, 1e3))
def test_units_are_those_of_the_image(gain: float, offset: float) -> None:
    image = noise((30, 26))
    denoiser = untrained()
    expected = gain * denoiser(image).astype(np.float64) + offset
    np.testing.assert_allclose(denoiser(gain * image + offset), expected, atol=0.1 * gain)


@pytest.mark.parametrize("architecture", [TINY, DENOISER_ARCHITECTURE])
@pytest.mark.parametrize("shape", [(150, 130), (64, 200)])
def test_tiles_leave_no_seams(
    architecture: UNetArchitecture, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    denoiser = untrained(architecture)
    image = noise(shape)
    whole = denoiser(image)
    monkeypatch.setattr(tiles, "TILE", 62)
    tiled = denoiser(image)
    np.testing.assert_allclose(tiled, whole, atol=1e-3 * whole.std())


@settings(deadline=None, max_examples=25)
@given(
    height=st.integers(1, 150),
    width=st.integers(1, 150),
    unknown=st.integers(0, 60),
    seed=st.integers(0, 2**31),
)
def test_a_part_is_denoised_like_the_plane(
    height: int, width: int, unknown: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    image = noise((height, width), seed)
    y, x = (int(rng.integers(0, length)) for length in image.shape)
    image[y : y + unknown, x : x + unknown] = np.nan
    if not np.isfinite(image).any():
        return
    denoiser = untrained()
    rows, columns = (
        slice(*sorted(int(bound) for bound in rng.choice(length + 1, 2, replace=False)))
        for length in image.shape
    )
    core = rows, columns
    stride = denoiser.architecture.stride
    around = grown(core, denoiser.halo + stride, (height, width), stride)
    found = denoiser(
        image[around], normalisation=denoiser_normalisation(image), core=within(core, around)
    )
    np.testing.assert_allclose(found, denoiser(image)[core], rtol=1e-6)


def test_a_part_of_which_nothing_is_known_stays_unknown() -> None:
    image = np.full((20, 20), np.nan)
    found = untrained()(image, normalisation=denoiser_normalisation(noise((9, 9))))
    assert np.isnan(found).all()


def test_memory_is_that_of_a_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    denoiser = untrained()
    largest = 0

    def remember(module: nn.Module, inputs: tuple[Tensor, Tensor]) -> None:
        nonlocal largest
        largest = max(largest, inputs[0].numel())

    monkeypatch.setattr(tiles, "TILE", 64)
    with nn.modules.module.register_module_forward_pre_hook(
        lambda module, inputs: remember(module, inputs) if len(inputs) == 2 else None
    ):
        denoiser(noise((400, 300)))
    assert largest == (64 + 2 * tiles.REACH_STRIDES * TINY.stride) ** 2


@pytest.mark.parametrize("value", [0, 7, -3.5, 65535])
def test_a_plane_of_one_value_has_no_noise(value: float) -> None:
    image = np.full((9, 11), value)
    np.testing.assert_array_equal(untrained()(image), image.astype(np.float32))


@pytest.mark.parametrize("shape", [(3, 4, 5), (7,), (0, 4)])
def test_only_planes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match="must be a plane"):
        untrained()(np.ones(shape))


def test_a_denoiser_has_one_output() -> None:
    two = UNetArchitecture("plain", (4, 6), outputs=2)
    with pytest.raises(ParameterError, match="got 2"):
        Denoiser(build_unet(two), two, device=CPU)


def test_a_short_training_removes_most_of_the_noise() -> None:
    clean = [image.astype(np.float64) for image in smooth_textures(4, 96)]
    random = np.random.default_rng(0)
    noisy = [image + random.normal(0, 600, image.shape) for image in clean]
    planes = [denoiser_normalisation(image).apply(image) for image in noisy]
    architecture = UNetArchitecture("plain", (8, 16), outputs=1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_unet(architecture)
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    generator = seeded()
    for _ in range(120):
        corners = random.integers(96 - 32, size=(16, 2))
        crops = [planes[i % 4][y : y + 32, x : x + 32] for i, (y, x) in enumerate(corners)]
        loss = denoising_loss(network, torch.from_numpy(np.stack(crops)), generator)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    denoiser = Denoiser(network, architecture, device=CPU)
    error = np.mean([(denoiser(one) - other) ** 2 for one, other in zip(noisy, clean, strict=True)])
    assert error < 0.2 * 600**2

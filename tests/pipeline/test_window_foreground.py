"""The foreground of parts of a plane: put together, it is that of the whole plane."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import ndimage

from gaussian_inpainter import GaussianInpainter
from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.foreground import FGNet, FGNetMetadata, ForegroundLevels
from napari_inpaintaff.foreground.specks import lower_specks
from napari_inpaintaff.images import (
    ArrayPlane,
    ModelNormalisation,
    PlaneReader,
    Region,
    sample_windows,
    simulate_dense_nuclei,
)
from napari_inpaintaff.inpainting import Inpainter
from napari_inpaintaff.inpainting.denoising import Denoiser
from napari_inpaintaff.jobs import Job, Progress
from napari_inpaintaff.networks import UNetArchitecture, build_unet
from napari_inpaintaff.pipeline.foreground_source import (
    foreground_mask,
    settled_outlines,
    usual_diameter,
)
from napari_inpaintaff.pipeline.window_foreground import (
    foreground_levels,
    iterate_window_foreground,
)

SMALL = UNetArchitecture("plain", (4, 6), outputs=1)
ROWS, COLUMNS = (0, 37, 150, 231), (0, 88, 97, 260)
CORES: list[Region] = [
    (slice(*ROWS[i : i + 2]), slice(*COLUMNS[j : j + 2])) for i in range(3) for j in range(3)
]


def nuclei(diameter: float = 25.0) -> NDArray[np.float64]:
    """Nuclei, specks of many sizes and unknown pixels."""
    shape = (ROWS[-1], COLUMNS[-1])
    image = simulate_dense_nuclei(shape=shape, seed=3, diameter=diameter)[0].astype(float)
    rng = np.random.default_rng(0)
    for length, (y, x) in enumerate(rng.integers(5, 220, (40, 2))):
        image[y, x : x + length] = np.percentile(image, 99)
        image[y : y + 2, x : x + 2] = np.percentile(image, 20)
    image[:, :9] = np.nan
    image[100:110, 90:99] = np.nan
    return image


def random_network(seed: int) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_unet(SMALL)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
    return network


def random_fgnet() -> FGNet:
    network = random_network(2)
    with torch.no_grad():  # about as much foreground as background, and some sure
        network.head.bias.fill_(-1.0)  # type: ignore[union-attr,operator]
        network.head.weight.mul_(4.0)  # type: ignore[union-attr,operator]
    return FGNet(network, FGNetMetadata("random", SMALL), device="cpu", dtype=torch.float32)


def denoising_model() -> Inpainter:
    model = GaussianInpainter(estimate=True)
    model.denoiser = Denoiser(
        random_network(1), SMALL, device=torch.device("cpu"), dtype=torch.float32
    )
    return model


def given_mask(image: NDArray[np.float64], wider: int) -> NDArray[np.uint8]:
    found = foreground_mask(image, "otsu")
    change = ndimage.binary_dilation if wider > 0 else ndimage.binary_erosion
    return 7 * np.asarray(change(found, iterations=abs(wider)) if wider else found, np.uint8)


def in_parts(
    image: NDArray[np.float64], foreground: Any, **options: Any
) -> tuple[NDArray[np.bool_], ForegroundLevels]:
    reader = ArrayPlane(foreground) if isinstance(foreground, np.ndarray) else foreground
    plane = ArrayPlane(image)
    levels = foreground_levels(sample_windows(plane), reader, **options)
    levels = ForegroundLevels.from_json(json.loads(json.dumps(levels.to_json())))
    found = np.zeros(image.shape, bool)
    for core in CORES:
        run = iterate_window_foreground(plane, core, reader, levels, **options)
        found[core] = Job(run).run()
    return found, levels


def of_the_whole(
    image: NDArray[np.float64],
    foreground: Any,
    *,
    model: Inpainter | None = None,
    diameter: float | None = None,
) -> tuple[NDArray[np.bool_], float]:
    mask = foreground_mask(image, foreground, model=model, diameter=diameter)
    cell = diameter or usual_diameter(foreground, model)
    return settled_outlines(image, mask, outlines="auto", diameter=cell)


@pytest.mark.parametrize("method", ["none", "otsu", "global_otsu"])
@pytest.mark.parametrize("diameter", [None, 12.0, 40.0])
@pytest.mark.parametrize("denoise", [False, True])
def test_a_method_finds_the_same_in_parts(
    method: str, diameter: float | None, denoise: bool
) -> None:
    image = nuclei(diameter or 25.0)
    model = denoising_model() if denoise else None
    expected, _ = of_the_whole(image, method, model=model, diameter=diameter)
    found, _ = in_parts(image, method, model=model, diameter=diameter)
    np.testing.assert_array_equal(found, expected)
    if method != "none":
        assert 0.01 < expected.mean() < 0.99


@pytest.mark.parametrize("diameter", [None, 13.0, 40.0])
def test_a_network_finds_the_same_in_parts(diameter: float | None) -> None:
    image = nuclei(diameter or 25.0)
    net = random_fgnet()
    expected, _ = of_the_whole(image, net, diameter=diameter)
    found, levels = in_parts(image, net, diameter=diameter)
    np.testing.assert_array_equal(found, expected)
    assert 0.02 < expected.mean() < 0.98
    assert levels.highest is not None


class ShownFGNet(FGNet):
    """Takes the image for the probability."""

    def iterate_window(
        self, plane: PlaneReader, core: Region, *args: Any, **options: Any
    ) -> Generator[Progress, None, NDArray[np.float32]]:
        yield Progress(0, 1)
        return plane.read_region(core)


def test_a_faint_piece_of_something_is_judged_by_what_it_is_part_of() -> None:
    shown = np.zeros((ROWS[-1], COLUMNS[-1]), np.float32)
    shown[180:186, 2:250] = shown[20:200, 90:93] = shown[3:40, 200:205] = 0.6
    shown[181, 245] = 0.9  # far from most of it
    shown[60:64, 30:34] = shown[220:, 255:] = 0.95
    shown[140:160, 140:160] = 0.95
    net = random_fgnet()
    net = ShownFGNet(net._network, net.metadata, device="cpu", dtype=torch.float32)
    expected = lower_specks(shown, level=0.5, smallest=30) > 0.5
    assert expected[25, 91]
    assert not expected[20, 202]
    levels = ForegroundLevels(
        "fgnet", normalisation=ModelNormalisation("linear", 0, 1), highest=float(shown.max())
    )
    for core in CORES:
        found = Job(iterate_window_foreground(ArrayPlane(shown), core, net, levels)).run()
        np.testing.assert_array_equal(found, expected[core])


@pytest.mark.parametrize("wider", [-2, 0, 2])
def test_outlines_of_a_given_mask_move_in_parts_as_in_the_whole(wider: int) -> None:
    image = nuclei()
    mask = given_mask(image, wider)
    expected, moved = of_the_whole(image, mask)
    found, levels = in_parts(image, mask)
    np.testing.assert_array_equal(found, expected)
    assert levels.outlines is not None
    assert levels.outlines.better == (moved > 0)
    assert (moved > 0) == (wider != 0)
    if moved:
        assert levels.outlines.distance == moved
    kept, _ = in_parts(image, mask, outlines="keep")
    np.testing.assert_array_equal(kept, mask > 0)


def test_many_windows_stand_for_a_plane() -> None:
    image = nuclei()
    rows, columns = slice(0, 115), slice(10, 130)
    parts = [image[rows, columns], image[115:, columns], image[rows, 130:], image[115:, 130:]]
    for method in ("otsu", "global_otsu"):
        whole = foreground_levels([image], method)
        pooled = foreground_levels(parts, method)
        if method == "otsu":
            assert whole.otsu is not None
            assert pooled.otsu is not None
            assert pooled.otsu.threshold == pytest.approx(whole.otsu.threshold, abs=0.02)
        else:
            assert pooled.threshold == pytest.approx(whole.threshold, rel=0.03)
        assert pooled.outlines is not None
        assert whole.outlines is not None
        assert pooled.outlines.contrast == pytest.approx(whole.outlines.contrast, rel=0.1)


def test_a_plane_without_contrast_has_no_foreground() -> None:
    image = np.full((ROWS[-1], COLUMNS[-1]), 5.0)
    for method in ("otsu", "global_otsu"):
        found, levels = in_parts(image, method)
        assert levels.constant
        assert not found.any()


def test_iem_may_be_run_in_parts() -> None:
    image = nuclei()
    expected = foreground_mask(image, "iem")
    found, _ = in_parts(image, "iem", outlines="keep")
    assert (found & expected).sum() > 0.8 * (found | expected).sum()


def test_levels_of_another_foreground_are_refused() -> None:
    image = nuclei()
    levels = foreground_levels([image], "otsu")
    plane = ArrayPlane(image)
    run = iterate_window_foreground(plane, CORES[0], "global_otsu", levels)
    with pytest.raises(ParameterError, match="find them anew"):
        next(run)
    with pytest.raises(ParameterError, match="sampled like the image"):
        foreground_levels([image], ArrayPlane(np.ones((3, 4), bool)))
    with pytest.raises(ParameterError, match="otsuu"):
        foreground_levels([image], "otsuu")
    with pytest.raises(ImageError, match="finite"):
        foreground_levels([np.full((3, 4), np.nan)], "otsu")

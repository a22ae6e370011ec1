from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.foreground import (
    FOREGROUND_METHODS,
    ConstantImageWarning,
    foreground_probability,
    mask_from_labels,
    threshold,
)


def nuclei(
    *, scale: int = 1, pedestal: float = 100.0, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Round nuclei of very unequal brightness, 25 pixels wide at scale 1, with noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: 160 * scale, : 160 * scale] / scale
    image = np.zeros(y.shape)
    truth = np.zeros(y.shape, bool)
    for number, (cy, cx) in enumerate(
        (cy, cx) for cy in range(20, 160, 40) for cx in range(20, 160, 40)
    ):
        disc = (y - cy) ** 2 + (x - cx) ** 2 < 12.5**2
        truth |= disc
        image[disc] = (150, 300, 600, 1200)[number % 4]
    noise = ndimage.gaussian_filter(random.normal(0, 1, y.shape), 0.4 * scale) * 20 * scale
    return ndimage.gaussian_filter(image, 0.7 * scale) + pedestal + noise, truth


def iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / (one | other).sum())


def otsu_mask(image: NDArray[np.generic], diameter: float = 25.0) -> NDArray[np.bool_]:
    return threshold(foreground_probability(image, "otsu", diameter=diameter))


def test_dim_and_bright_nuclei_are_found() -> None:
    image, truth = nuclei()
    assert iou(otsu_mask(image), truth) > 0.93


@pytest.mark.parametrize("scale", [2, 3])
def test_the_diameter_scales_what_counts_as_a_speck(scale: int) -> None:
    image, truth = nuclei(scale=scale)
    image[2 : 2 + 4 * scale, 2 : 2 + 4 * scale] = 1500  # 16 px at the scale of 25 px cells
    assert iou(otsu_mask(image, 25 * scale), truth) > 0.93
    assert not otsu_mask(image, 25 * scale)[: 8 * scale, : 8 * scale].any()
    assert otsu_mask(image, 25)[: 8 * scale, : 8 * scale].any()


@settings(deadline=None, max_examples=20)
@given(gain=st.floats(1e-3, 1e3), pedestal=st.floats(-1e4, 1e5), seed=st.integers(0, 5))
def test_gain_and_pedestal_do_not_matter(gain: float, pedestal: float, seed: int) -> None:
    image, _ = nuclei(seed=seed)
    changed = foreground_probability(image * gain + pedestal, "otsu")
    assert changed == pytest.approx(foreground_probability(image, "otsu"), abs=1e-3)


def test_small_holes_are_filled_and_large_ones_kept() -> None:
    image, _ = nuclei()
    image[59:62, 59:62] = 100
    assert otsu_mask(image)[57:64, 57:64].all()
    image[56:66, 56:66] = 100
    assert not otsu_mask(image)[60:62, 60:62].any()


def test_the_probability_is_soft_and_the_level_moves_the_outline() -> None:
    image, _ = nuclei()
    probability = foreground_probability(image, "otsu")
    assert probability.dtype == np.float32
    assert probability.min() >= 0
    assert probability.max() <= 1
    areas = [int(threshold(probability, level).sum()) for level in (0.2, 0.4, 0.5, 0.6, 0.8)]
    assert areas == sorted(areas, reverse=True)
    assert len(set(areas)) == len(areas)


def test_integers_and_floats_give_the_same() -> None:
    image = nuclei()[0].round().astype(np.uint16)
    assert np.array_equal(otsu_mask(image), otsu_mask(image.astype(np.float32)))


def test_unknown_pixels_are_background_and_change_nothing_else() -> None:
    image, truth = nuclei()
    holes = np.random.default_rng(1).random(image.shape) < 0.02
    broken = np.where(holes, np.nan, image)
    broken[0, 0] = np.inf
    mask = otsu_mask(broken)
    assert not mask[holes].any()
    assert not mask[0, 0]
    assert iou(mask[~holes], truth[~holes]) > 0.92


@pytest.mark.parametrize("with_unknown", [False, True])
def test_a_constant_plane_has_no_foreground_and_says_so(with_unknown: bool) -> None:
    image = np.full((30, 40), 7.0)
    image[3, 4] = np.nan if with_unknown else 7
    with pytest.warns(ConstantImageWarning, match="same intensity"):
        probability = foreground_probability(image, "otsu")
    assert not probability.any()
    assert probability.shape == image.shape


def test_nearly_constant_planes_do_not_break() -> None:
    image = np.zeros((200, 200))
    image[50:56, 50:56] = 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mask = otsu_mask(image)
    assert iou(mask, image > 0) > 0.8


def test_none_takes_every_pixel() -> None:
    image, _ = nuclei()
    assert threshold(foreground_probability(image, "none")).all()
    assert foreground_probability(np.full((3, 4), 5), "none").shape == (3, 4)


@pytest.mark.parametrize("method", list(FOREGROUND_METHODS))
def test_images_that_cannot_be_used_are_refused(method: str) -> None:
    with pytest.raises(ImageError, match="all are NaN"):
        foreground_probability(np.full((3, 3), np.nan), method)
    with pytest.raises(ImageError, match="got 3 axes"):
        foreground_probability(np.zeros((3, 3, 3)), method)
    with pytest.raises(ImageError):
        foreground_probability(np.zeros((0, 3)), method)


def test_parameters_that_cannot_work_are_refused() -> None:
    image = np.zeros((4, 4))
    with pytest.raises(ParameterError, match=r"'huang'.*none, otsu"):
        foreground_probability(image, "huang")
    with pytest.raises(ParameterError, match=r"diameter.*got 0"):
        foreground_probability(image, "otsu", diameter=0)
    for level in (-0.1, 1.0, float("nan")):
        with pytest.raises(ParameterError, match="level"):
            threshold(image, level)


def test_the_baseline_is_one_threshold_of_the_raw_intensities() -> None:
    image, _ = nuclei()
    image[:3] = np.nan
    mask = threshold(foreground_probability(image, "global_otsu"))
    assert not mask[:3].any()
    known = image[3:]
    np.testing.assert_array_equal(mask[3:], known > threshold_otsu(known))
    with pytest.warns(ConstantImageWarning, match="same intensity"):
        assert not foreground_probability(np.full((9, 9), 7), "global_otsu").any()


def test_masks_and_labels_become_a_foreground() -> None:
    assert mask_from_labels(np.array([[0, 1, 255]], np.uint8)).tolist() == [[False, True, True]]
    assert mask_from_labels(np.array([[True, False]])).tolist() == [[True, False]]
    assert mask_from_labels(np.array([[0.0, np.nan, 0.5]])).tolist() == [[False, False, True]]


@pytest.mark.data
@pytest.mark.parametrize(("data_set", "expected"), [("BBBC039", 0.90), ("DSB2018", 0.80)])
def test_agrees_with_annotated_nuclei(data_folder: Path, data_set: str, expected: float) -> None:
    scores = []
    for path in sorted((data_folder / data_set / "labelled" / "img").glob("*.tif")):
        truth = tifffile.imread(path.parents[1] / "gt" / path.name) > 0
        scores.append(iou(otsu_mask(tifffile.imread(path)), truth))
    assert np.mean(scores) > expected

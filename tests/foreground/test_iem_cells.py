"""IEM where many cells share an image: starts, tiles, diameters, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from iem_scenes import iou
from numpy.typing import NDArray
from scipy import ndimage

from generators import finish
from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.foreground import (
    ConstantImageWarning,
    foreground_probability,
    iterate_foreground_probability,
    threshold,
)
from napari_inpaintaff.foreground.iem_cells import above_background
from napari_inpaintaff.images import simulate_dense_nuclei
from napari_inpaintaff.jobs import Progress


def mask_of(image: NDArray[np.generic], diameter: float = 25.0) -> NDArray[np.bool_]:
    probability = foreground_probability(image, "iem", diameter=diameter, device="cpu")
    assert probability.dtype == np.float32
    assert 0 <= probability.min() <= probability.max() <= 1
    return threshold(probability)


@pytest.fixture(scope="module")
def nuclei() -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    image, labels = simulate_dense_nuclei(shape=(200, 170), seed=2, coverage=0.25)
    return image, labels > 0


def test_many_nuclei_are_found(nuclei):
    image, truth = nuclei
    assert iou(mask_of(image), truth) > 0.85


def test_an_uneven_background_is_no_foreground(nuclei):
    image, truth = nuclei
    uneven = image + 0.5 * np.percentile(image, 99) * np.linspace(0, 1, image.shape[1]) ** 2
    found = iou(mask_of(uneven), truth)
    assert found > 0.85
    for method in ("otsu", "global_otsu"):
        assert iou(threshold(foreground_probability(uneven, method)), truth) < found - 0.2


def test_the_result_follows_the_diameter(nuclei):
    image, truth = nuclei
    large = ndimage.zoom(image.astype(float), 2, order=1)
    assert iou(mask_of(large, 50.0), ndimage.zoom(truth, 2, order=0)) > 0.85


def test_tiles_leave_no_seams():
    """A part of the image that is far from its border does not depend on the cut."""
    image, _ = simulate_dense_nuclei(shape=(260, 260), seed=5, coverage=0.25)
    whole = mask_of(image)
    shifted = mask_of(image[9:, 13:])
    np.testing.assert_allclose(iou(whole[60:200, 60:200], shifted[51:191, 47:187]), 1, atol=0.02)


def test_unknown_pixels_are_background(nuclei):
    image, truth = nuclei
    broken = image.astype(float)
    broken[50:60, :80] = np.nan
    broken[3, 3] = np.inf
    mask = mask_of(broken)
    known = np.isfinite(broken)
    assert not mask[~known].any()
    assert iou(mask[known], truth[known]) > 0.85


def test_the_background_is_taken_away_and_unknown_pixels_are_nothing():
    image = np.full((80, 90), 500.0) + np.arange(90.0)
    image[30:45, 40:55] += 400
    image[0, 0] = np.nan
    above = above_background(image, 15.0)
    assert above[0, 0] == 0
    assert above[37, 47] == pytest.approx(20, rel=0.05)
    assert np.median(above) < 2


def test_a_constant_plane_has_no_foreground_and_says_so():
    image = np.full((40, 40), 7.0)
    image[0, 0] = np.nan
    with pytest.warns(ConstantImageWarning, match="no contrast"):
        assert not foreground_probability(image, "iem").any()


def test_too_small_an_image_is_refused_in_a_sentence():
    image = np.random.default_rng(0).normal(size=(8, 40))
    with pytest.raises(ImageError, match=r"8 x 40 pixels.*cells of 25 pixels.*at least 9"):
        foreground_probability(image, "iem")
    assert foreground_probability(image, "iem", diameter=12).shape == image.shape


def test_progress_is_told_between_tiles(nuclei):
    image, _ = nuclei
    updates, result = finish(iterate_foreground_probability(image, "iem", device="cpu"))
    assert all(isinstance(update, Progress) for update in updates)
    assert "inpainting" in updates[0].message
    assert len(updates) >= 2
    np.testing.assert_array_equal(result, foreground_probability(image, "iem", device="cpu"))
    updates, quick = finish(iterate_foreground_probability(image, "otsu"))
    assert updates == []
    np.testing.assert_array_equal(quick, foreground_probability(image, "otsu"))

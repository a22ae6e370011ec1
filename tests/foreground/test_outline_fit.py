"""Outlines that miss the edges of the image are moved there; all others stay."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.foreground import fit_outlines

DIAMETER = 25.0
SIZE = 160


def discs(*middles: tuple[float, float], radius: float = 12.0) -> NDArray[np.bool_]:
    y, x = np.mgrid[:SIZE, :SIZE]
    return np.any([np.hypot(y - a, x - b) < radius for a, b in middles], axis=0)


CELLS = discs((30, 30), (32, 80), (80, 50), (110, 110), (50, 125))


def picture(
    cells: NDArray[np.bool_], *, height: float = 100.0, seed: int = 0
) -> NDArray[np.float64]:
    noise = np.random.default_rng(seed).normal(scale=3, size=cells.shape)
    return 500 + ndimage.gaussian_filter(height * cells.astype(float), 1.2) + noise


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / (one | other).sum())


def ragged(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    depth = ndimage.distance_transform_edt(cells) - ndimage.distance_transform_edt(~cells)
    noise = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=cells.shape), 3)
    return np.asarray(depth + 3 * noise / noise.std() > 0.5, bool)


def grown(pixels: int) -> NDArray[np.bool_]:
    change = ndimage.binary_dilation if pixels > 0 else ndimage.binary_erosion
    return np.asarray(change(CELLS, iterations=abs(pixels)), bool)


@pytest.mark.parametrize("height", [100.0, -100.0], ids=["bright cells", "dark cells"])
@pytest.mark.parametrize(
    "given_mask",
    [grown(3), grown(2), grown(-2), grown(-3), ragged(CELLS)],
    ids=["3 too wide", "2 too wide", "2 too narrow", "3 too narrow", "ragged"],
)
def test_outlines_that_miss_the_edges_are_found_again(
    given_mask: NDArray[np.bool_], height: float
) -> None:
    fit = fit_outlines(picture(CELLS, height=height), given_mask, diameter=DIAMETER)
    assert fit.better
    assert overlap(fit.mask, CELLS) > 0.93 > overlap(given_mask, CELLS) + 0.05


def test_the_shift_is_positive_where_outlines_move_inwards() -> None:
    image = picture(CELLS)
    wide, narrow = (fit_outlines(image, grown(n), diameter=DIAMETER) for n in (2, -2))
    assert 1.2 < wide.shift < 2.7
    assert -2.7 < narrow.shift < -1.0
    assert wide.sharpness < 0.6


def test_true_outlines_stay() -> None:
    fit = fit_outlines(picture(CELLS), CELLS, diameter=DIAMETER)
    assert not fit.better
    assert fit.distance < 1


def test_an_image_that_shows_no_cells_moves_nothing() -> None:
    noise = np.random.default_rng(0).normal(500, 20, CELLS.shape)
    for mask in (grown(2), grown(-2), ragged(CELLS)):
        assert not fit_outlines(noise, mask, diameter=DIAMETER).better
    assert not fit_outlines(np.full(CELLS.shape, 7), CELLS, diameter=DIAMETER).better


def test_a_dim_cell_is_measured_by_its_own_brightness() -> None:
    """With one threshold for the image, the dim cell would vanish or the bright ones swell."""
    dim = discs((110, 30))
    image = picture(CELLS, height=400) + picture(dim, height=120, seed=1)
    both = CELLS | dim
    fit = fit_outlines(image, ndimage.binary_dilation(both, iterations=2), diameter=DIAMETER)
    near = ndimage.binary_dilation(dim, iterations=5)
    assert overlap(fit.mask & near, dim) > 0.9
    assert overlap(fit.mask & ~near, CELLS) > 0.93


def test_a_painted_cell_that_the_image_does_not_show_stays() -> None:
    painted = discs((130, 30))
    fit = fit_outlines(picture(CELLS), grown(2) | painted, diameter=DIAMETER)
    near = ndimage.binary_dilation(painted, iterations=4)
    assert fit.better
    assert np.array_equal(fit.mask & near, painted)


def test_unknown_pixels_keep_what_they_are() -> None:
    image = picture(CELLS)
    image[20:45, 25:35] = np.nan
    wide = grown(2)
    fit = fit_outlines(image, wide, diameter=DIAMETER)
    unknown = np.isnan(image)
    assert fit.better
    assert np.array_equal(fit.mask[unknown], wide[unknown])
    assert overlap(fit.mask & ~unknown, CELLS & ~unknown) > 0.93


@pytest.mark.parametrize("mask", [np.zeros((40, 40), bool), np.ones((40, 40), bool)])
def test_without_an_outline_nothing_changes(mask: NDArray[np.bool_]) -> None:
    fit = fit_outlines(np.random.default_rng(0).normal(size=mask.shape), mask)
    assert not fit.better
    assert np.array_equal(fit.mask, mask)


@given(seed=st.integers(0, 1000), diameter=st.floats(4, 60), tilt=st.floats(-5, 5))
def test_nothing_moves_by_more_than_a_sixth_of_a_cell(
    seed: int, diameter: float, tilt: float
) -> None:
    random = np.random.default_rng(seed)
    mask = ndimage.gaussian_filter(random.normal(size=(48, 48)), 3) > 0.02
    image = random.normal(size=mask.shape) + tilt * mask + np.arange(48)
    fit = fit_outlines(image, mask, diameter=diameter)
    depth = np.where(
        mask, ndimage.distance_transform_edt(mask), ndimage.distance_transform_edt(~mask)
    )
    assert depth[fit.mask != mask].max(initial=0) <= diameter / 6 + 0.5
    assert np.isfinite([fit.distance, fit.shift, fit.sharpness]).all()


def test_brightness_and_its_unit_do_not_matter() -> None:
    image, mask = picture(CELLS), grown(2)
    one = fit_outlines(image, mask, diameter=DIAMETER).mask
    assert np.array_equal(one, fit_outlines(image * 1e-4 - 3, mask, diameter=DIAMETER).mask)


def test_what_cannot_work_is_said() -> None:
    with pytest.raises(ImageError, match="alike"):
        fit_outlines(np.zeros((4, 4)), np.zeros((4, 5), bool))
    with pytest.raises(ParameterError, match="diameter"):
        fit_outlines(np.zeros((4, 4)), np.zeros((4, 4), bool), diameter=0)

"""Distances between sets of pixels, compared with scipy."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.networks.morphology import band, dilate

Masks = NDArray[np.bool_]


def some_masks(seed: int, density: float) -> Masks:
    return np.random.default_rng(seed).random((3, 17, 23)) < density


def within(mask: Masks, distance: int) -> Masks:
    """Return the pixels within a Chebyshev distance of a set, by scipy."""
    if not mask.any():
        return np.zeros_like(mask)
    reached: Masks = ndimage.distance_transform_cdt(~mask, metric="chessboard") <= distance
    return reached


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**31),
    density=st.sampled_from([0.0, 0.01, 0.2, 1.0]),
    distance=st.integers(0, 9),
)
def test_dilate_equals_scipy(seed: int, density: float, distance: int) -> None:
    masks = some_masks(seed, density)
    given_masks = torch.from_numpy(masks.copy())
    dilated = dilate(given_masks, distance).numpy()
    for mask, result in zip(masks, dilated, strict=True):
        np.testing.assert_array_equal(result, within(mask, distance))
    np.testing.assert_array_equal(given_masks.numpy(), masks, "the argument was changed")


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**31),
    density=st.sampled_from([0.0, 0.02, 0.5, 1.0]),
    distances=st.lists(st.integers(1, 8), min_size=3, max_size=3),
)
def test_band_equals_scipy(seed: int, density: float, distances: list[int]) -> None:
    region = ndimage.uniform_filter(some_masks(seed, 0.6).astype(float), (0, 5, 5)) > 0.5
    side = region & some_masks(seed + 1, density)
    other = region & ~side
    result = band(
        torch.from_numpy(side), torch.from_numpy(other), torch.tensor(distances), limit=8
    ).numpy()
    for index, distance in enumerate(distances):
        near_both = within(side[index], distance) & within(other[index], distance)
        np.testing.assert_array_equal(result[index], near_both & region[index])


def test_band_of_a_straight_cut() -> None:
    side = torch.zeros(1, 10, 20, dtype=torch.bool)
    side[:, :, :8] = True
    result = band(side, ~side, torch.tensor([3]), limit=8)
    columns = result[0].all(0).nonzero()[:, 0].tolist()
    assert columns == [5, 6, 7, 8, 9, 10]
    assert result.sum() == 60

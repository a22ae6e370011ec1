"""The grid of patches: every pixel equally often, anchored at the first pixel."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images import origins_with, patch_grids, patch_origins

SHAPES = st.tuples(st.integers(1, 60), st.integers(1, 60))


def count_patches(shape: tuple[int, int], patch: int, stride: int) -> NDArray[np.int_]:
    count = np.zeros(shape, int)
    for y, x in patch_origins(shape, patch, stride):
        count[max(y, 0) : y + patch, max(x, 0) : x + patch] += 1
    return count


@given(shape=SHAPES, stride=st.integers(1, 16), repeats=st.integers(1, 4))
def test_every_pixel_lies_in_the_same_number_of_patches(
    shape: tuple[int, int], stride: int, repeats: int
) -> None:
    count = count_patches(shape, repeats * stride, stride)
    assert (count == repeats**2).all()


@given(shape=SHAPES, patch=st.integers(1, 40), data=st.data())
def test_any_stride_covers_everything_and_no_patch_is_empty(
    shape: tuple[int, int], patch: int, data: st.DataObject
) -> None:
    stride = data.draw(st.integers(1, patch))
    assert count_patches(shape, patch, stride).min() >= 1
    for origin in patch_origins(shape, patch, stride):
        for start, length in zip(origin, shape, strict=True):
            assert start % stride == 0
            assert -patch < start < length


@given(shape=SHAPES, crop=SHAPES, stride=st.integers(1, 16))
def test_a_crop_at_the_first_pixel_has_the_patches_of_the_image(
    shape: tuple[int, int], crop: tuple[int, int], stride: int
) -> None:
    crop = (min(shape[0], crop[0]), min(shape[1], crop[1]))
    of_image = patch_origins(shape, 2 * stride, stride)
    assert patch_origins(crop, 2 * stride, stride) == [
        (y, x) for y, x in of_image if y < crop[0] and x < crop[1]
    ]


def test_known_grid() -> None:
    assert patch_origins((5, 3), 4, 2) == [(y, x) for y in (-2, 0, 2, 4) for x in (-2, 0, 2)]


@pytest.mark.parametrize("stride", [0, -1, 65])
def test_impossible_strides(stride: int) -> None:
    with pytest.raises(ParameterError, match=f"between 1 and the patch of 64, got {stride}"):
        patch_origins((100, 100), 64, stride)


@given(shape=SHAPES, patch=st.integers(2, 40), data=st.data())
def test_grids_part_the_patches_and_each_covers_everything(
    shape: tuple[int, int], patch: int, data: st.DataObject
) -> None:
    stride = data.draw(st.integers(1, patch))
    grids = patch_grids(shape, patch, stride)
    assert len(grids) == (patch // stride) ** 2
    assert sorted(chain.from_iterable(grids)) == sorted(patch_origins(shape, patch, stride))
    for grid in grids:
        covered = np.zeros(shape, bool)
        for y, x in grid:
            covered[max(y, 0) : y + patch, max(x, 0) : x + patch] = True
        # Beyond the borders a coarse grid may begin late, but never by a whole patch.
        inner = covered[patch:-patch, patch:-patch]
        assert inner.all()


def test_the_second_grid_fills_the_widest_gap() -> None:
    first, second, *_ = patch_grids((100, 100), 64, 16)
    assert (np.array(second[0]) - first[0]).tolist() in ([32, 32], [-32, -32], [32, -32], [-32, 32])


@given(shape=SHAPES, patch=st.integers(1, 30), seed=st.integers(0, 99))
def test_patches_without_a_pixel_of_a_mask_are_left_out(
    shape: tuple[int, int], patch: int, seed: int
) -> None:
    mask = np.random.default_rng(seed).random(shape) < 0.01
    origins = patch_origins(shape, patch, patch)
    chosen = origins_with(mask, origins, patch)
    assert chosen == [
        (y, x)
        for y, x in origins
        if any(y <= v < y + patch and x <= u < x + patch for v, u in np.argwhere(mask))
    ]

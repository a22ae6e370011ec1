"""Filters of objects: what stays keeps its number and its pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.measurement import (
    ObjectFilter,
    clear_border,
    count_objects,
    fill_holes,
    filter_objects,
    keep_sizes,
)

PLANES = hnp.arrays(
    np.uint16,
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12),
    elements=st.sampled_from([0, 0, 3, 7, 60_000]),
)


@given(PLANES, st.integers(0, 30), st.integers(1, 40))
def test_sizes_that_stay_are_within_the_limits_and_unchanged(plane, minimum, more):
    kept = keep_sizes(plane, minimum, minimum + more)
    for value in np.unique(plane[plane > 0]):
        size = np.count_nonzero(plane == value)
        stays = minimum <= size <= minimum + more
        assert np.array_equal(kept == value, (plane == value) & stays)
    assert kept.dtype == plane.dtype


@given(PLANES)
def test_filled_objects_have_no_hole_and_nothing_else_changes(plane):
    filled = fill_holes(plane)
    assert np.array_equal(filled[plane > 0], plane[plane > 0])
    for value in np.unique(plane[plane > 0]):
        holes = ndimage.binary_fill_holes(filled == value) & (filled == 0)
        assert not holes.any()
    added = (filled > 0) & (plane == 0)
    for y, x in np.argwhere(added):
        assert ndimage.binary_fill_holes(plane == filled[y, x])[y, x]


@given(PLANES)
def test_what_stays_inside_does_not_touch_the_edge(plane):
    inside = clear_border(plane)
    edge = np.ones(plane.shape, dtype=bool)
    edge[1:-1, 1:-1] = False
    assert not inside[edge].any()
    for value in np.unique(plane[plane > 0]):
        touches = (plane == value)[edge].any()
        assert np.array_equal(inside == value, (plane == value) & (not touches))


@settings(max_examples=50)
@given(PLANES, st.booleans(), st.booleans(), st.integers(0, 9))
def test_a_filter_applied_twice_changes_nothing_more(plane, holes, border, minimum):
    wanted = ObjectFilter(fill_holes=holes, clear_border=border, minimum_size=minimum)
    before = plane.copy()
    once = filter_objects(plane, wanted)
    assert np.array_equal(filter_objects(once, wanted), once)
    assert np.array_equal(plane, before)
    assert count_objects(once) <= count_objects(plane)


def test_a_cell_in_a_ring_keeps_its_own_hole():
    plane = np.zeros((9, 9), dtype=np.uint8)
    plane[:, :] = 5
    plane[1:-1, 1:-1] = 0
    plane[3:6, 3:6] = 2
    plane[4, 4] = 0
    filled = fill_holes(plane)
    assert filled[4, 4] == 2
    assert filled[1, 1] == 5
    assert np.count_nonzero(filled == 2) == 9


def test_holes_are_filled_before_sizes_are_compared():
    ring = np.ones((3, 3), dtype=np.uint8)
    ring[1, 1] = 0
    plane = np.pad(ring, 1)
    assert count_objects(filter_objects(plane, ObjectFilter(minimum_size=9))) == 0
    filled = filter_objects(plane, ObjectFilter(minimum_size=9, fill_holes=True))
    assert np.count_nonzero(filled) == 9


@pytest.mark.parametrize("sizes", [(-1, None), (5, 4), (0, 0)])
def test_sizes_that_cannot_work_are_refused(sizes):
    with pytest.raises(ParameterError, match="size must"):
        ObjectFilter(minimum_size=sizes[0], maximum_size=sizes[1])


@pytest.mark.parametrize(
    "plane",
    [np.zeros((2, 3, 3), int), np.zeros((0, 3), int), np.zeros((2, 2)), -np.eye(2, dtype=int)],
)
def test_what_is_no_plane_of_labels_is_refused(plane):
    with pytest.raises(ImageError):
        filter_objects(plane, ObjectFilter(fill_holes=True))

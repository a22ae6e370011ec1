"""Identities over frames: what overlaps keeps its number."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.measurement import link_labels, link_planes

STACKS = hnp.arrays(
    np.uint8,
    st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(1, 6)),
    elements=st.integers(0, 4),
)


def squares(*corners: tuple[int, int], side: int = 6, numbers: tuple[int, ...] = ()) -> np.ndarray:
    plane = np.zeros((40, 40), dtype=np.uint16)
    for number, (y, x) in zip(numbers or range(1, 99), corners, strict=False):
        plane[y : y + side, x : x + side] = number
    return plane


def test_moving_cells_keep_their_number_whatever_it_was():
    frames = np.stack(
        [
            squares((2, 2), (20, 20), numbers=(9, 4)),
            squares((3, 2), (21, 21), numbers=(1, 7)),
            squares((4, 3), (22, 21), numbers=(5, 2)),
        ]
    )
    linked = link_labels(frames)
    for frame, y in zip(linked, (2, 3, 4), strict=True):
        assert frame[y + 2, 4] == 2  # the second of 4 and 9
        assert frame[y + 20, 23] == 1
    assert linked.max() == 2


def test_new_and_returning_cells_get_new_numbers():
    both, one = squares((2, 2), (20, 20)), squares((2, 2))
    linked = link_labels(np.stack([both, one, both]))
    assert [frame[4, 4] for frame in linked] == [1, 1, 1]
    assert linked[0][22, 22] == 2
    assert linked[2][22, 22] == 3


def test_the_sum_of_overlaps_decides_not_the_first_come():
    # Both new pieces overlap the first cell most; one of them has another home.
    before, after = np.zeros((2, 1, 12), dtype=np.uint8)
    before[0, :6], before[0, 6:8] = 1, 2
    after[0, :4], after[0, 4:8] = 1, 2
    linked = link_labels(np.stack([before, after]))
    assert linked[1, 0].tolist() == [1, 1, 1, 1, 2, 2, 2, 2, 0, 0, 0, 0]


def test_too_little_overlap_is_another_cell():
    frames = np.stack([squares((2, 2)), squares((2, 7))])  # IoU 6 / 66
    assert link_labels(frames)[1].max() == 2
    assert link_labels(frames, minimum_iou=0.09)[1].max() == 1


@settings(max_examples=100, deadline=None)
@given(STACKS)
def test_linking_only_renames(stack):
    linked = link_labels(stack)
    assert linked.shape == stack.shape
    for before, after in zip(stack, linked, strict=True):
        pairs = {(int(a), int(b)) for a, b in zip(before.flat, after.flat, strict=True)}
        assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs)
        assert all((a == 0) == (b == 0) for a, b in pairs)
    used = np.unique(linked[linked > 0])
    assert used.tolist() == list(range(1, used.size + 1))
    # What is linked already stays, and neighbours with one number do overlap.
    np.testing.assert_array_equal(link_labels(linked), linked)
    for first, second in itertools.pairwise(linked):
        for number in np.intersect1d(first[first > 0], second[second > 0]):
            a, b = first == number, second == number
            assert (a & b).sum() / (a | b).sum() >= 0.1


def test_frames_are_read_one_at_a_time():
    read: list[int] = []

    def frames():
        for number in range(4):
            read.append(number)
            yield squares((2, 2 + number))

    linked = link_planes(frames())
    next(linked)
    assert read == [0]
    next(linked)
    assert read == [0, 1]


def test_time_lapses_of_stacks_are_linked_over_depth_and_time():
    volume = np.stack([squares((2, 2), numbers=(3,)), squares((3, 3), numbers=(8,))])
    lapse = np.stack([volume, volume[::-1]])
    linked = link_labels(lapse)
    assert set(np.unique(linked)) == {0, 1}


def test_what_cannot_be_linked_is_refused():
    with pytest.raises(ImageError, match="stack"):
        link_labels(np.zeros((3, 3), dtype=int))
    with pytest.raises(ImageError, match="whole numbers"):
        link_labels(np.zeros((2, 3, 3)))
    with pytest.raises(ImageError, match="shape"):
        list(link_planes([np.zeros((3, 3), int), np.zeros((3, 4), int)]))
    with pytest.raises(ParameterError, match="minimum_iou"):
        link_labels(np.zeros((2, 3, 3), int), minimum_iou=0)

"""Corrections with known answers: merge, delete, lock, paint, and the history."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.partition.corrections import (
    CorrectionError,
    Corrections,
    LabelState,
    delete,
    lock,
    merge,
    paint,
    split,
    unlock,
)

LABELS = np.array(
    [
        [1, 1, 2, 2, 0],
        [1, 1, 2, 2, 0],
        [0, 0, 0, 0, 0],
        [3, 3, 0, 7, 7],
    ],
    np.uint16,
)


@pytest.fixture
def state() -> LabelState:
    return LabelState(LABELS)


def test_merging_gives_all_the_number_of_the_first(state):
    edit = merge(state, [2, 1])
    state.apply(edit)
    expected = np.where(LABELS == 1, 2, LABELS)
    np.testing.assert_array_equal(state.labels, expected)
    assert state.labels.dtype == np.uint16
    assert set(state.segments) == {2, 3, 7}
    assert state.box(2) == (slice(0, 2), slice(0, 4))


def test_an_edit_holds_only_the_changed_rectangle(state):
    edit = merge(state, [1, 7])
    assert edit.window == (slice(3, 4), slice(3, 5))
    np.testing.assert_array_equal(edit.old, [[7, 7]])
    np.testing.assert_array_equal(edit.new, [[1, 1]])


def test_deleting_makes_background(state):
    state.apply(delete(state, 7))
    np.testing.assert_array_equal(state.labels, np.where(LABELS == 7, 0, LABELS))
    with pytest.raises(CorrectionError, match="no segment 7"):
        delete(state, 7)


@pytest.mark.parametrize(
    ("segments", "message"),
    [([1], "two"), ([1, 1], "two"), ([1, 9], "no segment 9"), ([1, 0], "ba")],
)
def test_segments_that_cannot_be_merged(state, segments, message):
    with pytest.raises(CorrectionError, match=message):
        merge(state, segments)


def test_locked_segments_refuse_every_operation():
    corrections = Corrections(LABELS)
    early = delete(corrections.state, 1)
    corrections.do(lock(corrections.state, [1]))
    seeds = np.zeros_like(LABELS)
    seeds[0, :2] = 1, 2
    for attempt in (
        lambda: merge(corrections.state, [2, 1]),
        lambda: delete(corrections.state, 1),
        lambda: split(corrections.state, seeds),
        # Made before the lock, so only applying it can see that.
        lambda: corrections.do(early),
    ):
        with pytest.raises(CorrectionError, match="Segment 1 is locked"):
            attempt()
    np.testing.assert_array_equal(corrections.state.labels, LABELS)
    corrections.do(unlock(corrections.state, [1]))
    corrections.do(delete(corrections.state, 1))
    assert 1 not in corrections.state.segments


def test_locks_are_undone_in_their_turn():
    corrections = Corrections(LABELS)
    corrections.do(delete(corrections.state, 2))
    corrections.do(lock(corrections.state, [1]))
    assert corrections.state.locked == {1}
    corrections.undo()
    assert corrections.state.locked == set()
    corrections.undo()
    np.testing.assert_array_equal(corrections.state.labels, LABELS)
    corrections.redo()
    corrections.redo()
    assert corrections.state.locked == {1}
    assert corrections.redo() is None


def test_painting_over_a_locked_segment_keeps_it():
    corrections = Corrections(LABELS)
    corrections.do(lock(corrections.state, [1]))
    painted = LABELS.copy()
    painted[1, :] = 2
    painted[2, 4] = 1
    edit = paint(corrections.state, painted)
    corrections.do(edit)
    np.testing.assert_array_equal(corrections.state.labels[1], [1, 1, 2, 2, 2])
    assert corrections.state.labels[2, 4] == 0
    assert paint(corrections.state, corrections.state.labels.copy()) is None


def test_numbers_that_the_type_cannot_hold_are_refused():
    labels = np.zeros((4, 8), np.uint8)
    labels[:] = 255
    seeds = np.zeros_like(labels)
    seeds[:, 0], seeds[:, 7] = 1, 2
    with pytest.raises(CorrectionError, match="wider type"):
        split(LabelState(labels), seeds)


def test_high_numbers_need_no_memory():
    labels = LABELS.astype(np.uint32)
    labels[labels == 7] = 4_000_000_000
    state = LabelState(labels)
    assert state.box(4_000_000_000) == (slice(3, 4), slice(3, 5))
    state.apply(merge(state, [4_000_000_000, 3]))
    assert set(state.segments) == {1, 2, 4_000_000_000}


@pytest.mark.parametrize("labels", [LABELS[np.newaxis], LABELS.astype(float), -LABELS.astype(int)])
def test_labels_that_cannot_be_corrected(labels):
    with pytest.raises(ImageError):
        LabelState(labels)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_undo_of_any_sequence_restores_every_byte_and_redo_repeats_it(data):
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    start = random.integers(0, 6, (9, 11)).astype(np.int32)
    corrections = Corrections(start)
    seen = [(start.copy(), frozenset())]
    for _ in range(data.draw(st.integers(1, 12))):
        try:
            corrections.do(_random_edit(data, random, corrections.state))
        except CorrectionError:
            continue
        seen.append((corrections.state.labels.copy(), frozenset(corrections.state.locked)))
    for _ in range(2):
        for labels, locked in reversed(seen[:-1]):
            assert corrections.undo() is not None
            _assert_state(corrections, labels, locked)
        assert corrections.undo() is None
        for labels, locked in seen[1:]:
            assert corrections.redo() is not None
            _assert_state(corrections, labels, locked)
        assert corrections.redo() is None


def _random_edit(data, random, state):
    segment, other = random.integers(0, 8, 2).tolist()
    kind = data.draw(st.sampled_from(["merge", "delete", "lock", "unlock", "paint", "split"]))
    if kind == "merge":
        return merge(state, [segment, other])
    if kind == "delete":
        return delete(state, segment)
    if kind in ("lock", "unlock"):
        return (lock if kind == "lock" else unlock)(state, [segment])
    row, column = random.integers(0, 8, 2)
    changed = np.zeros_like(state.labels) if kind == "split" else state.labels.copy()
    if kind == "split":
        rows, columns = np.nonzero(state.labels == segment)
        if rows.size < 2:
            raise CorrectionError("too small")
        changed[rows[0], columns[0]], changed[rows[-1], columns[-1]] = 1, 2
        return split(state, changed)
    changed[row : row + 3, column : column + 3] = segment
    edit = paint(state, changed)
    if edit is None:
        raise CorrectionError("nothing painted")
    return edit


def _assert_state(corrections, labels, locked):
    assert corrections.state.labels.tobytes() == labels.tobytes()
    assert corrections.state.locked == locked
    fresh = LabelState(labels)
    assert set(corrections.state.segments) == set(fresh.segments)
    for segment in fresh.segments:
        assert corrections.state.box(segment) == fresh.box(segment)

"""Marks of windows add up to the marks of the whole image."""

from __future__ import annotations

import numpy as np

from napari_inpaintaff.partition.corrections import Corrections, delete, lock, merge
from napari_inpaintaff.widgets.correction_marks import (
    LOCKED,
    PICKED,
    CorrectionMarks,
    mark_picture,
)


def test_locked_segments_are_hatched_and_the_picked_one_is_outlined():
    labels = np.zeros((30, 40), np.int32)
    labels[5:25, 5:20] = 1
    labels[5:25, 20:35] = 2
    picture = mark_picture(labels, {1}, 2)
    assert set(np.unique(picture[labels == 1])) == {0, LOCKED}
    assert set(np.unique(picture[labels == 2])) == {0, PICKED}
    assert not picture[labels == 0].any()
    assert np.all(picture[5:25, 18:20] == LOCKED)
    assert np.all(picture[5:25, 20:22] == PICKED)
    assert np.all(picture[8:22, 23:32] == 0)


def test_windows_add_up_to_the_whole(model_viewer):
    random = np.random.default_rng(3)
    labels = np.repeat(np.repeat(random.integers(0, 9, (8, 9)), 7, axis=0), 6, axis=1)
    layer = model_viewer.add_labels(labels.copy(), name="cells")
    corrections = Corrections(labels)
    marks = CorrectionMarks(model_viewer, layer, ())
    state = corrections.state
    for make in (
        lambda: lock(state, [3, 5]),
        lambda: merge(state, [1, 2]),
        lambda: delete(state, 4),
        lambda: merge(state, [1, 6]),
    ):
        edit = corrections.do(make())
        touched = [edit.window, *(state.box(n) for n in edit.locked)]
        marks.show(state, 1, [*touched, state.box(1)])
        expected = mark_picture(state.labels, state.locked, 1)
        np.testing.assert_array_equal(marks.layer.data, expected)
    marks.remove()
    assert list(model_viewer.layers) == [layer]

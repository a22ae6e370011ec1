"""Corrections come back from a file with everything that can be undone."""

from __future__ import annotations

import numpy as np
import pytest

from napari_inpaintaff.errors import ImageError, OutputError
from napari_inpaintaff.partition.corrections import (
    Corrections,
    SavedCorrections,
    delete,
    lock,
    merge,
    read_corrections,
    write_corrections,
)


@pytest.fixture
def corrections() -> Corrections:
    corrections = Corrections(np.repeat(np.arange(5, dtype=np.uint16), 3).reshape(3, 5))
    corrections.do(merge(corrections.state, [1, 2]))
    corrections.do(lock(corrections.state, [1]))
    corrections.do(delete(corrections.state, 4))
    corrections.undo()
    return corrections


def test_labels_locks_seeds_and_history_come_back(corrections, tmp_path):
    seeds = np.zeros((3, 5), np.uint8)
    seeds[1, 2] = 3
    path = write_corrections(tmp_path / "c.npz", SavedCorrections(corrections, seeds, "split"))
    back = read_corrections(path)
    np.testing.assert_array_equal(back.strokes, seeds)
    assert back.purpose == "split"
    assert back.corrections.history.position == 2
    assert [edit.name for edit in back.corrections.history.edits] == [
        "Merge 1 and 2",
        "Lock 1",
        "Delete 4",
    ]
    for step in ("redo", "undo", "undo", "undo"):
        assert back.corrections.state.labels.dtype == np.uint16
        getattr(back.corrections, step)()
        getattr(corrections, step)()
        np.testing.assert_array_equal(back.corrections.state.labels, corrections.state.labels)
        assert back.corrections.state.locked == corrections.state.locked


def test_a_file_that_is_something_else_is_refused(tmp_path):
    with pytest.raises(ImageError, match="there is no file"):
        read_corrections(tmp_path / "nothing.npz")
    text = tmp_path / "text.npz"
    text.write_text("hello")
    with pytest.raises(ImageError, match="no file of corrections"):
        read_corrections(text)
    np.savez(tmp_path / "other.npz", labels=np.zeros(3))
    with pytest.raises(ImageError, match="no file of corrections"):
        read_corrections(tmp_path / "other.npz")


def test_a_file_that_cannot_be_written_leaves_nothing(corrections, tmp_path):
    with pytest.raises(OutputError, match="must end in"):
        write_corrections(tmp_path / "c.txt", SavedCorrections(corrections))
    assert list(tmp_path.iterdir()) == []

"""Frames and smaller training sets of the papers' experiments."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from small_challenge import HELA, PSC, write_frame, write_hela

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.pipeline.reproduction.layout import (
    Frame,
    FrameChoice,
    challenge_frames,
    crowded_window,
)
from napari_inpaintaff.pipeline.reproduction.splits import find_frames
from napari_inpaintaff.pipeline.reproduction.subsets import (
    count_instances,
    halved_boxes,
    training_sets,
)


def frame(name: str = "01/t013") -> Frame:
    return Frame(name, Path("image.tif"), Path("truth.tif"), "gold")


def grid_of_cells(rows: int, columns: int, side: int = 16) -> np.ndarray:
    """Cells of half the side in the middle of square fields."""
    labels = np.zeros((rows * side, columns * side), np.uint16)
    number = 0
    for row in range(rows):
        for column in range(columns):
            number += 1
            y, x = row * side + side // 4, column * side + side // 4
            labels[y : y + side // 2, x : x + side // 2] = number
    return labels


def test_halving_takes_from_both_sides_in_x_and_y_in_turn() -> None:
    assert list(halved_boxes((64, 128)))[:5] == [
        (0, 64, 0, 128),
        (0, 64, 32, 96),
        (16, 48, 32, 96),
        (16, 48, 48, 80),
        (24, 40, 48, 80),
    ]


@given(height=st.integers(1, 3000), width=st.integers(1, 3000))
def test_halved_boxes_keep_the_centre_and_halve_the_area(height: int, width: int) -> None:
    boxes = list(halved_boxes((height, width)))
    assert (boxes == []) == (min(height, width) < 8)
    for before, (top, bottom, left, right) in pairwise(boxes):
        assert before[0] <= top < bottom <= before[1]
        assert before[2] <= left < right <= before[3]
        area = (before[1] - before[0]) * (before[3] - before[2])
        assert abs((bottom - top) * (right - left) - area / 2) <= max(height, width) / 2
        assert abs((top + bottom) / 2 - height / 2) <= 1
        assert abs((left + right) / 2 - width / 2) <= 1


def test_cells_count_where_at_least_half_of_them_lies() -> None:
    labels = np.zeros((20, 20), np.int32)
    labels[5:9, 4:12] = 70_000
    labels[12:16, 0:4] = 2
    assert count_instances(labels) == 2
    assert count_instances(labels, (0, 20, 8, 20)) == 1
    assert count_instances(labels, (0, 20, 9, 20)) == 0
    assert count_instances(labels, (0, 20, 0, 8)) == 2
    assert count_instances(labels * 0) == 0


@given(labels=hnp.arrays(np.uint8, (16, 24), elements=st.integers(0, 5)), cut=st.integers(0, 24))
def test_every_cell_counts_in_one_of_two_parts_at_least(labels: np.ndarray, cut: int) -> None:
    parts = [count_instances(labels, (0, 16, *columns)) for columns in ((0, cut), (cut, 24))]
    assert count_instances(labels) <= sum(parts) <= 2 * count_instances(labels)


def test_training_sets_come_nearest_to_the_levels() -> None:
    dense, sparse = frame("01/t052"), frame("01/t013")
    frames = [(sparse, grid_of_cells(3, 8)), (dense, grid_of_cells(8, 8))]
    sets = training_sets(frames, (1, 3, 6, 12, 24, 50, 100, None))
    found = {one.level: (one.instances, [part.frame.name for part in one.parts]) for one in sets}
    # 64 cells, and their halves 32, 16, 8, ...; 24 cells with the half 12, ...
    assert found[None] == (88, ["01/t052", "01/t013"])
    assert found[50] == (64, ["01/t052"])
    assert found[24] == (24, ["01/t013"])
    assert found[12] == (12, ["01/t013"])
    counts = [one.instances for one in sets]
    assert counts == sorted(counts)
    assert 100 not in found  # all of them come nearest, and are there already
    for one in sets:
        for part in one.parts:
            labels = {f.name: labels for f, labels in frames}[part.frame.name]
            if len(one.parts) == 1:
                assert count_instances(labels, part.box) == one.instances


def test_training_sets_without_enough_cells() -> None:
    assert training_sets([], (1, None)) == []
    assert training_sets([(frame(), np.zeros((64, 64), np.uint8))], (1, None)) == []
    few = training_sets([(frame(), grid_of_cells(2, 2))], (4, 100, None))
    assert [(one.level, one.instances) for one in few] == [(None, 4)]
    with pytest.raises(ParameterError, match="got 0"):
        training_sets([(frame(), grid_of_cells(2, 2))], (0,))


def test_what_is_there_and_what_is_missing(tmp_path: Path) -> None:
    write_hela(tmp_path)
    (tmp_path / HELA / "01_GT" / "SEG" / "man_seg013.tif").unlink()
    (hela,) = find_frames(tmp_path, "paper")
    assert [one.name for one in hela.train] == ["01/t052"]
    assert [one.name for one in hela.validate] == ["01/t076"]
    assert [one.name for one in hela.test] == ["02/t023", "02/t035"]
    assert hela.missing["train"] == ("01_GT/SEG/man_seg013.tif",)
    assert "02/t036.tif" in hela.missing["test"]
    assert "02_GT/SEG/man_seg036.tif" in hela.missing["test"]
    assert not hela.test[0].complete
    # Test frames are not learned from, not even without labels.
    assert {path.name for path in hela.unlabelled} == {"t013.tif", "t052.tif", "t076.tif"}


def test_numbers_of_four_digits_and_silver_truth(tmp_path: Path) -> None:
    for folder in ("02", "02_ST/SEG"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("02/t0005.tif", "02_ST/SEG/man_seg0005.tif"):
        tifffile.imwrite(tmp_path / name, np.zeros((4, 4), np.uint16))
    (found,), missing = challenge_frames(tmp_path, [FrameChoice("02", (5,), "silver")])
    assert (found.name, found.truth_kind, missing) == ("02/t0005", "silver", ())
    with pytest.raises(ParameterError, match="bronze"):
        FrameChoice("02", (5,), "bronze")  # type: ignore[arg-type]


def test_nothing_to_test_is_said_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="none of the data sets"):
        find_frames(tmp_path, "paper")
    with pytest.raises(ImageError, match="no folder"):
        find_frames(tmp_path / "nowhere", "paper")
    write_frame(tmp_path, HELA, "01", 13)
    with pytest.raises(ImageError, match=r"02/t023\.tif and 15 more files.*--split development"):
        find_frames(tmp_path, "paper")
    with pytest.raises(ImageError, match=PSC):
        find_frames(tmp_path, "paper", (PSC,))
    with pytest.raises(ParameterError, match="BBBC039"):
        find_frames(tmp_path, "paper", ("BBBC039",))
    with pytest.raises(ParameterError, match="mine"):
        find_frames(tmp_path, "mine")


def test_pairs_are_halved_without_overlap(tmp_path: Path) -> None:
    for kind in ("img", "gt"):
        folder = tmp_path / "BBBC039" / "labelled" / kind
        folder.mkdir(parents=True)
        for name in "abcdefgh":
            tifffile.imwrite(folder / f"{name}.tif", np.zeros((8, 8), np.uint16))
    (found,) = find_frames(tmp_path, "development")
    roles = [[one.name for one in role] for role in (found.train, found.validate, found.test)]
    assert [len(role) for role in roles] == [3, 1, 4]
    assert sorted(name for role in roles for name in role) == list("abcdefgh")


def test_a_crop_shows_where_cells_touch(tmp_path: Path) -> None:
    labels = np.zeros((60, 90), np.uint16)
    labels[5:15, 5:15] = 1
    labels[40:50, 60:70] = 2
    labels[40:50, 70:80] = 3
    rows, columns = crowded_window(labels, 24)
    assert (rows.stop - rows.start, columns.stop - columns.start) == (24, 24)
    assert rows.start <= 40
    assert rows.stop >= 50
    assert columns.start <= 68
    assert columns.stop >= 72
    assert crowded_window(labels, 1000) == (slice(0, 60), slice(0, 90))
    for name in ("image.tif", "truth.tif"):
        tifffile.imwrite(tmp_path / name, labels)
    whole = Frame("a", tmp_path / "image.tif", tmp_path / "truth.tif", "gold")
    part = Frame("a", tmp_path / "image.tif", tmp_path / "truth.tif", "gold", crop=24)
    np.testing.assert_array_equal(whole.read()[1], labels)
    image, truth = part.read()
    assert part.window() == (rows, columns)
    assert whole.window() == (slice(0, 60), slice(0, 90))
    np.testing.assert_array_equal(image, labels)
    np.testing.assert_array_equal(truth[rows, columns], labels[rows, columns])
    assert truth.sum() == labels[rows, columns].sum()
    tifffile.imwrite(tmp_path / "truth.tif", labels[:, 1:])
    with pytest.raises(ImageError, match=r"\(60, 89\)"):
        whole.read()

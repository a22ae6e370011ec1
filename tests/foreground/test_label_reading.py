"""What was painted: strokes, or every cell."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.draw import disk, line

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.foreground import cells_are_whole, looks_like_strokes, targets_of_planes
from napari_inpaintaff.images import simulate_dense_nuclei


@pytest.mark.parametrize(
    ("values", "strokes"),
    [
        ([0, 2], True),
        ([0, 1, 2], True),
        ([0, 5, 6, 7], True),
        ([0, 1], False),
        ([0, 1, 2, 3], False),
        ([0], False),
        ([True, False], False),
    ],
)
def test_strokes_are_told_by_their_numbers(values, strokes):
    assert looks_like_strokes(np.array([values])) is strokes


def test_painted_out_cells_are_told_from_strokes_through_them():
    _, truth = simulate_dense_nuclei()
    assert cells_are_whole(np.where(truth > 0, truth + 1, 0), 25)
    strokes = np.zeros((100, 100), np.uint8)
    for column in (20, 50, 80):
        strokes[line(20, column, 40, column)] = 2
        strokes[disk((70, column), 5)] = 2
    assert not cells_are_whole(strokes, 25)
    assert cells_are_whole(strokes, 9)
    assert not cells_are_whole(np.ones((9, 9), np.uint8), 1)


def test_planes_are_judged_together():
    cells, background = np.zeros((8, 8), np.uint8), np.zeros((8, 8), np.uint8)
    cells[:2], background[:3] = 2, 1
    strokes, dense, only = targets_of_planes([cells, cells, background], [True, False, True])
    assert [np.unique(one).tolist() for one in (strokes, dense, only)] == [[-1, 1], [0, 1], [-1, 0]]
    with pytest.raises(ImageError, match="no foreground is painted"):
        targets_of_planes([background, background], [True, True])
    with pytest.raises(ImageError, match="one pixel of cells"):
        targets_of_planes([np.eye(8, k=7, dtype=int) * 2, background], [True, True])

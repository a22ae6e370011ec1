"""Errors of a label image that its ground truth tells, and where one would click to mend them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import find_boundaries

Point = tuple[int, int]
Labels = NDArray[np.integer]

#: Segments and cells of fewer pixels are not worth a click.
_SMALLEST = 60


@dataclass(frozen=True)
class CutInTwo:
    """Two segments that lie in one cell: a point in each of them."""

    one: Point
    other: Point


@dataclass(frozen=True)
class GrownTogether:
    """A segment that lies over two cells: a point in each of these."""

    one: Point
    other: Point


def middle(mask: NDArray[np.bool_]) -> Point:
    """Return the pixel that is deepest inside."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), mask.shape)
    return int(row), int(column)


def find_errors(labels: Labels, truth: Labels) -> list[CutInTwo | GrownTogether]:
    """List errors whose correction makes the labels better, one per segment."""
    counts = np.zeros((int(labels.max()) + 1, int(truth.max()) + 1), int)
    np.add.at(counts, (labels.ravel(), truth.ravel()), 1)
    sizes, cells = counts.sum(axis=1), counts.sum(axis=0)
    errors: list[CutInTwo | GrownTogether] = []
    for cell in range(1, len(cells)):
        inside = [
            int(segment)
            for segment in np.flatnonzero(2 * counts[:, cell] > sizes)
            if segment and sizes[segment] >= _SMALLEST
        ]
        if len(inside) == 2 and _touch(labels, *inside):
            errors.append(CutInTwo(*(middle(labels == segment) for segment in inside)))
    for segment in range(1, len(sizes)):
        held = [
            int(cell)
            for cell in np.flatnonzero(counts[segment] > 0.7 * np.maximum(cells, 1))
            if cell and cells[cell] >= _SMALLEST
        ]
        if len(held) == 2:
            parts = [middle((labels == segment) & (truth == cell)) for cell in held]
            errors.append(GrownTogether(*parts))
    return errors


def _touch(labels: Labels, one: int, other: int) -> bool:
    both = np.isin(labels, (one, other))
    return bool((find_boundaries(labels == one, mode="outer") & (labels == other) & both).any())

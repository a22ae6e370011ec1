"""What most cells of an image look like: by their outlines, before they are separated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.jobs import checkpoint
from napari_inpaintaff.partition.outline import OutlineParameters, partition_outline
from napari_inpaintaff.partition.segment_shape import Segment, segments_of

#: Pieces below this part of a cell are no cells when the typical one is looked for, and above
#: this many times a cell they are several.
_LEAST_CELL, _LEAST_SHAPE, _MOST_SHAPE = 0.1, 0.25, 3.0
#: The typical one has at most so many times the area that was given.
_MOST_CELL = 2.0
#: Of nuclei: what is known of shapes before any is seen, worth as much as so many cells.
_USUAL_SOLIDITY, _USUAL_WIDTH, _USUAL_CELLS = 0.93, 1.0, 5


@dataclass(frozen=True)
class TypicalCell:
    """What most cells of an image look like.

    Attributes
    ----------
    area : float
        In pixels.
    solidity : float
        Part of the convex hull that is cell: low where cells have tails or bends, and where their
        outlines are ragged.
    width : float
        Smallest width of the convex hull over the root of the area: low where cells are long.
    """

    area: float
    solidity: float
    width: float

    @property
    def diameter(self) -> float:
        """Of a disc with that area, in pixels."""
        return math.sqrt(4 * self.area / math.pi)


def typical_cell(
    foreground: NDArray[np.bool_] | Sequence[NDArray[np.bool_]], diameter: float
) -> TypicalCell:
    """Return what most cells look like, weighted by area, in one foreground or more.

    Watersheds of the outline with two sizes of cells: the given one, and what that finds. Not
    much more than the given one: a foreground that is not made of cells has large pieces.

    Parameters
    ----------
    foreground : ndarray of bool, shape (Y, X), or a sequence of them
        Cells that may touch.
    diameter : float
        Typical diameter of a cell, in pixels, as far as it is known.

    Returns
    -------
    TypicalCell
        The area that half of the cells exceed, by area; medians of the others.
    """
    masks = [foreground] if isinstance(foreground, np.ndarray) else list(foreground)
    given = area = math.pi * diameter**2 / 4
    pieces: list[NDArray[np.uint32]] = []
    for _ in range(2):
        checkpoint()
        pieces = [
            partition_outline(mask, OutlineParameters(), diameter=math.sqrt(4 * area / math.pi))
            for mask in masks
        ]
        areas = np.concatenate(
            [np.zeros(0, np.intp), *(np.bincount(piece.ravel())[1:] for piece in pieces)]
        ).astype(float)
        areas = areas[areas > _LEAST_CELL * area]
        if not areas.size:
            break
        area = min(_median_by_area(areas, areas), _MOST_CELL * given)
    cells = [
        segment
        for piece in pieces
        for segment in segments_of(piece).values()
        if _LEAST_SHAPE * area < segment.area < _MOST_SHAPE * area
    ]
    return TypicalCell(area, *_shape(cells))


def _shape(cells: Sequence[Segment]) -> tuple[float, float]:
    """Return the logarithmic mean of what is usual and what most cells have."""
    usual = np.log([_USUAL_SOLIDITY, _USUAL_WIDTH])
    if not cells:
        return _USUAL_SOLIDITY, _USUAL_WIDTH
    areas = np.array([cell.area for cell in cells], float)
    solidity = areas / np.array([cell.hull for cell in cells])
    width = np.array([cell.width for cell in cells]) / np.sqrt(areas)
    seen = np.log([_median_by_area(solidity, areas), _median_by_area(width, areas)])
    mean = (len(cells) * seen + _USUAL_CELLS * usual) / (len(cells) + _USUAL_CELLS)
    found = np.exp(mean)
    return float(found[0]), float(found[1])


def _median_by_area(values: NDArray[np.float64], areas: NDArray[np.float64]) -> float:
    order = np.argsort(values, kind="stable")
    covered = np.cumsum(areas[order])
    return float(values[order][np.searchsorted(covered, covered[-1] / 2)])

"""Strokes as a person would paint them, drawn from the truth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

#: Width of a brush in pixels.
BRUSH = 2


def paint_strokes(
    truth: NDArray[np.integer], *, cells: int, seed: int, background: bool = True
) -> NDArray[np.uint16]:
    """Paint a short curved stroke inside some cells, and as many between them.

    Parameters
    ----------
    truth : ndarray of int, shape (Y, X)
        Instances; 0 is background.
    cells : int
        How many get a stroke: whole ones, at random.
    seed : int
        Same seed, same strokes.
    background : bool, optional
        Whether there are strokes on the background, each within a few pixels of a cell.

    Returns
    -------
    ndarray of uint16, shape (Y, X)
        0 unlabelled, 1 background, 2 and above cells.
    """
    random = np.random.default_rng(seed)
    strokes = np.zeros(truth.shape, np.uint16)
    inner = ndimage.minimum_filter(truth, 3)
    inner = np.where(ndimage.maximum_filter(truth, 3) == inner, inner, 0)
    whole = np.setdiff1d(
        np.unique(truth), np.concatenate([truth[0], truth[-1], truth[:, 0], truth[:, -1], [0]])
    )
    whole = [one for one in whole if np.count_nonzero(inner == one) > 20]
    for number, cell in enumerate(random.permutation(whole)[:cells], start=2):
        inside = inner == cell
        places = np.argwhere(inside)
        _paint(strokes, places[random.integers(len(places), size=3)], inside, number)
    if background:
        distance = ndimage.distance_transform_edt(truth == 0)
        near = np.argwhere((distance >= 2) & (distance <= 6))
        for first in near[random.integers(len(near), size=cells)]:
            ends = first + random.integers(-25, 26, size=(2, 2))
            _paint(strokes, np.stack([first, *ends]), distance >= 2, 1)
    return strokes


def _paint(
    strokes: NDArray[np.uint16],
    points: NDArray[np.integer],
    allowed: NDArray[np.bool_],
    value: int,
) -> None:
    """Paint a quadratic curve through the first of three points, between the others."""
    middle, start, end = points.astype(float)
    control = 2 * middle - (start + end) / 2
    along = np.linspace(0, 1, 100)[:, None]
    curve = (1 - along) ** 2 * start + 2 * along * (1 - along) * control + along**2 * end
    for y, x in np.unique(np.round(curve).astype(int), axis=0):
        rows, columns = slice(max(y, 0), max(y + BRUSH, 0)), slice(max(x, 0), max(x + BRUSH, 0))
        part = strokes[rows, columns]
        part[allowed[rows, columns] & (part == 0)] = value

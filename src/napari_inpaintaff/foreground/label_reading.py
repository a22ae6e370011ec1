"""Find out what somebody has painted: strokes, or every cell of a part of the image; torch-free."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

#: A cell that is painted whole holds a circle of this part of a cell's diameter, as radius;
#: a perfect disc holds one of 0.5, a stroke of a brush one of half its width.
_WHOLE = 0.3


def looks_like_strokes(labels: NDArray[Any]) -> bool:
    """Tell strokes from the label image of a whole plane by their numbers.

    Parameters
    ----------
    labels : ndarray of bool or int, shape (Y, X)

    Returns
    -------
    bool
        Whether 1 can stand for background: beside 1 there is 2 and nothing else, or there is
        no 1 at all. A mask of 1, and a label image that counts its cells from 1, are no strokes.
    """
    found = np.unique(labels)
    found = found[found != 0]
    return bool(found.size and (found[0] != 1 or found.tolist() == [1, 2]))


def cells_are_whole(strokes: NDArray[Any], diameter: float) -> bool:
    """Whether cells were painted out, rather than marked with strokes.

    Parameters
    ----------
    strokes : ndarray of int, shape (Y, X)
        0 unlabelled, 1 background, 2 and above cells.
    diameter : float
        Typical diameter of a cell, in pixels.

    Returns
    -------
    bool
        Whether most islands of paint are as thick as cells are. False without any.
    """
    painted = np.asarray(strokes) >= 2
    islands, count = ndimage.label(painted)
    if not count:
        return False
    # Beyond the border of the image a cell goes on.
    depth = ndimage.distance_transform_edt(painted)
    radii = ndimage.maximum(depth, islands, np.arange(1, count + 1))
    return bool(np.median(radii) >= _WHOLE * diameter)

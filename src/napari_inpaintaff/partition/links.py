"""The local edges of the pixel grid, in the form that the partition needs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.errors import ParameterError

#: The first channels of every `Affinities` are the attractive, local ones.
ATTRACTIVE_CHANNELS = 2

Links = tuple[NDArray[np.float32], NDArray[np.float32]]


def local_links(affinities: Affinities) -> Links:
    """Affinity between every pair of pixels that share a side.

    Parameters
    ----------
    affinities : Affinities
        Its first two offsets must be one step along y and one along x, in either
        order and direction.

    Returns
    -------
    vertical : ndarray of float32, shape (Y - 1, X)
        ``vertical[y, x]`` links (y, x) and (y + 1, x). 0 where the weight is 0.
    horizontal : ndarray of float32, shape (Y, X - 1)
        ``horizontal[y, x]`` links (y, x) and (y, x + 1).

    Raises
    ------
    ParameterError
        When the first two offsets are not the local ones.
    """
    local = affinities.offsets[:ATTRACTIVE_CHANNELS]
    if {(abs(y), abs(x)) for y, x in local} != {(1, 0), (0, 1)}:
        raise ParameterError(
            "the first two offsets of affinities must be one step along y and one along x, "
            f"got {list(local)}"
        )
    links: dict[bool, NDArray[np.float32]] = {}
    for channel, (step_y, step_x) in enumerate(local):
        values = np.where(affinities.weight[channel] > 0, affinities.values[channel], 0)
        values = values.astype(np.float32, copy=False)
        if step_y:
            links[True] = values[1:] if step_y < 0 else values[:-1]
        else:
            links[False] = values[:, 1:] if step_x < 0 else values[:, :-1]
    return links[True], links[False]


def grid_components(
    foreground: NDArray[np.bool_],
    vertical: NDArray[np.bool_],
    horizontal: NDArray[np.bool_],
) -> NDArray[np.int32]:
    """Label the connected components of the pixel grid along the given links only.

    Parameters
    ----------
    foreground : ndarray of bool, shape (Y, X)
    vertical : ndarray of bool, shape (Y - 1, X)
        Whether (y, x) and (y + 1, x) hang together; of no effect in the background.
    horizontal : ndarray of bool, shape (Y, X - 1)

    Returns
    -------
    ndarray of int32, shape (Y, X)
        0 in the background; every foreground pixel has a label >= 1.
    """
    height, width = foreground.shape
    # Pixels at even places, the links between them at odd ones: an image that
    # `ndimage.label` walks several times faster than a sparse graph is built.
    grid = np.zeros((2 * height - 1, 2 * width - 1), bool)
    grid[::2, ::2] = foreground
    grid[1::2, ::2] = vertical & foreground[1:] & foreground[:-1]
    grid[::2, 1::2] = horizontal & foreground[:, 1:] & foreground[:, :-1]
    labels: NDArray[np.int32] = ndimage.label(grid, output=np.int32)[0][::2, ::2]
    return labels


def relabel_by_position(labels: NDArray[np.integer]) -> NDArray[np.uint32]:
    """Give the segments the numbers 1, 2, ... in the order of their first pixels.

    The result depends on the partition only, not on the numbers a solver gave.

    Parameters
    ----------
    labels : ndarray of integers >= 0, shape (Y, X)
        0 is background.

    Returns
    -------
    ndarray of uint32, shape (Y, X)
    """
    flat = labels.ravel()
    first = np.full(int(flat.max(initial=0)) + 1, flat.size, np.int64)
    # Assigned from the back, the first pixel of each segment is written last.
    first[flat[::-1]] = np.arange(flat.size)[::-1]
    first[0] = flat.size
    present = np.flatnonzero(first < flat.size)
    numbers = np.zeros(first.size, np.uint32)
    numbers[present[np.argsort(first[present])]] = np.arange(1, present.size + 1)
    relabelled: NDArray[np.uint32] = numbers[flat].reshape(labels.shape)
    return relabelled

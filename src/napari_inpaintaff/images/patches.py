"""The grid of overlapping patches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ParameterError


def patch_origins(shape: tuple[int, int], patch: int, stride: int) -> list[tuple[int, int]]:
    """Return the origins of the patches that cover an image.

    The grid is anchored at pixel (0, 0) and reaches beyond all borders, so that every
    pixel lies in about as many patches, and the patches of a tile are those of the
    whole image.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the image, in pixels.
    patch, stride : int
        Side of a patch and distance between patches, in pixels; ``stride <= patch``.

    Returns
    -------
    list of (int, int)
        (y, x) of every patch's first pixel, row by row; may be negative.

    Raises
    ------
    ParameterError
        If the stride is not between 1 and ``patch``.
    """
    if not 1 <= stride <= patch:
        raise ParameterError(f"the stride must be between 1 and the patch of {patch}, got {stride}")
    ys, xs = (_starts(length, patch, stride) for length in shape)
    return [(y, x) for y in ys for x in xs]


def _starts(length: int, patch: int, stride: int) -> range:
    before = (patch - 1) // stride
    return range(-before * stride, length, stride)


def patch_grids(shape: tuple[int, int], patch: int, stride: int) -> list[list[tuple[int, int]]]:
    """Part the patches that cover an image into coarse grids that each cover it, too.

    Parameters
    ----------
    shape, patch, stride
        See `patch_origins`.

    Returns
    -------
    list of list of (int, int)
        Grids of the origins of `patch_origins`, each of the widest multiple of ``stride``
        that leaves no gaps between patches. Later grids fill the widest gaps between the
        earlier ones, and depend on the shape in nothing but their extent.
    """
    per_side = patch // stride
    grids: dict[tuple[int, int], list[tuple[int, int]]] = {phase: [] for phase in _spread(per_side)}
    for y, x in patch_origins(shape, patch, stride):
        grids[y // stride % per_side, x // stride % per_side].append((y, x))
    return list(grids.values())


def _spread(side: int) -> list[tuple[int, int]]:
    """Order the cells of a periodic square so that each is far from those before it."""
    cells = np.indices((side, side)).reshape(2, -1)
    nearest = np.full(side**2, np.inf)
    ordered = []
    for _ in range(side**2):
        # The first of the farthest ones; those in use are not even 0 away.
        chosen = int(nearest.argmax())
        ordered.append((chosen // side, chosen % side))
        gaps = np.abs(cells - cells[:, chosen, None])
        nearest = np.minimum(nearest, np.hypot(*np.minimum(gaps, side - gaps)))
        nearest[chosen] = -1
    return ordered


def origins_with(
    mask: NDArray[np.bool_], origins: Sequence[tuple[int, int]], patch: int
) -> list[tuple[int, int]]:
    """Return the origins of the patches that hold a pixel of a mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (Y, X)
        Of the image.
    origins : sequence of (int, int)
        (y, x) of every patch's first pixel; may be negative.
    patch : int
        Side of a patch.

    Returns
    -------
    list of (int, int)
        Some of ``origins``, in their order.
    """
    return [
        (y, x)
        for y, x in origins
        if mask[max(0, y) : max(0, y + patch), max(0, x) : max(0, x + patch)].any()
    ]

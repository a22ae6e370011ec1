"""Tiles through a network, in smaller ones where memory is not enough."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import DeviceError
from napari_inpaintaff.networks.devices import is_out_of_memory, release_memory
from napari_inpaintaff.networks.tiles import Tile, Tiling

_logger = logging.getLogger(__name__)


def predict_tile(
    tiling: Tiling, tile: Tile, predict: Callable[[Tile], NDArray[np.float32]]
) -> Iterator[tuple[Tile, NDArray[np.float32]]]:
    """Predict the core of a tile; if that takes too much memory, in halves of halves.

    Parameters
    ----------
    tiling : Tiling
        Of the plane.
    tile : Tile
        One of its tiles.
    predict : callable
        Returns what the network says about all that a tile sees, of shape (..., Y, X).

    Yields
    ------
    (Tile, ndarray of float32 of shape (..., Y, X))
        The tile, or parts that cover its core together, and the prediction of the core. It
        does not depend on how the tile was cut, but for rounding.

    Raises
    ------
    DeviceError
        If there is not even memory for the smallest part.
    """
    found, halves = _predict(tiling, tile, predict)
    if found is not None:
        yield tile, found
        return
    release_memory()
    height, width = (part.stop - part.start for part in tile.core)
    _logger.warning("Memory is short: a part of %d x %d pixels is halved.", height, width)
    for half in halves:
        yield from predict_tile(tiling, half, predict)


def _predict(
    tiling: Tiling, tile: Tile, predict: Callable[[Tile], NDArray[np.float32]]
) -> tuple[NDArray[np.float32] | None, tuple[Tile, ...]]:
    """Return the prediction, or the halves to try instead."""
    try:
        return tile.cut(predict(tile)), ()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        halves = tiling.halves(tile)
        if halves is None:
            raise DeviceError(
                "there is not enough memory for a small part of the image: close other programs, "
                "or choose a smaller network or another device"
            ) from error
        return None, halves

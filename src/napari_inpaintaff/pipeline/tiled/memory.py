"""How much memory tiles take, asked before any of it is."""

from __future__ import annotations

import math

from napari_inpaintaff.errors import DeviceError, ParameterError
from napari_inpaintaff.images.memory import available_memory
from napari_inpaintaff.pipeline.tiled.tiles import CHUNK, TILE

_GIB = 2**30
#: Of every pixel of a tile and its margin, at the peak: mostly twelve affinities, their weights and
#: the graph of the partition. Measured with `benchmarks/measure_tiles.py`, and rounded up.
_PER_PIXEL = 180
#: Of every pixel that the plane as a whole is judged by, and how many these are at most.
_PER_SAMPLED, _MOST_SAMPLED = 100, 16_000_000
#: Of a process with PyTorch and a network.
_PROCESS = _GIB // 2
#: Labels are made with so many pixels around a tile, for cells of 25 px.
_MARGIN = 75


def needed_memory(
    side: int, plane: tuple[int, int], workers: int = 1, *, processes: bool = False
) -> int:
    """Estimate the memory of tiles that are worked on at the same time.

    Parameters
    ----------
    side : int
        Of a tile, in pixels.
    plane : tuple of (int, int)
        Height and width of the planes.
    workers : int, optional
        Tiles at the same time.
    processes : bool, optional
        Whether every worker is a process of its own.

    Returns
    -------
    int
        Bytes.
    """
    lengths = [min(length, side + 2 * _MARGIN) for length in plane]
    tiles = workers * _PER_PIXEL * math.prod(lengths)
    first = _PER_SAMPLED * min(math.prod(plane), _MOST_SAMPLED)
    return max(tiles, first) + (_PROCESS * (workers + 1) if processes else _PROCESS)


def fitting_tile(
    gib: float, plane: tuple[int, int], workers: int = 1, *, processes: bool = False
) -> int:
    """Choose the largest tile for a budget of memory.

    Parameters
    ----------
    gib : float
        The budget, in GiB.
    plane, workers, processes
        See `needed_memory`.

    Returns
    -------
    int
        Side in pixels, at most the usual one.

    Raises
    ------
    ParameterError
        If not even the smallest tile fits.
    """
    for side in range(TILE, 0, -CHUNK):
        if needed_memory(side, plane, workers, processes=processes) <= gib * _GIB:
            return side
    least = needed_memory(CHUNK, plane, workers, processes=processes) / _GIB
    raise ParameterError(
        f"{gib:g} GiB of memory are too little for {workers} worker{'s' * (workers > 1)}: give at "
        f"least {least:.1f}, or fewer workers"
    )


def check_memory(
    side: int, plane: tuple[int, int], workers: int = 1, *, processes: bool = False
) -> None:
    """Refuse tiles that would not fit into the memory that is free.

    Raises
    ------
    DeviceError
        With what would help.
    """
    needed, free = needed_memory(side, plane, workers, processes=processes), available_memory()
    if needed > free:
        raise DeviceError(
            f"tiles of {side} pixels would take about {needed / _GIB:.1f} GiB of memory, and "
            f"{free / _GIB:.1f} GiB are free: take smaller tiles or fewer workers"
        )

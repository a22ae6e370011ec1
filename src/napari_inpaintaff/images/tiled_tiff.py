"""Writing large planes to a TIFF tile by tile, without having them in memory."""

from __future__ import annotations

import queue
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeAlias

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_inpaintaff.images.regions import Region

#: Side of a tile, a multiple of 16 as the format wants it.
TILE = 512

#: A plane of more pixels is written in tiles. Some programs read no tiles.
LARGEST_WITHOUT_TILES = 2**24

#: About how many bytes of a plane are in memory at once, in bands of complete tiles.
_BAND_BYTES = 2**25

#: How long to wait for the writer before looking whether it has failed, in seconds.
_LOOK = 0.1

_Bands: TypeAlias = "queue.Queue[NDArray[Any] | None]"


def bands_of(shape: Sequence[int], dtype: np.dtype[Any]) -> list[slice]:
    """Cut a plane into bands of rows, each of complete tiles.

    Parameters
    ----------
    shape : sequence of int
        Height and width.
    dtype : dtype
        Of its pixels in the file.

    Returns
    -------
    list of slice
        Rows.
    """
    height, width = shape
    rows = TILE * max(1, _BAND_BYTES // (width * dtype.itemsize * TILE))
    return [slice(y, min(y + rows, height)) for y in range(0, height, rows)]


def write_plane(
    tiff: tifffile.TiffWriter,
    shape: Sequence[int],
    dtype: np.dtype[Any],
    read: Callable[[Region], NDArray[Any]],
    bands: Sequence[slice] | None,
    options: Mapping[str, Any],
) -> Generator[None, None, None]:
    """Write one plane, at once or in tiles, which are read and compressed at the same time.

    Parameters
    ----------
    tiff : tifffile.TiffWriter
        An open file.
    shape : sequence of int
        Height and width.
    dtype : dtype
        Of the pixels in the file.
    read : callable
        Returns a region of the plane, of that type.
    bands : sequence of slice or None
        For tiles: see `bands_of`.
    options : mapping
        Of `tifffile.TiffWriter.write`.

    Yields
    ------
    None
        After every band, or the whole. Not asking for more cancels the writing.
    """
    columns = slice(0, shape[-1])
    if bands is None:
        tiff.write(read((slice(0, shape[0]), columns)), **options)
        yield
        return
    # One band waits while another is cut into tiles.
    waiting: _Bands = queue.Queue(maxsize=1)
    tiled = {**options, "shape": tuple(shape), "dtype": dtype, "tile": (TILE, TILE)}
    with ThreadPoolExecutor(1, "Writing tiles") as pool:
        written = pool.submit(tiff.write, _tiles(waiting), **tiled)
        try:
            for rows in bands:
                _hand_over(read((rows, columns)), waiting, written)
                yield
            written.result()
        finally:
            # A writer that waits for the next band would wait for ever.
            while not written.done():
                _offer(None, waiting)


def _hand_over(band: NDArray[Any], bands: _Bands, written: Future[Any]) -> None:
    while not _offer(band, bands):
        if written.done():
            written.result()


def _offer(band: NDArray[Any] | None, bands: _Bands) -> bool:
    try:
        bands.put(band, timeout=_LOOK)
    except queue.Full:
        return False
    return True


def _tiles(bands: _Bands) -> Iterator[NDArray[Any]]:
    """Cut bands into tiles; None ends the writing."""
    while (band := bands.get()) is not None:
        for y in range(0, band.shape[0], TILE):
            for x in range(0, band.shape[1], TILE):
                tile = band[y : y + TILE, x : x + TILE]
                missing = [(0, TILE - size) for size in tile.shape]
                yield np.pad(tile, missing)
    raise _StoppedError


class _StoppedError(Exception):
    """The rest of the plane will not come."""

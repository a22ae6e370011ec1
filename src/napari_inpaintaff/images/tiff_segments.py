"""Parts of a page of a TIFF file, of which no more is read and decoded than is needed."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images.memory import check_fits_memory
from napari_inpaintaff.images.tiff_jpeg import check_jpeg

#: From where to where a part reaches, along every axis.
Spans = Sequence[slice]


def lengths(spans: Spans) -> tuple[int, ...]:
    """Return the shape of a part."""
    return tuple(span.stop - span.start for span in spans)


def read_block(
    path: Path, start: int, dtype: np.dtype[Any], shape: Sequence[int], spans: Spans
) -> NDArray[Any]:
    """Read a part of an array that lies in one piece in a file.

    Only the rows that are needed are read. The file is not mapped into memory: one that is
    cut off meanwhile would end the program instead of raising an error.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    start : int
        Where the array begins, in bytes.
    dtype : dtype
        As in the file.
    shape : sequence of int
        Of the array, in C order.
    spans : sequence of slice
        The part.

    Raises
    ------
    ImageError
        If the file ends before the part does.
    """
    # A run of neighbouring pixels is read at once: a row, or all of them where rows are
    # complete. The samples of a colour lie side by side and are cut apart in memory.
    last = len(shape) - 1
    along = last - 1 if last > 1 and shape[last] <= 4 else last
    while along and lengths(spans[along:]) == tuple(shape[along:]):
        along -= 1
    tail = tuple(shape[along + 1 :])
    step = math.prod(tail)
    run = spans[along]
    out = np.empty((*lengths(spans[: along + 1]), *tail), dtype)
    rows = out.reshape(-1, (run.stop - run.start) * step)
    places = itertools.product(*(range(span.start, span.stop) for span in spans[:along]))
    with path.open("rb") as file:
        for row, place in zip(rows, places, strict=True):
            number = 0
            for index, size in zip((*place, run.start), shape[: along + 1], strict=True):
                number = number * size + index
            file.seek(start + number * step * dtype.itemsize)
            _fill(file, row, path)
    behind: tuple[Any, ...] = (..., *spans[along + 1 :])
    return out[behind] if tail else out


def _fill(file: BinaryIO, row: NDArray[Any], path: Path) -> None:
    if file.readinto(row.view(np.uint8)) != row.nbytes:  # type: ignore[attr-defined]
        raise ImageError(f"{path} is damaged or cut off: pixels are missing at the end")


def read_page_part(page: tifffile.TiffPage, spans: Spans, path: Path) -> NDArray[Any]:
    """Read a part of a page, of which only the tiles or strips that it touches are decoded.

    Parameters
    ----------
    page : tifffile.TiffPage
        Of an open file.
    spans : sequence of slice
        One for each axis of ``page.shaped``: samples that are stored apart, depth, rows,
        columns, samples that are stored together.
    path : pathlib.Path
        The file, for messages.

    Returns
    -------
    ndarray
        With these five axes.

    Raises
    ------
    ImageError
        If tiles or strips are missing, or no decoder for them is installed.
    """
    check_fits_memory(lengths(spans), page.dtype or np.uint8, path)
    check_decoding(page, path)
    with decoding(page, path):
        if lengths(spans) == page.shaped:
            return np.asarray(page.asarray()).reshape(page.shaped)
        if page.is_contiguous and page.predictor == 1 and page.fillorder == 1:
            dtype = np.dtype(page.dtype).newbyteorder(page.parent.byteorder)
            return read_block(path, page.dataoffsets[0], dtype, page.shaped, spans)
        return _decoded_segments(page, spans, path)


def check_decoding(page: Any, path: Path) -> None:
    """Raise ImageError if a decoder would take more memory than there is, or never end."""
    if page is None:
        return
    # A tile is unpacked as a whole, however little of it is asked for.
    check_fits_memory(page.chunks, page.dtype or np.uint8, path)
    check_jpeg(page, path)


def _decoded_segments(page: tifffile.TiffPage, spans: Spans, path: Path) -> NDArray[Any]:
    out = np.empty(lengths(spans), page.dtype)
    tables = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader}
    for number in _touched(page, spans):
        if number >= min(len(page.dataoffsets), len(page.databytecounts)):
            raise ImageError(f"{path} is damaged: parts of its pixels are missing")
        # A file may leave out what is empty.
        data = None
        if page.dataoffsets[number] and page.databytecounts[number]:
            page.parent.filehandle.seek(page.dataoffsets[number])
            data = page.parent.filehandle.read(page.databytecounts[number])
        segment, place, shape = page.decode(data, number, **tables)
        # The place is given without the last axis, which is always complete.
        sizes = (1, *shape)
        first = [max(span.start, at) for span, at in zip(spans, place, strict=True)]
        stop = [
            min(span.stop, at + size) for span, at, size in zip(spans, place, sizes, strict=True)
        ]
        into = tuple(
            slice(a - s.start, b - s.start) for a, b, s in zip(first, stop, spans, strict=True)
        )
        if segment is None:
            out[into] = page.nodata
        else:
            cut = tuple(slice(a - p, b - p) for a, b, p in zip(first, stop, place, strict=True))
            out[into] = segment[cut[1:]]
    return out


def _touched(page: tifffile.TiffPage, spans: Spans) -> Iterator[int]:
    """Return the numbers of the tiles or strips that a part touches."""
    samples, depth, height, width, _ = page.shaped
    size = (1, 1, page.rowsperstrip, width)
    if page.is_tiled:
        size = (1, page.tiledepth, page.tilelength, page.tilewidth)
    grid = [-(-n // one) for n, one in zip((samples, depth, height, width), size, strict=True)]
    ranges = (
        range(span.start // one, -(-span.stop // one))
        for span, one in zip(spans[:4], size, strict=True)
    )
    for place in itertools.product(*ranges):
        yield int(np.ravel_multi_index(place, grid))


@contextlib.contextmanager
def decoding(page: tifffile.TiffPage, path: Path) -> Iterator[None]:
    """Say which package is missing where a page is compressed in an unusual way."""
    try:
        yield
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise
        compression = tifffile.COMPRESSION(page.compression).name
        raise ImageError(
            f"{path} is compressed with {compression}: install the package imagecodecs to read "
            "it, or save the image uncompressed"
        ) from error

"""The pixels of a TIFF file, read plane by plane without going through the whole file again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images.memory import check_fits_memory
from napari_inpaintaff.images.tiff_jpeg import check_jpeg

Index = tuple[int | slice, ...]


@dataclass(frozen=True)
class TiffPixels:
    """The pixels of one image of a TIFF file, read when they are asked for.

    Every access opens the file anew: any number of images can be used, from any thread.
    Where the pages lie is remembered, because looking for them takes longer than reading one.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    number : int
        Which of the series of the file.
    shape, dtype
        Of the series.
    stamp : tuple of int
        Size and time of the file when it was opened.
    start : int or None
        Where the pixels begin, if they lie uncompressed in one piece.
    byteorder : str
        Of the file, ``<`` or ``>``.
    pages : tuple of (pathlib.Path, int)
        File and position of every page; empty if the pages are no consecutive parts of
        the image, or have no place of their own.
    """

    path: Path
    number: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    stamp: tuple[int, int]
    start: int | None
    byteorder: Literal["<", ">"]
    pages: tuple[tuple[Path, int], ...]

    @classmethod
    def of_series(cls, path: Path, number: int, series: tifffile.TiffPageSeries) -> TiffPixels:
        """Remember where the pixels of a series lie."""
        plain = series.transform is None
        places = [(Path(p.parent.filehandle.path), p.offset) for p in series.pages if p]
        page_size = math.prod(series.keyframe.shape)
        apart = all(offset for _, offset in places) and len(set(places)) == len(places)
        whole = len(places) * page_size == math.prod(series.shape)
        return cls(
            path,
            number,
            tuple(series.shape),
            np.dtype(series.dtype),
            _stamp(path),
            series.dataoffset if plain and not series.is_multifile else None,
            series.keyframe.parent.byteorder,
            tuple(places) if plain and apart and whole else (),
        )

    def __getitem__(self, index: Index) -> NDArray[Any]:
        """Read a part; pages of which nothing is asked for are not decoded."""
        if _stamp(self.path) != self.stamp:
            raise ImageError(f"{self.path} has changed since it was opened")
        place = _leading_numbers(index)
        if place and self.start is not None:
            return self._read_piece(self.start, place)[index[len(place) :]]
        axes = self._axes_of_pages()
        if axes and len(place) >= axes:
            return self._read_page(place[:axes])[index[axes:]]
        with tifffile.TiffFile(self.path) as tiff:
            series = tiff.series[self.number]
            return _decoded(series, series.keyframe, self.path)[index]

    def _axes_of_pages(self) -> int:
        """Return how many of the first axes choose a page; 0 if there is nothing to choose."""
        counts = np.cumprod(self.shape)
        return next((n + 1 for n, c in enumerate(counts) if 1 < c == len(self.pages)), 0)

    def _read_piece(self, start: int, place: tuple[int, ...]) -> NDArray[Any]:
        shape = self.shape[len(place) :]
        number = int(np.ravel_multi_index(place, self.shape[: len(place)]))
        size = math.prod(shape)
        dtype = self.dtype.newbyteorder(self.byteorder)
        offset = start + number * size * dtype.itemsize
        data = np.fromfile(self.path, dtype, count=size, offset=offset)
        if data.size != size:
            raise ImageError(f"{self.path} is damaged or cut off: pixels are missing at the end")
        return data.reshape(shape)

    def _read_page(self, place: tuple[int, ...]) -> NDArray[Any]:
        number = int(np.ravel_multi_index(place, self.shape[: len(place)]))
        path, offset = self.pages[number]
        with tifffile.TiffFile(path) as tiff:
            tiff.filehandle.seek(offset)
            page = tifffile.TiffPage(tiff, index=number)
            return _decoded(page, page, path).reshape(self.shape[len(place) :])


def _leading_numbers(index: Index) -> tuple[int, ...]:
    numbers: list[int] = []
    for part in index:
        if isinstance(part, slice):
            break
        numbers.append(part)
    return tuple(numbers)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _decoded(
    part: tifffile.TiffPageSeries | tifffile.TiffPage, page: tifffile.TiffPage, path: Path
) -> NDArray[Any]:
    check_fits_memory(part.shape, part.dtype or np.uint8, path)
    # A tile is unpacked as a whole, however small the image in it is.
    check_fits_memory(page.chunks, page.dtype or np.uint8, path)
    for one in getattr(part, "pages", [page]):
        check_jpeg(one, path)
    try:
        return np.asarray(part.asarray())
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise
        compression = tifffile.COMPRESSION(page.compression).name
        raise ImageError(
            f"{path} is compressed with {compression}: install the package imagecodecs to read "
            "it, or save the image uncompressed"
        ) from error

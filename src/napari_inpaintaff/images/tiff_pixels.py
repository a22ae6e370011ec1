"""The pixels of a TIFF file, read part by part without going through the whole file again."""

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
from napari_inpaintaff.images.tiff_segments import (
    Spans,
    check_decoding,
    decoding,
    lengths,
    read_block,
    read_page_part,
)

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
            (series.dataoffset or None) if plain and not series.is_multifile else None,
            series.keyframe.parent.byteorder,
            tuple(places) if plain and apart and whole else (),
        )

    def __getitem__(self, index: Index) -> NDArray[Any]:
        """Read a part; what is not asked for is not decoded where the file allows it."""
        if _stamp(self.path) != self.stamp:
            raise ImageError(f"{self.path} has changed since it was opened")
        spans = _spans(index, self.shape)
        numbers = tuple(0 if isinstance(part, int) else slice(None) for part in index)
        if self.start is not None:
            dtype = self.dtype.newbyteorder(self.byteorder)
            check_fits_memory(lengths(spans), dtype, self.path)
            return read_block(self.path, self.start, dtype, self.shape, spans)[numbers]
        axes = self._axes_of_pages()
        if axes is not None and math.prod(lengths(spans[:axes])) == 1:
            return self._read_page(spans, axes)[numbers]
        with tifffile.TiffFile(self.path) as tiff:
            series = tiff.series[self.number]
            check_fits_memory(series.shape, self.dtype, self.path)
            for page in series.pages:
                check_decoding(page, self.path)
            with decoding(series.keyframe, self.path):
                return np.asarray(series.asarray())[index]

    def _axes_of_pages(self) -> int | None:
        """Return how many of the first axes choose a page; None if it is not theirs to choose."""
        counts = np.cumprod((1, *self.shape))
        return next((n for n, count in enumerate(counts) if count == len(self.pages)), None)

    def _read_page(self, spans: Spans, axes: int) -> NDArray[Any]:
        place = [span.start for span in spans[:axes]]
        number = int(np.ravel_multi_index(place, self.shape[:axes])) if place else 0
        path, offset = self.pages[number]
        with tifffile.TiffFile(path) as tiff:
            tiff.filehandle.seek(offset)
            page = tifffile.TiffPage(tiff, index=number)
            # The axes of a page are the same as those of the image, but for those of length 1.
            inside = zip(spans[axes:], self.shape[axes:], strict=True)
            long = [(span, size) for span, size in inside if size > 1]
            if [size for _, size in long] != [size for size in page.shaped if size > 1]:
                raise ImageError(f"{self.path} is damaged: its pages differ in size")
            wanted = iter([span for span, _ in long])
            part = [next(wanted) if n > 1 else slice(0, 1) for n in page.shaped]
            return read_page_part(page, part, path).reshape(lengths(spans))


def _spans(index: Index, shape: tuple[int, ...]) -> list[slice]:
    """Return from where to where an index reaches along every axis."""
    spans = []
    for part, size in zip(index, shape, strict=True):
        if isinstance(part, slice):
            start, stop, step = part.indices(size)
            if step != 1:
                raise IndexError(f"steps are not supported, got {part}")
            spans.append(slice(start, max(start, stop)))
        elif 0 <= part < size:
            spans.append(slice(part, part + 1))
        else:
            raise IndexError(f"index {part} is out of bounds for an axis of {size}")
    return spans


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns

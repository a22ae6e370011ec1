"""Reading TIFF files: plain, ImageJ and OME, with axes and physical scale.

tifffile is lenient: of a file that was cut off it returns the pages that it finds. Half
a time-lapse must not pass for a whole one, so the chain of pages is checked first.
"""

from __future__ import annotations

import logging
import math
import struct
from pathlib import Path
from typing import Any, BinaryIO

import tifffile

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images.layout import RawImage
from napari_inpaintaff.images.tiff_metadata import channel_names, physical_scale
from napari_inpaintaff.images.tiff_pixels import TiffPixels

# What tifffile logs about a damaged file would reach the terminal beside our one clear
# line when nobody has set up logging; configured handlers still get it.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

#: The first four bytes of a TIFF and a BigTIFF in both byte orders.
TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# Tags whose loss would go unnoticed or spoil the pixels: description (axes and
# scale), offsets and lengths of strips and tiles.
_NEEDED_TAGS = {270, 273, 279, 324, 325}
_TAG_TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_TAG_TYPE_SIZES |= {13: 4, 16: 8, 17: 8, 18: 8}

#: What tifffile calls the image proper in the files of slide scanners, and what these call
#: the pictures that go with it.
_FULL_RESOLUTION = "Baseline"
_ACCOMPANYING = {"thumbnail", "label", "macro", "map", "label image", "macro image"}


def open_tiff(path: Path) -> RawImage:
    """Open the image of a TIFF file with the axes that the file names.

    Previews (reduced images) are ignored, and of a pyramid (SubIFDs, OME, slide scanners) the
    full resolution is taken. A resolution in inches or centimeters of a
    plain TIFF is believed only where it means pixels of at most 20 micrometers, because
    most programs write the dots per inch of a printer or screen there. All pages are
    found and checked, but no pixel is read.

    Raises
    ------
    ImageError
        If the file is cut off or holds several images.
    """
    _check_complete(path)
    with tifffile.TiffFile(path) as tiff:
        number = _only_image(path, tiff)
        series = tiff.series[number]
        _check_pages(path, series)
        _check_single_directory(path, tiff, series)
        scale, units = physical_scale(tiff)
        pixels = TiffPixels.of_series(path, number, series)
        files = _other_files(path, series)
        return RawImage(pixels, series.axes, scale, units, files, channel_names(tiff, series))


def _only_image(path: Path, tiff: tifffile.TiffFile) -> int:
    """Return which of the series of a file is its image, in full resolution.

    Coarser levels of a pyramid belong to a series; previews are marked as reduced, or, in the
    files of slide scanners, named.
    """
    series = dict(enumerate(tiff.series))
    full = {n: one for n, one in series.items() if one.name == _FULL_RESOLUTION}
    images = full or {
        n: one
        for n, one in series.items()
        if not one.keyframe.is_reduced and str(one.name).lower() not in _ACCOMPANYING
    }
    if len(images) != 1:
        shapes = ", ".join("x".join(map(str, one.shape)) for one in images.values())
        raise ImageError(
            f"{path} holds {len(images)} images ({shapes}): save the one to use as its own file"
        )
    return next(iter(images))


def _other_files(path: Path, series: tifffile.TiffPageSeries) -> frozenset[Path]:
    """Return the other files over which an OME-TIFF is spread."""
    if not series.is_multifile:
        return frozenset()
    files = {Path(page.parent.filehandle.path).resolve() for page in series.pages if page}
    return frozenset(files - {path.resolve()})


def _check_complete(path: Path) -> None:
    """Raise ImageError if a page directory or a needed tag lies outside the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            header = file.read(8)
            order = "<" if header[:2] == b"II" else ">"
            big = header[2:4] in (b"+\0", b"\0+")
            (offset,) = (
                _unpack(file, order + "Q") if big else struct.unpack(order + "I", header[4:])
            )
            visited: set[int] = set()
            while offset:
                if offset in visited:
                    raise ImageError(f"{path} is damaged: its list of pages runs in a circle")
                visited.add(offset)
                file.seek(offset)
                offset = _check_directory(file, order=order, big=big, size=size)
            if not visited:
                raise ImageError(f"{path} holds no image")
        except (struct.error, EOFError, OverflowError) as error:
            raise ImageError(f"{path} is damaged or cut off: the file ends too early") from error


def _unpack(file: BinaryIO, form: str) -> tuple[Any, ...]:
    return struct.unpack(form, file.read(struct.calcsize(form)))


def _check_directory(file: BinaryIO, *, order: str, big: bool, size: int) -> int:
    """Check one page directory (IFD) and return the offset of the next, 0 after the last."""
    (count,) = _unpack(file, order + ("Q" if big else "H"))
    entry = order + ("HHQQ" if big else "HHII")
    for _ in range(count):
        tag, kind, number, offset = _unpack(file, entry)
        length = number * _TAG_TYPE_SIZES.get(kind, 0)
        if tag in _NEEDED_TAGS and length > (8 if big else 4) and offset + length > size:
            raise EOFError
    (following,) = _unpack(file, order + ("Q" if big else "I"))
    return int(following)


def _check_pages(path: Path, series: tifffile.TiffPageSeries) -> None:
    """Raise ImageError if pixels of a page lie outside the file or a page is missing."""
    for page in series.pages:
        if page is None:
            raise ImageError(f"{path} is not complete: some of its planes are missing")
        end = page.parent.filehandle.size
        segments = list(zip(page.dataoffsets, page.databytecounts, strict=False))
        # tifffile would fill in the others one by one, however many the header promises.
        if len(segments) < math.prod(series.keyframe.chunked):
            raise ImageError(f"{path} is damaged: it does not say where all its pixels lie")
        if any(offset + length > end for offset, length in segments):
            raise ImageError(f"{path} is damaged or cut off: pixels are missing at the end")


def _check_single_directory(
    path: Path, tiff: tifffile.TiffFile, series: tifffile.TiffPageSeries
) -> None:
    """Raise ImageError if planes are missing that have no page directory of their own.

    ImageJ writes stacks of more than 4 GB with a directory for the first plane only.
    """
    page = tiff.pages.first
    if len(tiff.pages) > 1 or not page.is_final:
        return
    # Of an ImageJ stack that was cut off, tifffile finds only what is there.
    promised = int((tiff.imagej_metadata or {}).get("images", 1))
    found = 1 if series.is_multifile else series.nbytes // max(page.nbytes, 1)
    planes = max(promised, found)
    if page.dataoffsets[0] + planes * page.nbytes > path.stat().st_size:
        raise ImageError(f"{path} is damaged or cut off: it does not hold its {planes} planes")

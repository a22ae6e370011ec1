"""Reading TIFF files: plain, ImageJ and OME, with axes and physical scale.

tifffile is lenient: of a file that was cut off it returns the pages that it finds. Half
a time-lapse must not pass for a whole one, so the chain of pages is checked first.
"""

from __future__ import annotations

import logging
import math
import struct
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any, BinaryIO

import tifffile

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images.axes import RawImage
from napari_inpaintaff.images.tiff_pixels import TiffPixels
from napari_inpaintaff.images.units import UNKNOWN_UNIT, in_meters, unit_name

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

#: The largest pixel that the resolution of a plain TIFF is believed to give, in meters.
#: Pixels of cameras are smaller, the dots per inch of print and screens are larger.
_LARGEST_PLAIN_PIXEL = 20e-6


def open_tiff(path: Path) -> RawImage:
    """Open the image of a TIFF file with the axes that the file names.

    Previews (reduced images) are ignored. A resolution in inches or centimeters of a
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
        numbers = [n for n, one in enumerate(tiff.series) if not one.keyframe.is_reduced]
        series = [tiff.series[number] for number in numbers]
        if len(series) != 1:
            shapes = ", ".join("x".join(map(str, one.shape)) for one in series)
            raise ImageError(
                f"{path} holds {len(series)} images ({shapes}): save the one to use as its own file"
            )
        _check_pages(path, series[0])
        _check_single_directory(path, tiff, series[0])
        scale, units = _physical_scale(tiff)
        pixels = TiffPixels.of_series(path, numbers[0], series[0])
        return RawImage(pixels, series[0].axes, scale, units, _other_files(path, series[0]))


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


def _physical_scale(tiff: tifffile.TiffFile) -> tuple[dict[str, float], dict[str, str]]:
    """Return the known scales and units by axis, from the best source that the file has."""
    if tiff.is_ome and tiff.ome_metadata:
        found = _ome_scale(tiff.ome_metadata)
    elif tiff.is_imagej and tiff.imagej_metadata:
        found = _imagej_scale(tiff)
    else:
        found = _plain_scale(tiff.pages.first)
    usable = {
        axis: (step, unit)
        for axis, (step, unit) in found.items()
        if math.isfinite(step) and step > 0
    }
    return (
        {axis: step for axis, (step, _) in usable.items()},
        {axis: unit for axis, (_, unit) in usable.items()},
    )


def _ome_scale(xml: str) -> dict[str, tuple[float, str]]:
    pixels = ElementTree.fromstring(xml).find(".//{*}Pixels")
    found = {}
    for axis in "XYZT":
        key, default = ("TimeIncrement", "s") if axis == "T" else (f"PhysicalSize{axis}", "µm")
        value = None if pixels is None else pixels.get(key)
        if pixels is not None and value is not None:
            found[axis] = (_number(value), unit_name(pixels.get(f"{key}Unit", default)))
    return found


def _imagej_scale(tiff: tifffile.TiffFile) -> dict[str, tuple[float, str]]:
    metadata = tiff.imagej_metadata or {}
    unit = unit_name(str(metadata.get("unit", "")))
    found = {}
    if unit != UNKNOWN_UNIT:
        # ImageJ writes pixels per unit; without a unit the tag is a printer's resolution.
        x, y = _resolution(tiff.pages.first)
        found = {"X": (1 / x if x else math.nan, unit), "Y": (1 / y if y else math.nan, unit)}
        found["Z"] = (_number(metadata.get("spacing", 1.0)), unit)
    if "finterval" in metadata:
        found["T"] = (_number(metadata["finterval"]), unit_name(str(metadata.get("tunit", "s"))))
    return found


def _plain_scale(page: tifffile.TiffPage) -> dict[str, tuple[float, str]]:
    x, y = _resolution(page)
    unit = {2: "inch", 3: "centimeter"}.get(int(page.resolutionunit))
    per = in_meters(unit) if unit else None
    if per is None or not x or not y or max(per / x, per / y) > _LARGEST_PLAIN_PIXEL:
        return {}
    return {"X": (1e6 * per / x, "micrometer"), "Y": (1e6 * per / y, "micrometer")}


def _resolution(page: tifffile.TiffPage) -> tuple[float, float]:
    """Return the resolution tags (x, y), 0 where missing or broken."""
    numbers = []
    for name in ("XResolution", "YResolution"):
        tag = page.tags.get(name)
        value = (0, 1) if tag is None else tag.value
        numbers.append(value[0] / value[1] if value[1] else 0.0)
    return numbers[0], numbers[1]


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return math.nan

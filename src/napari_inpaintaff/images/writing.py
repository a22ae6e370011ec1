"""Writing label images and other arrays as OME-TIFF, with axes and physical scale."""

from __future__ import annotations

import math
import uuid
from collections.abc import Generator
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, cast

import numpy as np
import tifffile
from numpy.typing import ArrayLike, NDArray

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images.axes import check_axes, complete_scale
from napari_inpaintaff.images.files import atomic_path, check_writable
from napari_inpaintaff.images.lazy_labels import label_dtype, read_block
from napari_inpaintaff.images.pixels import Pixels
from napari_inpaintaff.images.tiled_tiff import LARGEST_WITHOUT_TILES, bands_of, write_plane
from napari_inpaintaff.images.units import in_meters, ome_symbol
from napari_inpaintaff.jobs import Job, Progress

#: Endings of the files that `write_labels` and `write_array` write.
TIFF_SUFFIXES = (".tif", ".tiff")

# Offsets of a classic TIFF have 32 bits; some room is left for the page directories.
_CLASSIC_TIFF_BYTES = 2**32 - 2**25


def write_labels(
    path: str | PathLike[str],
    labels: ArrayLike,
    *,
    axes: str = "YX",
    scale: tuple[float, ...] | None = None,
    units: tuple[str, ...] | None = None,
) -> Path:
    """Write a label image as a compressed OME-TIFF.

    Parameters
    ----------
    path : path-like
        A name ending in ``.tif`` or ``.tiff``.
    labels : array of integers or bool
        0 is background, every other number is one object; one dimension per axis.
    axes : str
        A subset of ``"TZYX"`` in that order, ending in ``"YX"``.
    scale : tuple of float, optional
        Size of a pixel along each axis.
    units : tuple of str, optional
        Unit of each scale, such as ``"micrometer"`` or ``"second"``. OME-TIFF knows no
        time in pixels: a time scale without a unit of time is not stored.

    Returns
    -------
    pathlib.Path
        The written file: uint16 where the largest label allows, otherwise uint32.

    Raises
    ------
    ParameterError
        If the labels are not integers, are negative or larger than uint32 allows, or
        axes, scale and units do not fit.
    OutputError
        If the file cannot be written; nothing is left behind, an existing file stays.
    """
    steps = iterate_label_tiff(path, labels, axes=axes, scale=scale, units=units)
    return Job(steps, name="label image").run()


def iterate_label_tiff(
    path: str | PathLike[str],
    labels: Pixels | ArrayLike,
    *,
    axes: str = "YX",
    scale: tuple[float, ...] | None = None,
    units: tuple[str, ...] | None = None,
    largest: int | None = None,
    identity: str = "",
) -> Generator[Progress, None, Path]:
    """Do what `write_labels` does, plane by plane, and say how far it is.

    Labels that lie in a file or are computed (zarr, dask) are never in memory as a whole:
    planes are read one at a time, and those of more than 4096 x 4096 pixels in bands that
    become the tiles of a BigTIFF.

    Parameters
    ----------
    path, axes, scale, units
        As for `write_labels`.
    labels : array, or what reads one
        As for `write_labels`. They are read twice where neither their type nor `largest`
        says whether uint16 will do.
    largest : int, optional
        The largest label, where it is known.
    identity : str, optional
        What the labels are, for the identifier of the OME-TIFF: the same labels with the same
        identity give the same bytes. By default the identifier is another one every time.

    Yields
    ------
    Progress
        Of planes, or of bands of large planes.

    Raises
    ------
    ParameterError, OutputError
        As for `write_labels`; also if there is a label that `largest` does not allow.
    """
    pixels = _as_pixels(labels)
    dtype = label_dtype(pixels, largest)
    return (
        yield from _tiff_steps(
            path, pixels, dtype, axes=axes, scale=scale, units=units, identity=identity
        )
    )


def _as_pixels(labels: Pixels | ArrayLike) -> Pixels:
    if all(hasattr(labels, name) for name in ("shape", "dtype", "__getitem__")):
        return cast("Pixels", labels)
    return np.asarray(labels)


def write_array(
    path: str | PathLike[str],
    array: ArrayLike,
    *,
    axes: str = "YX",
    scale: tuple[float, ...] | None = None,
    units: tuple[str, ...] | None = None,
) -> Path:
    """Write a mask, a probability map or an image as a compressed OME-TIFF.

    Parameters
    ----------
    path : path-like
        A name ending in ``.tif`` or ``.tiff``.
    array : array
        bool is written as uint8 (0 or 1), floating point as float32, integers of 8 to 32
        bits as they are; one dimension per axis.
    axes, scale, units
        As for `write_labels`.

    Returns
    -------
    pathlib.Path
        The written file.

    Raises
    ------
    ParameterError
        If the array holds no numbers that a TIFF can hold, or axes, scale and units do not fit.
    OutputError
        If the file cannot be written; nothing is left behind, an existing file stays.
    """
    array = np.asarray(array)
    if array.dtype.kind == "b":
        array = array.astype(np.uint8)
    elif array.dtype.kind == "f":
        array = array.astype(np.float32)
    elif array.dtype.kind not in "ui" or array.dtype.itemsize > 4:
        raise ParameterError(f"an array of type {array.dtype} cannot be written as TIFF")
    return _write_tiff(path, array, axes=axes, scale=scale, units=units)


def _write_tiff(
    path: str | PathLike[str],
    array: NDArray[Any],
    *,
    axes: str,
    scale: tuple[float, ...] | None,
    units: tuple[str, ...] | None,
) -> Path:
    steps = _tiff_steps(path, array, array.dtype, axes=axes, scale=scale, units=units)
    return Job(steps, name="TIFF").run()


def _tiff_steps(
    path: str | PathLike[str],
    pixels: Pixels,
    dtype: np.dtype[Any],
    *,
    axes: str,
    scale: tuple[float, ...] | None,
    units: tuple[str, ...] | None,
    identity: str = "",
) -> Generator[Progress, None, Path]:
    path = Path(path)
    shape = tuple(int(length) for length in pixels.shape)
    check_axes(axes, len(shape))
    scale, units = complete_scale(axes, scale, units)
    if 0 in shape:
        raise ParameterError(f"an empty array (shape {shape}) cannot be written as an image")
    check_writable(path, suffixes=TIFF_SUFFIXES)
    planes = list(np.ndindex(shape[:-2]))
    plane = height, width = shape[-2], shape[-1]
    bands = bands_of(plane, dtype) if math.prod(plane) > LARGEST_WITHOUT_TILES else None
    unique = {"UUID": str(uuid.uuid5(uuid.NAMESPACE_OID, identity))} if identity else {}
    description = tifffile.OmeXml(**unique)
    stored = (len(planes), 1, 1, height, width, 1)
    description.addimage(dtype, shape, stored, axes=axes, **_ome_metadata(axes, scale, units))
    # Compression may keep a large image within the limit, but nobody knows before.
    large = bands is not None or math.prod(shape) * dtype.itemsize > _CLASSIC_TIFF_BYTES
    with atomic_path(path) as unfinished, tifffile.TiffWriter(unfinished, bigtiff=large) as tiff:
        done, total = 0, len(planes) * (len(bands) if bands else 1)
        yield Progress(done, total)
        for index in planes:
            read = partial(read_block, pixels, index, dtype=dtype)
            options = _page_options(scale, units)
            if not any(index):
                options["description"] = description.tostring(declaration=True).encode()
            for _ in write_plane(tiff, plane, dtype, read, bands, options):
                done += 1
                yield Progress(done, total)
    return path


def _page_options(scale: tuple[float, ...], units: tuple[str, ...]) -> dict[str, Any]:
    options = {"photometric": "minisblack", "compression": "zlib", "metadata": None}
    return options | _resolution(scale, units)


def _ome_metadata(
    axes: str, scale: tuple[float, ...], units: tuple[str, ...]
) -> dict[str, str | float]:
    metadata: dict[str, str | float] = {}
    for axis, step, unit in zip(axes, scale, units, strict=True):
        symbol = ome_symbol(unit, of_time=axis == "T")
        if axis == "T":
            if symbol is not None:
                metadata |= {"TimeIncrement": step, "TimeIncrementUnit": symbol}
        else:
            # "reference frame" is the schema's own name for a length of unknown unit.
            metadata[f"PhysicalSize{axis}"] = step
            metadata[f"PhysicalSize{axis}Unit"] = symbol or "reference frame"
    return metadata


def _resolution(scale: tuple[float, ...], units: tuple[str, ...]) -> dict[str, Any]:
    """Return the resolution tags, for programs that read no OME-XML."""
    y, x = in_meters(units[-2]), in_meters(units[-1])
    if y is None or x is None:
        return {}
    per_centimeter = (0.01 / (scale[-1] * x), 0.01 / (scale[-2] * y))
    # The tag holds a fraction of two 32-bit integers.
    if not all(1e-3 < pixels < 2**31 for pixels in per_centimeter):
        return {}
    return {"resolution": per_centimeter, "resolutionunit": "CENTIMETER"}

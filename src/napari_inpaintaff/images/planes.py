"""Single planes of images, read one at a time, or in part, when they are needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images.memory import check_fits_memory, check_plane_count
from napari_inpaintaff.images.pixels import Pixels, check_intensities, reading_pixels
from napari_inpaintaff.images.regions import Region, check_region
from napari_inpaintaff.images.windows import size_of


@dataclass(frozen=True)
class Plane:
    """One plane of an image, not read yet: `read` reads all of it, `read_region` a part.

    Attributes
    ----------
    name : str
        For messages, such as ``"a.tif"`` or ``"stack.tif [t=3, z=1]"``.
    shape : tuple of (int, int)
        Height and width in pixels.
    dtype : dtype
        Of the intensities, in the byte order of this machine.
    read_region : callable
        Takes rows and columns, which must lie inside the plane, and returns an array of that
        size with integer or floating-point intensities, as they are in the image; no more of
        a file is read and decoded than its format asks for. It may be called from any thread,
        and raises ImageError where the pixels cannot be read.
    """

    name: str
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    read_region: Callable[[Region], NDArray[Any]]

    def read(self) -> NDArray[Any]:
        """Read the whole plane, an array (Y, X).

        Raises
        ------
        ImageError
            If the pixels cannot be read.
        """
        height, width = self.shape
        return self.read_region((slice(0, height), slice(0, width)))


@dataclass(frozen=True)
class SkippedImage:
    """An image that cannot be used, and why.

    Attributes
    ----------
    path_or_name : str
        The file as it was given, or the name of a plane.
    reason : str
        For people, to be read after the name and a colon.
    """

    path_or_name: str
    reason: str

    @classmethod
    def because(cls, path_or_name: str, error: ImageError) -> SkippedImage:
        """Skip an image for an error, whose message may begin with the name of the image."""
        reason = str(error).removeprefix(f"{path_or_name} ").removeprefix("is ")
        return cls(path_or_name, reason)


@dataclass(frozen=True)
class PlaneCollection:
    """The planes of many images.

    Attributes
    ----------
    planes : tuple of Plane
        One or more.
    skipped : tuple of SkippedImage
        What was left out.
    files : int
        How many files the planes come from; an OME-Zarr folder counts as one.
    """

    planes: tuple[Plane, ...]
    skipped: tuple[SkippedImage, ...]
    files: int


def planes_of(array: Pixels, name: str) -> list[Plane]:
    """Return the planes of an array, for example of a layer.

    Parameters
    ----------
    array : array of integers or floating-point numbers, shape (..., Y, X)
        Of arrays of dask and zarr only the blocks are read that a plane, or a region of it,
        needs, and only when it is asked for.
    name : str
        Of the array, for messages.

    Returns
    -------
    list of Plane
        In the order of the leading axes; what is read is a copy.

    Raises
    ------
    ImageError
        If the array has fewer than two axes, no pixels, or holds no intensities.

    Examples
    --------
    >>> [plane.name for plane in planes_of(np.zeros((2, 30, 40)), "cells")]
    ['cells [0]', 'cells [1]']
    """
    shape = tuple(int(length) for length in array.shape)
    if len(shape) < 2 or 0 in shape:
        raise ImageError(f"{name} has the shape {shape}: an image of (Y, X) pixels is needed")
    dtype = np.dtype(array.dtype)
    check_intensities(dtype, name)
    check_plane_count(shape, name)
    planes = []
    for index in np.ndindex(shape[:-2]):
        position = ", ".join(map(str, index))
        of_plane = f"{name} [{position}]" if index else name
        read = partial(_read, array, index, of_plane)
        native = dtype.newbyteorder("=")
        planes.append(Plane(of_plane, (shape[-2], shape[-1]), native, read))
    return planes


def _read(array: Pixels, index: tuple[int, ...], name: str, region: Region) -> NDArray[Any]:
    rows, columns = check_region(region, array.shape)
    with reading_pixels(name):
        check_fits_memory(size_of((rows, columns)), array.dtype, name)
        # A copy: the owner of the array may go on painting in it.
        pixels = np.array(array[(*index, rows, columns)])
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)

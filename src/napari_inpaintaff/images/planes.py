"""Single planes of images, read one at a time when they are needed."""

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


@dataclass(frozen=True)
class Plane:
    """One plane of an image, not read yet.

    Attributes
    ----------
    name : str
        For messages, such as ``"a.tif"`` or ``"stack.tif [t=3, z=1]"``.
    shape : tuple of (int, int)
        Height and width in pixels.
    read : callable
        Returns an array (Y, X) of integer or floating-point intensities, as they are in the
        image. It may be called from any thread, and raises ImageError where the pixels
        cannot be read.
    """

    name: str
    shape: tuple[int, int]
    read: Callable[[], NDArray[Any]]


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
        Arrays of dask and zarr are read plane by plane, when a plane is asked for.
    name : str
        Of the array, for messages.

    Returns
    -------
    list of Plane
        In the order of the leading axes; `Plane.read` returns a copy.

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
    check_intensities(np.dtype(array.dtype), name)
    check_plane_count(shape, name)
    planes = []
    for index in np.ndindex(shape[:-2]):
        position = ", ".join(map(str, index))
        of_plane = f"{name} [{position}]" if index else name
        read = partial(_read, array, index, of_plane)
        planes.append(Plane(of_plane, (shape[-2], shape[-1]), read))
    return planes


def _read(array: Pixels, index: tuple[int, ...], name: str) -> NDArray[Any]:
    with reading_pixels(name):
        check_fits_memory(array.shape[-2:], array.dtype, name)
        # A copy: the owner of the array may go on painting in it.
        return np.array(array[(*index, slice(None), slice(None))])

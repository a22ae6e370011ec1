"""Which objects of a label image count: by size, holes, and the edge of the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from napari_inpaintaff.errors import ImageError, ParameterError

Labels = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class ObjectFilter:
    """What is done with the objects of every plane, in the order of the attributes.

    Attributes
    ----------
    fill_holes : bool
        Whether background that an object encloses becomes part of it, before its size
        counts; and the gaps that left-out objects leave in it, afterwards.
    clear_border : bool
        Whether objects that touch the edge of the image are left out.
    minimum_size : int
        Smaller objects are left out; in pixels, at least 0.
    maximum_size : int or None
        Larger objects are left out; in pixels. None: there is no limit.

    Raises
    ------
    ParameterError
        If a size is negative, or the maximum is below the minimum.
    """

    fill_holes: bool = False
    clear_border: bool = False
    minimum_size: int = 0
    maximum_size: int | None = None

    def __post_init__(self) -> None:
        _check_sizes(self.minimum_size, self.maximum_size)


def filter_objects(labels: ArrayLike, wanted: ObjectFilter) -> Labels:
    """Apply a filter to one plane; the objects that stay keep their number.

    Parameters
    ----------
    labels : array of integers or bool, shape (Y, X)
        0 is background.
    wanted : ObjectFilter
        Which objects stay.

    Returns
    -------
    ndarray of an integer dtype, shape (Y, X)
        A new array.

    Raises
    ------
    ImageError
        If it is no label image of one plane.
    """
    result = _plane(labels)
    if wanted.fill_holes:
        result = fill_holes(result)
    if wanted.clear_border:
        result = clear_border(result)
    if wanted.minimum_size > 1 or wanted.maximum_size is not None:
        result = keep_sizes(result, wanted.minimum_size, wanted.maximum_size)
        if wanted.fill_holes:
            result = fill_holes(result)
    return result.copy() if result is labels else result


def keep_sizes(labels: ArrayLike, minimum: int = 0, maximum: int | None = None) -> Labels:
    """Leave out the objects of a plane that are too small or too large.

    Parameters
    ----------
    labels : array of integers or bool, shape (Y, X)
        0 is background. All pixels of a number are one object, wherever they are.
    minimum : int
        Pixels that an object has at least.
    maximum : int, optional
        Pixels that it has at most.

    Returns
    -------
    ndarray of an integer dtype, shape (Y, X)

    Raises
    ------
    ImageError
        If it is no label image of one plane.
    ParameterError
        If a size is negative, or the maximum is below the minimum.
    """
    _check_sizes(minimum, maximum)
    plane = _plane(labels)
    values, sizes = object_sizes(plane)
    kept = (sizes >= minimum) & (sizes <= (np.inf if maximum is None else maximum))
    return _without(plane, values[~kept])


def fill_holes(labels: ArrayLike) -> Labels:
    """Give the background that an object of a plane encloses to that object.

    Other objects inside a ring stay what they are. Background that leads out of the object
    over a corner only is enclosed.

    Parameters
    ----------
    labels : array of integers or bool, shape (Y, X)
        0 is background.

    Returns
    -------
    ndarray of an integer dtype, shape (Y, X)
        No labelled pixel differs from the input.

    Raises
    ------
    ImageError
        If it is no label image of one plane.
    """
    plane = _plane(labels)
    result = plane.copy()
    values, index = np.unique(plane, return_inverse=True)
    compact = index.reshape(plane.shape) + int(values[0] != 0)
    names = values[values != 0]
    boxes = [(k, box) for k, box in enumerate(ndimage.find_objects(compact)) if box]
    # The smallest box first: a hole in a cell within a ring belongs to the cell.
    for number, box in sorted(boxes, key=lambda item: _pixels(item[1])):
        filled = ndimage.binary_fill_holes(compact[box] == number + 1)
        inside = result[box]
        inside[filled & (inside == 0)] = names[number]
    return result


def clear_border(labels: ArrayLike) -> Labels:
    """Leave out the objects of a plane that touch the edge of the image.

    Parameters
    ----------
    labels : array of integers or bool, shape (Y, X)
        0 is background.

    Returns
    -------
    ndarray of an integer dtype, shape (Y, X)

    Raises
    ------
    ImageError
        If it is no label image of one plane.
    """
    plane = _plane(labels)
    return _without(plane, edge_labels(plane))


def edge_labels(plane: Labels) -> NDArray[Any]:
    """Return the numbers of the objects that touch the edge of a plane (Y, X), ascending."""
    edges = [plane[0], plane[-1], plane[:, 0], plane[:, -1]]
    found = np.unique(np.concatenate(edges))
    return np.asarray(found[found != 0])


def count_objects(plane: ArrayLike) -> int:
    """Count the objects of one plane: numbers that are not 0."""
    return int(object_sizes(np.asarray(plane))[0].size)


def object_sizes(plane: Labels) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the numbers of the objects of a plane, ascending, and their pixels."""
    if int(plane.max(initial=0)) <= plane.size:
        # Ten times as fast as sorting all pixels.
        counts = np.bincount(plane.ravel().astype(np.intp, copy=False))
        values = np.flatnonzero(counts)
        return values[values > 0], counts[values[values > 0]]
    values, sizes = np.unique(plane, return_counts=True)
    return values[values != 0], sizes[values != 0]


def _without(plane: Labels, numbers: NDArray[Any]) -> Labels:
    return np.where(np.isin(plane, numbers), plane.dtype.type(0), plane)


def _check_sizes(minimum: int, maximum: int | None) -> None:
    if minimum < 0:
        raise ParameterError(f"the minimum size must not be negative, got {minimum}")
    if maximum is not None and maximum < max(1, minimum):
        raise ParameterError(
            f"the maximum size must be at least 1 and not below the minimum size {minimum}, "
            f"got {maximum}"
        )


def _plane(labels: ArrayLike) -> Labels:
    plane = np.asarray(labels)
    if plane.dtype.kind == "b":
        plane = plane.astype(np.uint8)
    if plane.dtype.kind not in "ui":
        raise ImageError(f"labels must be whole numbers, got an image of {plane.dtype}")
    if plane.ndim != 2 or plane.size == 0:
        raise ImageError(f"one plane (Y, X) of labels is needed, got the shape {plane.shape}")
    if plane.min() < 0:
        raise ImageError(f"labels must not be negative, got {plane.min()}")
    return plane


def _pixels(box: tuple[slice, ...]) -> int:
    return int(np.prod([side.stop - side.start for side in box]))

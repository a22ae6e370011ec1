"""Give objects that overlap in neighbouring frames or planes the same number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.evaluation import Overlap, overlap
from napari_inpaintaff.measurement.filters import object_sizes

#: Objects that share less of their union are taken for different ones.
MINIMUM_IOU = 0.1


def link_planes(
    planes: Iterable[ArrayLike], *, minimum_iou: float = MINIMUM_IOU
) -> Iterator[NDArray[np.uint32]]:
    """Renumber label images one after the other so that an object keeps its number.

    The objects of two neighbours are assigned to each other, at most one to one, so that the
    sum of their intersections over union is as large as it can be. An object without a
    partner in the image before gets a number that was never used. Nothing is split, merged
    or filled in: an object that is missing in one image begins anew after it.

    Parameters
    ----------
    planes : iterable of arrays of integers >= 0, of one shape
        Frames or planes, shape (Y, X), or volumes (Z, Y, X); 0 is background. Only two of
        them are held at a time.
    minimum_iou : float
        Intersection over union from which two objects can be the same, in (0, 1].

    Yields
    ------
    ndarray of uint32, of the same shape
        The numbers 1 to n in the first image, in the order of the numbers given.

    Raises
    ------
    ParameterError
        If `minimum_iou` is out of range.
    ImageError
        If the shapes differ, or one is no label image.
    """
    if not 0 < minimum_iou <= 1:
        raise ParameterError(f"minimum_iou must be above 0 and at most 1, got {minimum_iou}")
    before: NDArray[np.uint32] | None = None
    used = 0
    for number, given in enumerate(planes):
        plane = _labels(given, number)
        numbers, _ = object_sizes(plane)
        names = np.zeros(numbers.size, dtype=np.uint32)
        if before is not None:
            table = _overlap(plane, before, number)
            old_names, _ = object_sizes(before)
            for new, old in _assignment(table, minimum_iou):
                names[new] = old_names[old]
        fresh = np.flatnonzero(names == 0)
        names[fresh] = used + 1 + np.arange(fresh.size)
        used += int(fresh.size)
        before = _renamed(plane, numbers, names)
        yield before


def link_labels(labels: ArrayLike, *, minimum_iou: float = MINIMUM_IOU) -> NDArray[np.uint32]:
    """Link the objects of a stack over time or depth, or of a time-lapse of stacks over both.

    Parameters
    ----------
    labels : array of integers >= 0, shape (T, Y, X), (Z, Y, X) or (T, Z, Y, X)
        0 is background; numbers of different planes mean nothing to each other. With T and
        Z, objects are linked over depth first and then over time as a whole.
    minimum_iou : float
        See `link_planes`.

    Returns
    -------
    ndarray of uint32, of the same shape

    Raises
    ------
    ImageError
        If it is no stack of label images.
    ParameterError
        If `minimum_iou` is out of range.
    """
    stack = np.asarray(labels)
    if stack.ndim not in (3, 4):
        raise ImageError(
            f"a stack of three axes, or T, Z, Y, X, is needed to link objects, "
            f"got the shape {stack.shape}"
        )
    _labels(stack, 0)
    if stack.size and stack.max() > np.iinfo(np.uint32).max:
        raise ImageError(f"labels must be below 2**32, got {stack.max()}")
    linked = stack.astype(np.uint32)
    for _ in linking_in_place(linked, minimum_iou):
        pass
    return linked


def linking_in_place(stack: NDArray[np.uint32], minimum_iou: float = MINIMUM_IOU) -> Iterator[None]:
    """Do what `link_labels` does in the array itself, one frame per step."""
    if stack.ndim == 4:
        for volume in stack:
            for _ in linking_in_place(volume, minimum_iou):
                pass
    for place, linked in zip(stack, link_planes(stack, minimum_iou=minimum_iou), strict=True):
        place[...] = linked
        yield


def _labels(given: ArrayLike, number: int) -> NDArray[Any]:
    plane = np.asarray(given)
    if plane.dtype.kind not in "bui":
        raise ImageError(f"labels must be whole numbers, got an image of {plane.dtype}")
    if plane.size and plane.min() < 0:
        raise ImageError(f"labels must not be negative, got {plane.min()} in image {number}")
    return plane


def _overlap(plane: NDArray[Any], before: NDArray[np.uint32], number: int) -> Overlap:
    if plane.shape != before.shape:
        raise ImageError(
            f"image {number} has the shape {plane.shape}, but the one before it {before.shape}"
        )
    return overlap(plane, before)


def _assignment(table: Overlap, minimum_iou: float) -> Iterator[tuple[int, int]]:
    """Yield the pairs (object, object before) of the largest sum of overlaps.

    Solved group by group of objects that hang together, because a table of thousands of
    cells against thousands would be as slow as it is empty.
    """
    ious = table.jaccard
    enough = ious >= minimum_iou
    new, old, ious = table.objects[enough], table.references[enough], ious[enough]
    if not new.size:
        return
    count_new, count_old = table.object_sizes.size, table.reference_sizes.size
    nodes = count_new + count_old
    graph = coo_array((np.ones(new.size), (new, count_new + old)), shape=(nodes, nodes))
    _, group_of = connected_components(graph, directed=False)
    order = np.argsort(group_of[new], kind="stable")
    borders = np.flatnonzero(np.diff(group_of[new][order])) + 1
    for pairs in np.split(order, borders):
        if pairs.size == 1:
            yield int(new[pairs[0]]), int(old[pairs[0]])
            continue
        rows, row = np.unique(new[pairs], return_inverse=True)
        columns, column = np.unique(old[pairs], return_inverse=True)
        gains = np.zeros((rows.size, columns.size))
        gains[row, column] = ious[pairs]
        for r, c in zip(*linear_sum_assignment(gains, maximize=True), strict=True):
            if gains[r, c] > 0:
                yield int(rows[r]), int(columns[c])


def _renamed(
    plane: NDArray[Any], numbers: NDArray[Any], names: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    result = np.zeros(plane.shape, dtype=np.uint32)
    inside = plane > 0
    result[inside] = names[np.searchsorted(numbers, plane[inside])]
    return result

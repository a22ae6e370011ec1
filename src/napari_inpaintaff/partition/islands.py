"""The foreground in parts that have nothing to do with each other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

#: Connected components of the foreground are grouped in squares of this side, in pixels.
_GROUP = 512

#: A mask, and the rows and columns of the image that it stands for.
Island = tuple[NDArray[np.bool_], tuple[slice, slice]]


def islands(mask: NDArray[np.bool_]) -> Iterator[Island]:
    """Part a large foreground into groups of its connected components, in bounding boxes.

    No segment reaches beyond its component, and pairs of pixels of different components
    have nothing to say about any, so the groups can be partitioned one by one. The time of
    the mutex watershed grows faster than the number of pixels, and so does its memory.
    """
    if mask.size <= _GROUP**2:
        yield from whole_foreground(mask)
        return
    components, _ = ndimage.label(mask)
    boxes = ndimage.find_objects(components)
    groups: dict[tuple[int, int], list[int]] = {}
    for component, (rows, columns) in enumerate(boxes, start=1):
        groups.setdefault((rows.start // _GROUP, columns.start // _GROUP), []).append(component)
    for members in groups.values():
        rows, columns = (
            slice(
                min(boxes[member - 1][axis].start for member in members),
                max(boxes[member - 1][axis].stop for member in members),
            )
            for axis in (0, 1)
        )
        yield np.isin(components[rows, columns], members), (rows, columns)


def whole_foreground(mask: NDArray[np.bool_]) -> Iterator[Island]:
    """Take the bounding box of a mask that has a pixel as a single part."""
    box = bounding_box(mask)
    yield mask[box], box


def bounding_box(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Rows and columns that hold all True pixels of a mask that has some."""
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)

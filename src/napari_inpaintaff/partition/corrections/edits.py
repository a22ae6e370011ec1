"""One correction: the rectangle that it changes, before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Rows and columns of a rectangle, with start and stop.
Window = tuple[slice, slice]

LabelImage = NDArray[np.integer[Any]]

#: Of an edit that changes no pixel.
EMPTY_WINDOW: Window = (slice(0, 0), slice(0, 0))


@dataclass(frozen=True, eq=False)
class Edit:
    """A change of a label image that can be applied and reverted.

    Attributes
    ----------
    name : str
        What was done, for people.
    window : Window
        The smallest rectangle that holds all changed pixels.
    old, new : ndarray of integers, shape (rows, columns)
        The labels in the window before and after.
    locked, unlocked : frozenset of int
        Segments that it locks and unlocks.
    """

    name: str
    window: Window
    old: LabelImage
    new: LabelImage
    locked: frozenset[int] = frozenset()
    unlocked: frozenset[int] = frozenset()

    def touched(self) -> frozenset[int]:
        """Segments that gain or lose pixels."""
        changed = self.old != self.new
        numbers = np.union1d(self.old[changed], self.new[changed])
        return frozenset(int(number) for number in numbers if number)


def edit_window(labels: LabelImage, window: Window, new: LabelImage, name: str) -> Edit:
    """Make the edit that puts other labels into a window, cut to what it changes.

    Parameters
    ----------
    labels : ndarray of integers, shape (Y, X)
        As they are now.
    window : Window
        Where.
    new : ndarray of integers, shape (rows, columns)
        What the window shall hold.
    name : str
        What is done, for people.

    Returns
    -------
    Edit
        Holds copies.
    """
    inner = difference_window(labels[window], new)
    if inner is None:
        none = np.zeros((0, 0), labels.dtype)
        return Edit(name, EMPTY_WINDOW, none, none)
    outer = shifted(inner, window)
    return Edit(name, outer, labels[outer].copy(), new[inner].astype(labels.dtype))


def difference_window(first: LabelImage, second: LabelImage) -> Window | None:
    """Find the smallest rectangle outside of which two images of one shape are equal."""
    return box_of(first != second)


def box_of(mask: NDArray[np.bool_]) -> Window | None:
    """Find the smallest rectangle with all True pixels; None without any."""
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return None
    row_range = slice(int(rows[0]), int(rows[-1]) + 1)
    columns = np.flatnonzero(mask[row_range].any(axis=0))
    return row_range, slice(int(columns[0]), int(columns[-1]) + 1)


def shifted(inner: Window, outer: Window) -> Window:
    """Say where in the image a window inside another window is."""
    rows, columns = (
        slice(part.start + whole.start, part.stop + whole.start)
        for part, whole in zip(inner, outer, strict=True)
    )
    return rows, columns


def united(first: Window, second: Window) -> Window:
    """Find the smallest window that holds two."""
    rows, columns = (
        slice(min(one.start, other.start), max(one.stop, other.stop))
        for one, other in zip(first, second, strict=True)
    )
    return rows, columns

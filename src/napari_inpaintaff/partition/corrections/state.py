"""A label image with locks, and where each of its segments is."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import reduce

import numpy as np
from scipy import ndimage

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.errors import ImageError, InpaintAffError
from napari_inpaintaff.partition.corrections.edits import (
    Edit,
    LabelImage,
    Window,
    box_of,
    shifted,
    united,
)

#: Boxes of so many segments are looked up faster all at once.
_MANY = 64


class CorrectionError(InpaintAffError, ValueError):
    """A correction is not possible, or would change a locked segment."""


class LabelState:
    """A label image under correction.

    Parameters
    ----------
    labels : array of integers >= 0, shape (Y, X)
        0 is background. It is copied.
    locked : iterable of int, optional
        Segments that must not change.

    Attributes
    ----------
    labels : ndarray of integers, shape (Y, X)
        Changed by `apply` and `revert` only.
    locked : set of int

    Raises
    ------
    ImageError
        When the labels are no plane of integers >= 0.
    """

    def __init__(self, labels: LabelImage, *, locked: Iterable[int] = ()) -> None:
        labels = np.array(labels)
        if labels.ndim != 2 or labels.dtype.kind not in "iu":
            raise ImageError(
                f"labels must be a plane (Y, X) of integers, got {labels.dtype} of the shape "
                f"{labels.shape}"
            )
        if labels.size and labels.min() < 0:
            raise ImageError(f"labels must not be negative, got {labels.min()}")
        self.labels = labels
        self.locked = set(locked)
        self._boxes = bounding_boxes(labels)
        self._highest = max(self._boxes, default=0)

    @property
    def segments(self) -> Collection[int]:
        """The numbers of all segments."""
        return self._boxes.keys()

    def box(self, segment: int) -> Window:
        """Return the bounding box of a segment.

        Raises
        ------
        CorrectionError
            When there is no such segment.
        """
        if segment not in self._boxes:
            raise CorrectionError(
                f"There is no segment {segment}." if segment else "That is background."
            )
        return self._boxes[segment]

    def common_box(self, segments: Iterable[int]) -> Window:
        """Return the smallest window that holds some segments, at least one."""
        return reduce(united, (self.box(segment) for segment in segments))

    def fresh_numbers(self, count: int) -> list[int]:
        """Return numbers that no segment has or had.

        Raises
        ------
        CorrectionError
            When the type of the label image has no more.
        """
        last = self._highest + count
        if last > np.iinfo(self.labels.dtype).max:
            raise CorrectionError(
                f"Labels of the type {self.labels.dtype} cannot go up to {last}: convert the "
                "layer to a wider type first (right-click the layer > Convert data type)."
            )
        return list(range(self._highest + 1, last + 1))

    def refuse_locked(self, segments: Iterable[int]) -> None:
        """Raise CorrectionError if one of some segments is locked."""
        locked = sorted(self.locked.intersection(segments))
        if len(locked) == 1:
            raise CorrectionError(f"Segment {locked[0]} is locked. Unlock it first.")
        if locked:
            numbers = ", ".join(map(str, locked[:5])) + (", …" if len(locked) > 5 else "")
            raise CorrectionError(f"Segments {numbers} are locked. Unlock them first.")

    def apply(self, edit: Edit) -> None:
        """Put the new labels of an edit in place.

        Raises
        ------
        CorrectionError
            When a locked segment would change, or the edit belongs to other labels.
        """
        self.refuse_locked(edit.touched())
        self._put(edit, edit.old, edit.new)
        self.locked |= edit.locked
        self.locked -= edit.unlocked

    def revert(self, edit: Edit) -> None:
        """Put the old labels of the edit that was applied last in place.

        Raises
        ------
        CorrectionError
            When the edit belongs to other labels.
        """
        self._put(edit, edit.new, edit.old)
        self.locked -= edit.locked
        self.locked |= edit.unlocked

    def _put(self, edit: Edit, before: LabelImage, after: LabelImage) -> None:
        if not np.array_equal(self.labels[edit.window], before):
            raise CorrectionError(f'"{edit.name}" does not fit the labels as they are now.')
        self.labels[edit.window] = after
        touched = edit.touched()
        self._highest = max(self._highest, *touched, 0)
        if len(touched) > _MANY:
            self._boxes = bounding_boxes(self.labels)
            return
        for segment in touched:
            known = self._boxes.pop(segment, None)
            place = edit.window if known is None else united(known, edit.window)
            inner = box_of(self.labels[place] == segment)
            if inner is not None:
                self._boxes[segment] = shifted(inner, place)


def bounding_boxes(labels: LabelImage) -> dict[int, Window]:
    """Find the bounding boxes of all segments.

    Parameters
    ----------
    labels : ndarray of integers >= 0, shape (Y, X)

    Returns
    -------
    dict of int to Window
        0 is not in it.
    """
    numbers: LabelImage | None = None
    if labels.size and int(labels.max()) > max(labels.size, 2**16):
        # One object per possible number would not fit.
        numbers, places = np.unique(labels, return_inverse=True)
        labels = places.reshape(labels.shape) + 1
    found = ndimage.find_objects(labels.astype(np.int32, copy=False))
    boxes: dict[int, Window] = {}
    for index, box in enumerate(found):
        if box is not None:
            boxes[index + 1 if numbers is None else int(numbers[index])] = box
    boxes.pop(0, None)
    return boxes


def check_shape(state: LabelState, affinities: Affinities) -> None:
    """Raise ImageError if affinities belong to an image of another shape."""
    if affinities.shape != state.labels.shape:
        raise ImageError(
            f"the affinities belong to an image of {affinities.shape} pixels, "
            f"the labels have {state.labels.shape}"
        )

"""Smaller training sets, as appendix B of the paper makes them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.pipeline.reproduction.layout import Frame

#: Rows and columns of a part of an image: (first row, end, first column, end).
Box = tuple[int, int, int, int]

#: An image is not halved below this side, in pixels.
_SMALLEST_SIDE = 8


@dataclass(frozen=True)
class LabelledPart:
    """A part of an annotated frame; nothing outside it is taken as labelled.

    Attributes
    ----------
    frame : Frame
        The annotated frame.
    box : tuple of four int
        (first row, end, first column, end).
    """

    frame: Frame
    box: Box

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the frame."""
        top, bottom, left, right = self.box
        return slice(top, bottom), slice(left, right)


@dataclass(frozen=True)
class TrainingSet:
    """Labels to learn from.

    Attributes
    ----------
    parts : tuple of LabelledPart
        Of one frame or several.
    instances : int
        Cells in them, see `count_instances`.
    level : int or None
        About how many cells were asked for; None means all.
    """

    parts: tuple[LabelledPart, ...]
    instances: int
    level: int | None


def halved_boxes(shape: tuple[int, int]) -> Iterator[Box]:
    """Halve an image around its centre, in x and y in turn (appendix B).

    Parameters
    ----------
    shape : tuple of (int, int)
        Height and width.

    Yields
    ------
    tuple of four int
        The whole image, then its half in x, then that halved in y, and so on, down to sides
        of eight pixels.

    Examples
    --------
    >>> list(halved_boxes((16, 32)))[:3]
    [(0, 16, 0, 32), (0, 16, 8, 24), (4, 12, 8, 24)]
    """
    height, width = shape
    halves_x = True
    while min(height, width) >= _SMALLEST_SIDE:
        top, left = (shape[0] - height) // 2, (shape[1] - width) // 2
        yield top, top + height, left, left + width
        height, width = (height, width // 2) if halves_x else (height // 2, width)
        halves_x = not halves_x


def count_instances(labels: NDArray[np.integer], box: Box | None = None) -> int:
    """Count the cells of which at least half lies in a part of an image.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        0 is background.
    box : tuple of four int, optional
        By default the whole image.

    Returns
    -------
    int
        Cells cut by the border of the part count where more of them is inside than outside,
        so that the parts of an image have about as many as the image.
    """
    names, sizes = np.unique(labels[labels > 0], return_counts=True)
    if box is None:
        return len(names)
    top, bottom, left, right = box
    inside = labels[top:bottom, left:right]
    found, shares = np.unique(inside[inside > 0], return_counts=True)
    whole = sizes[np.searchsorted(names, found)]
    return int(np.count_nonzero(2 * shares >= whole))


def training_sets(
    frames: Sequence[tuple[Frame, NDArray[np.integer]]], levels: Sequence[int | None]
) -> list[TrainingSet]:
    """Make training sets of about so many cells.

    Frames are left out first, then a single one is halved around its centre in x and y in
    turn (Wolf et al. 2020, appendix B). Which frames stay, the paper draws at random; here it
    is those with the most cells, and of single ones that which comes nearest to the number.

    Parameters
    ----------
    frames : sequence of (Frame, ndarray of int (Y, X))
        Annotated frames, with every cell.
    levels : sequence of int or None
        About how many cells; None means all of them.

    Returns
    -------
    list of TrainingSet
        Ascending; for every level the set whose number of cells is nearest by ratio. Levels
        that would take the same one share it (it has the nearest level), and levels that
        nothing comes near (within a factor of two) are left out.

    Raises
    ------
    ParameterError
        If a level is not positive.
    """
    for level in levels:
        if level is not None and level < 1:
            raise ParameterError(f"a training set needs an instance at least, got {level}")
    candidates = [one for one in _candidates(frames) if one.instances]
    if not candidates:
        return []
    chosen: dict[int, TrainingSet] = {}
    for level in sorted(level for level in levels if level is not None):
        nearest = min(
            range(len(candidates)), key=lambda index: _distance(candidates[index].instances, level)
        )
        distance = _distance(candidates[nearest].instances, level)
        before = chosen.get(nearest)
        if distance > math.log(2) or (
            before is not None
            and before.level is not None
            and _distance(before.instances, before.level) <= distance
        ):
            continue
        one = candidates[nearest]
        chosen[nearest] = TrainingSet(one.parts, one.instances, level)
    if None in levels:
        chosen[0] = candidates[0]
    return sorted(chosen.values(), key=lambda one: one.instances)


def _distance(instances: int, level: int) -> float:
    return abs(math.log(instances / level))


def _candidates(frames: Sequence[tuple[Frame, NDArray[np.integer]]]) -> list[TrainingSet]:
    """Return all frames, half of them and so on, and then the halves of single ones."""
    counted = sorted(
        ((count_instances(labels), frame, labels) for frame, labels in frames),
        key=lambda one: -one[0],
    )
    sets: list[TrainingSet] = []
    number = len(counted)
    while number > 1:
        some = counted[:number]
        parts = tuple(
            LabelledPart(frame, (0, labels.shape[0], 0, labels.shape[1]))
            for _, frame, labels in some
        )
        sets.append(TrainingSet(parts, sum(count for count, _, _ in some), None))
        number = (number + 1) // 2 if number > 2 else 1
    for _, frame, labels in counted:
        for box in halved_boxes((labels.shape[0], labels.shape[1])):
            part = LabelledPart(frame, box)
            sets.append(TrainingSet((part,), count_instances(labels, box), None))
    return sets

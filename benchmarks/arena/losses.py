"""Objects that one method gets wrong and another right, and what went wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.evaluation import object_scores

Labels = NDArray[np.integer]

#: A score has to be this much lower to count as lost.
_MARGIN = 0.1
#: A segment has its part in an object if it covers this much of it.
_PART = 0.2


class Cause(Enum):
    """Why an object is lost."""

    NEVER_CUT = "never cut from its neighbour"
    MERGED = "cut from its neighbour, and merged again"
    SPLIT = "split"
    BORDER = "a border in the wrong place"


@dataclass(frozen=True)
class Loss:
    """An object that was lost.

    Attributes
    ----------
    label : int
        Of the true object.
    own, other : float
        Its scores.
    cause : Cause
        Why.
    """

    label: int
    own: float
    other: float
    cause: Cause


def losses(truth: Labels, own: Labels, other: Labels, fine: Labels) -> Iterator[Loss]:
    """Yield what ``own`` loses to ``other``.

    Parameters
    ----------
    truth : ndarray of int, shape (Y, X)
        Objects 1 to n, some of which may be missing.
    own, other : ndarray of int, shape (Y, X)
        The labels of two methods.
    fine : ndarray of int, shape (Y, X)
        The segments that ``own`` was merged from.
    """
    objects = np.unique(truth[truth > 0])
    mine, theirs = object_scores(own, truth), object_scores(other, truth)
    for label, here, there in zip(objects.tolist(), mine.tolist(), theirs.tolist(), strict=True):
        if there - here > _MARGIN:
            yield Loss(label, here, there, _cause(truth, own, fine, label))


def _cause(truth: Labels, own: Labels, fine: Labels, label: int) -> Cause:
    inside = truth == label
    size = np.count_nonzero(inside)
    names, counts = np.unique(own[inside], return_counts=True)
    counts = np.where(names == 0, 0, counts)
    largest = names[counts.argmax()]
    neighbours, shared = np.unique(truth[(own == largest) & ~inside], return_counts=True)
    joined = [
        int(one)
        for one, count in zip(neighbours, shared, strict=True)
        if one > 0 and count > _PART * np.count_nonzero(truth == one)
    ]
    if joined:
        whole = np.isin(truth, joined)
        for segment, count in zip(*np.unique(fine[inside], return_counts=True), strict=True):
            there = np.count_nonzero(whole & (fine == segment))
            if segment > 0 and min(count / size, there / np.count_nonzero(whole)) > _PART:
                return Cause.NEVER_CUT
        return Cause.MERGED
    if np.sort(counts)[-2:].min() > _PART * size and counts.size > 1:
        return Cause.SPLIT
    return Cause.BORDER

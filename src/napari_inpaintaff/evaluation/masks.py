"""Measures of masks and regions against a truth, as in the tables of foreground publications.

Accuracy, IoU, mIoU and Dice are those of Savarese et al. 2021 (IEM), section 4.3. Regions
without names are scored by their best permutation, as by Chen et al. 2019 (ReDO).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_inpaintaff.errors import ImageError, ParameterError

#: More regions have too many permutations.
_MOST_REGIONS = 6


@dataclass(frozen=True)
class MaskScores:
    """How well a mask fits the true one; each in [0, 1], higher is better.

    Attributes
    ----------
    accuracy : float
        Part of the pixels that are right.
    iou : float
        Intersection over union of the foregrounds; 1 if there is none in either.
    mean_iou : float
        Mean of that and the same of the backgrounds.
    dice : float
        Twice the intersection over the sum of the foregrounds; 1 if there is none in either.
    """

    accuracy: float
    iou: float
    mean_iou: float
    dice: float


def mask_scores(mask: ArrayLike, truth: ArrayLike) -> MaskScores:
    """Score a mask.

    Parameters
    ----------
    mask, truth : array of bool or numbers, of one shape
        What is not 0 is foreground.

    Returns
    -------
    MaskScores

    Raises
    ------
    ImageError
        If the shapes differ, or there is no pixel.
    """
    found, true = _of_one_shape(np.asarray(mask), np.asarray(truth))
    inside, really = found != 0, true != 0
    both = int(np.count_nonzero(inside & really))
    either = int(np.count_nonzero(inside | really))
    neither, not_both = found.size - either, found.size - both
    iou = both / either if either else 1.0
    background = neither / not_both if not_both else 1.0
    dice = 2 * both / (both + either) if either else 1.0
    return MaskScores((both + neither) / found.size, iou, (iou + background) / 2, dice)


def mean_mask_scores(pairs: Iterable[tuple[ArrayLike, ArrayLike]]) -> MaskScores:
    """Average the scores of images, each of which counts the same.

    Parameters
    ----------
    pairs : iterable of tuple of array
        Masks and true masks.

    Raises
    ------
    ImageError
        If there is none, or one cannot be scored.
    """
    scores = [mask_scores(mask, truth) for mask, truth in pairs]
    if not scores:
        raise ImageError("there is no mask to score")
    names = ("accuracy", "iou", "mean_iou", "dice")
    return MaskScores(*(float(np.mean([getattr(s, name) for s in scores])) for name in names))


@dataclass(frozen=True)
class RegionScores:
    """How well regions fit the true ones, under the permutation that fits best.

    Attributes
    ----------
    permutation : tuple of int
        For every true region the number of the region that was found.
    accuracy : float
        Part of the pixels that are right.
    ious : tuple of float
        Of every true region; 1 where a region is missing in both.
    """

    permutation: tuple[int, ...]
    accuracy: float
    ious: tuple[float, ...]

    @property
    def mean_iou(self) -> float:
        """Mean over the regions."""
        return float(np.mean(self.ious))


def region_scores(regions: ArrayLike, truth: ArrayLike, count: int) -> RegionScores:
    """Score regions whose numbers mean nothing.

    Parameters
    ----------
    regions, truth : array of integers in [0, count), of one shape
        The region of every pixel. Of many images at once, there is one permutation for all.
    count : int
        Number of regions, background included: 2 to 6.

    Returns
    -------
    RegionScores
        Of the permutation with the highest mean IoU.

    Raises
    ------
    ImageError
        If the shapes differ, there is no pixel, or a number is out of range.
    ParameterError
        If the count is out of range.
    """
    if not 2 <= count <= _MOST_REGIONS:
        raise ParameterError(f"there can be 2 to {_MOST_REGIONS} regions, got {count}")
    found, true = _of_one_shape(np.asarray(regions), np.asarray(truth))
    for numbers in (found, true):
        if numbers.dtype.kind not in "bui" or numbers.min() < 0 or numbers.max() >= count:
            raise ImageError(f"the numbers of {count} regions are 0 to {count - 1}")
    pairs = true.astype(np.int64).ravel() * count + found.astype(np.int64).ravel()
    table = np.bincount(pairs, minlength=count**2).reshape(count, count)
    unions = table.sum(1)[:, None] + table.sum(0) - table
    ious = np.divide(table, unions, out=np.ones(table.shape), where=unions > 0)
    rows = list(range(count))
    best = max(permutations(rows), key=lambda order: ious[rows, order].sum())
    return RegionScores(
        tuple(best),
        float(table[rows, best].sum() / true.size),
        tuple(float(value) for value in ious[rows, best]),
    )


def _of_one_shape(
    found: NDArray[np.generic], true: NDArray[np.generic]
) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    if found.shape != true.shape or found.size == 0:
        raise ImageError(
            f"a mask of the shape {found.shape} cannot be compared with a truth of {true.shape}"
        )
    return found, true

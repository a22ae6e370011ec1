"""Patches that a network learns affinities from, and where they are cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Patches:
    """Patches of images that a network learns affinities from, at its scale.

    Attributes
    ----------
    image : ndarray of int, shape (N,)
        Index of the image that each is of.
    origin : ndarray of int, shape (N, 2)
        (y, x) of its first pixel there; negative in images smaller than a patch.
    values : ndarray of float32, shape (N, P, P)
        Normalised; NaN where unknown and outside the image.
    wanted : ndarray of bool, shape (N, P, P)
        Foreground, and what the user has labelled; nothing unknown.
    labels : ndarray of int32, shape (N, P, P)
        The user's labels; 0 is unlabelled.
    leaves : ndarray of int16 or int32, shape (N, P, P)
        Segment of every pixel in its patch: the leaf region that an inpainter found (0 before
        the patches are taken apart), or the cell (0 is background).
    """

    image: NDArray[np.int64]
    origin: NDArray[np.int64]
    values: NDArray[np.float32]
    wanted: NDArray[np.bool_]
    labels: NDArray[np.int32]
    leaves: NDArray[np.signedinteger]

    def __len__(self) -> int:
        return len(self.image)

    @property
    def side(self) -> int:
        """Side of a patch, in pixels."""
        return int(self.values.shape[-1])

    def __getitem__(self, chosen: NDArray[np.integer]) -> Patches:
        """Return some patches, in the order of their indices."""
        return Patches(*(getattr(self, field.name)[chosen] for field in fields(self)))


def shares(weights: Sequence[int], total: int) -> NDArray[np.int64]:
    """Part a number in proportion to weights, rounded so that the sum is right.

    Parameters
    ----------
    weights : sequence of int
        Not negative.
    total : int
        To be parted.

    Returns
    -------
    ndarray of int
        One number for every weight.
    """
    upto = np.cumsum(weights, dtype=np.float64)
    whole: NDArray[np.int64] = np.round(upto * (total / max(upto[-1], 1))).astype(np.int64)
    return np.diff(whole, prepend=np.int64(0))


def drawn_origins(
    mask: NDArray[np.bool_], count: int, side: int, random: np.random.Generator
) -> list[tuple[int, int]]:
    """Draw patches that hold a pixel of a mask, inside the image as far as it is large enough.

    Parameters
    ----------
    mask : ndarray of bool, shape (Y, X)
        Each of its pixels is equally likely, at any place of the patch.
    count, side : int
        How many patches, and how large.
    random : Generator
        Draws them.

    Returns
    -------
    list of (int, int)
        First pixels, negative in images smaller than a patch; none if the mask is empty.
    """
    pixels = np.flatnonzero(mask)
    if not len(pixels) or not count:
        return []
    places = np.stack(np.unravel_index(random.choice(pixels, count), mask.shape), axis=1)
    starts = places - random.integers(side, size=places.shape)
    slack = np.array(mask.shape) - side
    starts = starts.clip(np.minimum(slack, 0), np.maximum(slack, 0))
    return [(int(y), int(x)) for y, x in starts]

"""Affinities from labels, of one patch or of a whole image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS, Affinities, Offset
from napari_inpaintaff.errors import ImageError


def affinities_from_labels(
    labels: NDArray[np.integer], offsets: Sequence[Offset] = PUBLISHED_OFFSETS
) -> Affinities:
    """Turn a label image into affinities.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Every value is a segment, 0 too.
    offsets : sequence of (int, int), optional
        (y, x) of the partner of every pixel.

    Returns
    -------
    Affinities
        1 where pixel and partner have the same label, else 0; weight 1 where the partner
        lies in the image, else 0.

    Raises
    ------
    ImageError
        If the labels are not a plane.
    """
    if labels.ndim != 2:
        raise ImageError(f"labels must be a plane (Y, X), got the shape {labels.shape}")
    height, width = labels.shape
    values = np.zeros((len(offsets), height, width), np.float32)
    weight = np.zeros_like(values)
    for k, offset in enumerate(offsets):
        here, there = pair_slices((height, width), offset)
        values[k][here] = labels[here] == labels[there]
        weight[k][here] = 1
    return Affinities(values, tuple(offsets), weight)


def check_plane(image: NDArray[np.generic], wanted: NDArray[np.bool_] | None) -> tuple[int, int]:
    """Return height and width of an image of which some pixels are wanted.

    Parameters
    ----------
    image : ndarray, shape (Y, X)
        With a pixel at least.
    wanted : ndarray of bool, shape (Y, X), or None
        None means all.

    Raises
    ------
    ImageError
        If the image is not a plane, or the mask has another shape.
    """
    if image.ndim != 2 or image.size == 0:
        raise ImageError(f"the image must be a plane (Y, X), got the shape {image.shape}")
    if wanted is not None and wanted.shape != image.shape:
        raise ImageError(
            f"the mask of wanted pixels {wanted.shape} must have the image's shape {image.shape}"
        )
    return image.shape[0], image.shape[1]


def pair_slices(
    shape: tuple[int, int], offset: Offset
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the pixels that have a partner, and their partners.

    Parameters
    ----------
    shape : tuple of int
        Height and width.
    offset : (int, int)
        (y, x) from pixel to partner.

    Returns
    -------
    here, there : tuple of slice
        Slices of one shape; empty where the offset exceeds the image.
    """
    here, there = [], []
    for length, step in zip(shape, offset, strict=True):
        start, stop = max(0, -step), max(0, -step, min(length, length - step))
        here.append(slice(start, stop))
        there.append(slice(start + step, stop + step))
    return (here[0], here[1]), (there[0], there[1])


class AffinityAverage:
    """Running average of the affinities of overlapping patches.

    The sums hold whole numbers, so the order of the patches cannot matter.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the image.
    offsets : sequence of (int, int)
        (y, x) of the partner of every pixel.
    """

    def __init__(self, shape: tuple[int, int], offsets: Sequence[Offset]) -> None:
        self._offsets = tuple(offsets)
        self._shape = shape
        # Of large images the sums are most of the memory: no pair is in 65,536 patches.
        self._same = np.zeros((len(self._offsets), *shape), np.uint16)
        self._weight = np.zeros(self._same.shape, np.uint16)
        #: Rows and columns of all patches so far. Memory beyond them is never touched, which
        #: makes a small region of a large image cheap.
        self._seen: tuple[slice, ...] = (slice(0, 0), slice(0, 0))

    def add(
        self, leaves: NDArray[np.integer], wanted: NDArray[np.bool_], origin: tuple[int, int]
    ) -> None:
        """Add the affinities of one patch.

        Parameters
        ----------
        leaves : ndarray of int, shape (P, P)
            Leaf region of every pixel; 0 outside the image.
        wanted : ndarray of bool, shape (P, P)
            Pixels whose affinities to their partners count.
        origin : (int, int)
            (y, x) of the patch's first pixel in the image; may be negative.
        """
        inside = tuple(
            slice(max(0, -start), min(side, length - start))
            for start, side, length in zip(origin, leaves.shape, self._shape, strict=True)
        )
        leaves, wanted = leaves[inside], wanted[inside]
        corner = [max(0, start) for start in origin]
        window = tuple(
            slice(start, start + side) for start, side in zip(corner, leaves.shape, strict=True)
        )
        self._seen = tuple(
            slice(min(old.start, new.start), max(old.stop, new.stop)) if old.stop else new
            for old, new in zip(self._seen, window, strict=True)
        )
        for k, offset in enumerate(self._offsets):
            here, there = pair_slices((leaves.shape[0], leaves.shape[1]), offset)
            counts = wanted[here]
            self._same[k][window][here] += counts & (leaves[here] == leaves[there])
            self._weight[k][window][here] += counts

    def result(self) -> Affinities:
        """Return the average so far, as new arrays."""
        values = np.zeros(self._same.shape, np.float32)
        weight = np.zeros(self._same.shape, np.float32)
        seen = (slice(None), *self._seen)
        weight[seen] = self._weight[seen]
        np.divide(self._same[seen], weight[seen], out=values[seen], where=weight[seen] > 0)
        return Affinities(values, self._offsets, weight)


def known_pixels(affinities: Affinities) -> NDArray[np.bool_]:
    """Return the pixels of which nothing is left to compute, as a mask (Y, X).

    These are the ones with a weight, and the ones without any partner in the image.
    """
    known = np.asarray((affinities.weight > 0).any(axis=0))
    alone = np.ones(affinities.shape, bool)
    for offset in affinities.offsets:
        alone[pair_slices(affinities.shape, offset)[0]] = False
    return known | alone


def merge_affinities(first: Affinities, second: Affinities) -> Affinities:
    """Join affinities that were computed for different pixels of one image.

    Parameters
    ----------
    first, second : Affinities
        Of one shape and with the same offsets; where both know a pixel, the first counts.

    Returns
    -------
    Affinities
        New arrays.

    Raises
    ------
    ImageError
        If shapes or offsets differ.
    """
    if first.shape != second.shape or first.offsets != second.offsets:
        raise ImageError(
            f"affinities of {first.shape} and {second.shape} pixels do not belong to one image, "
            "or have different offsets"
        )
    known = known_pixels(first)
    return Affinities(
        np.where(known, first.values, second.values),
        first.offsets,
        np.where(known, first.weight, second.weight),
    )

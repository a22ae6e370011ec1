"""The outline of the foreground as affinities, beside those of the image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities, Offset
from napari_inpaintaff.partition.outline import (
    OUTLINE_DIAMETER,
    OutlineParameters,
    partition_outline,
)
from napari_inpaintaff.separation.affinities import affinities_from_labels

#: Of the outline in the affinities that `with_outline` returns. Of 0.3 and 0.4 neither is better
#: on all of HeLa, PSC, BBBC039 and DSB2018; at 0.5 the image has little to say on HeLa.
OUTLINE_SHARE = 0.3

#: Smoothings that the watersheds differ by, in pixels of cells of 25 px.
_SIGMAS = (0.5, 1.0, 2.0)


def outline_affinities(
    foreground: NDArray[np.bool_],
    offsets: Sequence[Offset],
    *,
    diameter: float = OUTLINE_DIAMETER,
    margin: int = 0,
) -> NDArray[np.float32]:
    """Return how far the outline alone says that pixels belong together.

    Watersheds of the distance transform, smoothed little and much, agree on deep necks and
    differ on shallow ones.

    Parameters
    ----------
    foreground : ndarray of bool, shape (Y, X)
        The mask. Beyond its borders everything counts as background.
    offsets : sequence of (int, int)
        (y, x) of the partner of every pixel.
    diameter : float, optional
        Typical diameter of a cell, in pixels.
    margin : int, optional
        Background around the mask that is looked at, in pixels; see `outline_margin`.

    Returns
    -------
    ndarray of float32, shape (K, Y, X)
        Part of the watersheds in which pixel and partner are in the same segment; 0 where there
        is no partner.
    """
    around = max(1, margin)
    inside = slice(around, -around)
    padded = np.pad(foreground, around)
    total = np.zeros((len(offsets), *foreground.shape), np.float32)
    for sigma in _SIGMAS:
        segments = partition_outline(padded, OutlineParameters(sigma=sigma), diameter=diameter)
        total += affinities_from_labels(segments[inside, inside], offsets).values
    total /= len(_SIGMAS)
    return total


def outline_margin(diameter: float) -> int:
    """Return how far beyond a mask the smoothing of its distances reaches, in pixels."""
    return math.ceil(4 * max(_SIGMAS) * diameter / OUTLINE_DIAMETER) + 2


def with_outline(
    affinities: Affinities,
    foreground: NDArray[np.bool_],
    *,
    diameter: float = OUTLINE_DIAMETER,
    margin: int = 0,
) -> Affinities:
    """Let the outline of the foreground have its say in the affinities of an image.

    Parameters
    ----------
    affinities : Affinities
        Of the image; shape (K, Y, X).
    foreground : ndarray of bool, shape (Y, X)
        The mask. One without any background has no outline, and the affinities stay as they
        are, unless there is a margin.
    diameter : float, optional
        Typical diameter of a cell, in pixels.
    margin : int, optional
        Background around the mask that is looked at, in pixels. With `outline_margin`, what
        is said of a component does not depend on what else is in the mask.

    Returns
    -------
    Affinities
        The weighted mean of both, with the weights of the image.
    """
    if foreground.all() and not margin:
        return affinities
    share = np.float32(OUTLINE_SHARE)
    values = outline_affinities(foreground, affinities.offsets, diameter=diameter, margin=margin)
    values *= share
    values += (1 - share) * affinities.values
    return Affinities(values, affinities.offsets, affinities.weight)

"""How far pixels are on the way from the background to their cell."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.partition import partition_outline

#: How far outlines can move, and the blur that makes the background smooth, as parts of the
#: cell diameter.
REACH, SURROUNDINGS = 0.16, 1.0
#: Cells that stand out less than this part of what is usual in the image have no edge to fit.
_LEAST_CONTRAST = 0.2


@dataclass(frozen=True)
class OutlineLevels:
    """What `fit_outlines` has to know of a whole plane.

    Attributes
    ----------
    brightness : float
        Mean of the known intensities.
    background : float
        Mean of the blurred ones, mostly of those outside the foreground.
    contrast : float
        What cells usually stand out by, in their middle.
    better : bool
        Whether the image shows these cells, and the given outlines miss their edges.
    distance : float
        Mean distance of the new outlines from the given ones, in pixels.
    """

    brightness: float
    background: float
    contrast: float
    better: bool = False
    distance: float = 0.0


def share_of_the_cell(
    smooth: NDArray[np.float64],
    mask: NDArray[np.bool_],
    depth: NDArray[np.float64],
    known: NDArray[np.bool_],
    diameter: float,
    levels: OutlineLevels,
) -> tuple[NDArray[np.float64], NDArray[np.bool_], OutlineLevels]:
    """Return how far every pixel is on the way from the background (0) to its cell (1).

    Also where that means something: not at cells without contrast. Levels that are NaN are
    found here, and returned.
    """
    # The pieces need not be cells: they only keep a dim one apart from its bright neighbour.
    pieces = partition_outline(mask, diameter=diameter)
    count = int(pieces.max()) + 1
    deepest = np.zeros(count)
    np.maximum.at(deepest, pieces[mask], depth[mask])
    core = mask & known & (depth >= np.minimum(REACH * diameter, deepest[pieces] / 2))
    sums = np.bincount(pieces[core], smooth[core], count)
    sizes = np.bincount(pieces[core], minlength=count)
    inside = sums / np.maximum(sizes, 1)
    outside = (depth <= -REACH * diameter) & known
    # Where cells leave no undoubted background around them, that between them has to do.
    weight = np.where(outside, 1.0, np.where(mask, 0.0, 0.02))
    if math.isnan(levels.background):
        levels = replace(levels, background=mean_of(smooth, weight))
    background = blurred(smooth, weight, SURROUNDINGS * diameter, levels.background)
    nearest = pieces[
        tuple(ndimage.distance_transform_edt(~mask, return_distances=False, return_indices=True))
    ]
    contrast = inside[nearest] - background
    if math.isnan(levels.contrast):
        levels = replace(levels, contrast=float(np.median(contrast[core])) if core.any() else 0.0)
    usual = levels.contrast
    usable = known & (sizes[nearest] > 0)
    usable &= contrast * np.sign(usual) > _LEAST_CONTRAST * abs(usual)
    share = (smooth - background) / np.where(usable, contrast, 1.0)
    return np.where(usable, share, 0.0), usable, levels


def mean_of(values: NDArray[np.float64], weight: NDArray[np.generic]) -> float:
    """Return the weighted mean of values (Y, X); 0 if nothing has a weight."""
    return float(np.average(values, weights=weight.astype(np.float64))) if weight.any() else 0.0


def blurred(
    values: NDArray[np.float64], weight: NDArray[np.generic], sigma: float, middle: float
) -> NDArray[np.float64]:
    """Return the weighted mean of values (Y, X) around every pixel; the middle where none is."""
    weights = weight.astype(np.float64)
    total = ndimage.gaussian_filter(weights, sigma)
    sums = ndimage.gaussian_filter(weights * (values - middle), sigma)
    return np.asarray(middle + sums / np.maximum(total, 1e-9))


def signed_distance(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the distance of every pixel's middle to the outline: above 0 inside."""
    inside = ndimage.distance_transform_edt(mask)
    outside = ndimage.distance_transform_edt(~mask)
    return np.asarray(np.where(mask, inside - 0.5, 0.5 - outside))

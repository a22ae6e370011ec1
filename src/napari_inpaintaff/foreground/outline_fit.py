"""Move the outlines of a foreground to the edges of the image, where they miss them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.jobs import checkpoint
from napari_inpaintaff.partition import OUTLINE_DIAMETER, partition_outline

#: Where the edge of a cell is: at this part of the way from the background to its inside.
_LEVEL = 0.4
#: How far outlines can move, and the blurs that make edge and background smooth, as parts of
#: the cell diameter.
_REACH, _BLUR, _SURROUNDINGS = 0.16, 0.04, 1.0
#: Outlines miss the edges if they lie this far to one side on average, ...
_SHIFT = 0.9
#: ... or this far to one side or the other, with less than this part of the step in brightness
#: that there is across the edges. People, programs and the grid of pixels differ by less.
#: Distances are in pixels of cells of 25 px, and never below it.
_DISTANCE, _SHARPNESS = 1.0, 0.82
#: Cells that stand out less than this part of what is usual in the image have no edge to fit.
_LEAST_CONTRAST = 0.2
#: Part of the pixels well inside and well outside that must be on their side of the level.
_LEAST_AGREEMENT = 0.85


@dataclass(frozen=True)
class OutlineFit:
    """Where the image has the outlines of a foreground.

    Attributes
    ----------
    mask : ndarray of bool, shape (Y, X)
        The foreground within the edges of the image.
    better : bool
        Whether the image shows these cells, and the given outlines miss their edges.
    distance : float
        Mean distance of the new outlines from the given ones, in pixels.
    shift : float
        The same with a sign: above 0 the new ones are further inside.
    sharpness : float
        Step in brightness across the given outlines, as a part of that across the new ones.
    """

    mask: NDArray[np.bool_]
    better: bool = False
    distance: float = 0.0
    shift: float = 0.0
    sharpness: float = 1.0


#: What to do with outlines: let the image move them where they miss its edges, or nothing.
OUTLINES = ("auto", "keep")


def fit_outlines(
    image: ArrayLike, foreground: ArrayLike, *, diameter: float = OUTLINE_DIAMETER
) -> OutlineFit:
    """Find the outlines of a foreground again in the image.

    Pixels near an outline are inside if they are nearer to the brightness of the cell than to
    that of its background, each measured where the foreground leaves no doubt. Cells may be
    brighter or darker than the background. Nothing moves by more than a sixth of a cell.

    Parameters
    ----------
    image : array of numbers, shape (Y, X)
        Raw intensities; where they are not finite the foreground stays as it is.
    foreground : array of bool, shape (Y, X)
        A mask that is roughly right: drawn by hand, too wide, too narrow or ragged.
    diameter : float > 0, optional
        Typical diameter of a cell, in pixels.

    Returns
    -------
    OutlineFit

    Raises
    ------
    ImageError
        If the shapes differ.
    ParameterError
        If the diameter is not a positive number.
    """
    pixels, mask = np.asarray(image, np.float64), np.asarray(foreground, bool)
    if pixels.ndim != 2 or pixels.shape != mask.shape:
        raise ImageError(f"a plane {pixels.shape} and its foreground {mask.shape} must be alike")
    if not (math.isfinite(diameter) and diameter > 0):
        raise ParameterError(f"the cell diameter must be positive, got {diameter}")
    known = np.isfinite(pixels)
    if mask.all() or not (mask & known).any():
        return OutlineFit(mask.copy())
    depth = _signed_distance(mask)
    reach = _REACH * diameter
    checkpoint()
    smooth = _blurred(np.where(known, pixels, 0.0), known, _BLUR * diameter)
    share, usable = _share_of_the_cell(smooth, mask, depth, known, diameter)
    checkpoint()
    near = (np.abs(depth) < reach) & usable
    fitted = mask.copy()
    fitted[near] = share[near] > _LEVEL
    # Single bright pixels of the background are no part of a cell.
    fitted = ndimage.binary_opening(fitted) | (fitted & ~near)
    found = _compare(fitted, depth, np.clip(share, -0.5, 1.5), usable)
    unit = max(1.0, diameter / OUTLINE_DIAMETER)
    ragged = found.distance > _DISTANCE * unit and found.sharpness < _SHARPNESS
    better = _agreement(share, depth, reach, usable) >= _LEAST_AGREEMENT and (
        abs(found.shift) > _SHIFT * unit or ragged
    )
    return replace(found, better=better)


def _compare(
    fitted: NDArray[np.bool_],
    depth: NDArray[np.float64],
    share: NDArray[np.float64],
    usable: NDArray[np.bool_],
) -> OutlineFit:
    """Measure how far new outlines are from those at depth 0, and which are sharper."""
    border = ndimage.binary_dilation(fitted) ^ ndimage.binary_erosion(fitted)
    moved = depth[border]
    if not moved.size:
        return OutlineFit(fitted)
    steps = []
    for distance in (depth, _signed_distance(fitted)):
        inside, outside = (usable & (np.abs(distance - side) < 0.6) for side in (0.5, -0.5))
        if not (inside.any() and outside.any()):
            return OutlineFit(fitted)
        steps.append(float(share[inside].mean() - share[outside].mean()))
    sharpness = steps[0] / steps[1] if steps[1] > 0 else 1.0
    return OutlineFit(
        fitted,
        distance=float(np.abs(moved).mean()),
        shift=float(moved.mean()),
        sharpness=sharpness,
    )


def _share_of_the_cell(
    smooth: NDArray[np.float64],
    mask: NDArray[np.bool_],
    depth: NDArray[np.float64],
    known: NDArray[np.bool_],
    diameter: float,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return how far every pixel is on the way from the background (0) to its cell (1).

    Also where that means something: not at cells without contrast.
    """
    # The pieces need not be cells: they only keep a dim one apart from its bright neighbour.
    pieces = partition_outline(mask, diameter=diameter)
    count = int(pieces.max()) + 1
    deepest = np.zeros(count)
    np.maximum.at(deepest, pieces[mask], depth[mask])
    core = mask & known & (depth >= np.minimum(_REACH * diameter, deepest[pieces] / 2))
    sums = np.bincount(pieces[core], smooth[core], count)
    sizes = np.bincount(pieces[core], minlength=count)
    inside = sums / np.maximum(sizes, 1)
    outside = (depth <= -_REACH * diameter) & known
    # Where cells leave no undoubted background around them, that between them has to do.
    weight = np.where(outside, 1.0, np.where(mask, 0.0, 0.02))
    background = _blurred(smooth, weight, _SURROUNDINGS * diameter)
    nearest = pieces[
        tuple(ndimage.distance_transform_edt(~mask, return_distances=False, return_indices=True))
    ]
    contrast = inside[nearest] - background
    usual = float(np.median(contrast[core])) if core.any() else 0.0
    usable = known & (sizes[nearest] > 0)
    usable &= contrast * np.sign(usual) > _LEAST_CONTRAST * abs(usual)
    share = (smooth - background) / np.where(usable, contrast, 1.0)
    return np.where(usable, share, 0.0), usable


def _blurred(
    values: NDArray[np.float64], weight: NDArray[np.generic], sigma: float
) -> NDArray[np.float64]:
    """Return the weighted mean of values (Y, X) around every pixel."""
    weights = weight.astype(np.float64)
    middle = float(np.average(values, weights=weights)) if weights.any() else 0.0
    total = ndimage.gaussian_filter(weights, sigma)
    sums = ndimage.gaussian_filter(weights * (values - middle), sigma)
    return np.asarray(middle + sums / np.maximum(total, 1e-9))


def _signed_distance(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the distance of every pixel's middle to the outline: above 0 inside."""
    inside = ndimage.distance_transform_edt(mask)
    outside = ndimage.distance_transform_edt(~mask)
    return np.asarray(np.where(mask, inside - 0.5, 0.5 - outside))


def _agreement(
    share: NDArray[np.float64], depth: NDArray[np.float64], reach: float, usable: NDArray[np.bool_]
) -> float:
    """Return how many pixels well inside and well outside are on their side, on average."""
    inside = (depth >= reach) & usable
    outside = (depth <= -reach) & (depth > -3 * reach) & usable
    if not inside.any():
        inside = (depth > 0) & usable
    sides = [side for side in (share[inside] > _LEVEL, share[outside] <= _LEVEL) if side.size]
    return float(np.mean([side.mean() for side in sides])) if sides else 0.0

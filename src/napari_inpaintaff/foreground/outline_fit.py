"""Move the outlines of a foreground to the edges of the image, where they miss them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.foreground.outline_share import (
    REACH,
    SURROUNDINGS,
    OutlineLevels,
    blurred,
    mean_of,
    share_of_the_cell,
    signed_distance,
)
from napari_inpaintaff.jobs import checkpoint
from napari_inpaintaff.partition import OUTLINE_DIAMETER

#: Where the edge of a cell is: at this part of the way from the background to its inside.
_LEVEL = 0.4
#: The blur that makes edges smooth, as a part of the cell diameter.
_BLUR = 0.04
#: Outlines miss the edges if they lie this far to one side on average, ...
_SHIFT = 0.9
#: ... or this far to one side or the other, with less than this part of the step in brightness
#: that there is across the edges. People, programs and the grid of pixels differ by less.
#: Distances are in pixels of cells of 25 px, and never below it.
_DISTANCE, _SHARPNESS = 1.0, 0.82
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
    image: ArrayLike,
    foreground: ArrayLike,
    *,
    diameter: float = OUTLINE_DIAMETER,
    levels: OutlineLevels | None = None,
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
    levels : OutlineLevels, optional
        Of the plane that the image is a part of, with the decision made there; by default of
        the image. A part has to have `outline_halo` more pixels than count of it.

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
    if mask.all() or not (mask & np.isfinite(pixels)).any():
        return OutlineFit(mask.copy())
    if levels is not None:
        found = _examined(pixels, mask, diameter, levels).fit
        return replace(found, better=levels.better, distance=levels.distance)
    examined = _examined(pixels, mask, diameter)
    return replace(examined.fit, better=_misses([examined], diameter))


def outline_levels(
    windows: Sequence[tuple[NDArray[Any], NDArray[np.bool_]]], *, diameter: float
) -> OutlineLevels | None:
    """Decide for a whole plane, by windows that stand for it, whether its outlines move.

    Parameters
    ----------
    windows : sequence of (ndarray, ndarray of bool), shapes (Y, X)
        Raw intensities and foreground of the whole plane, or of parts.
    diameter : float > 0
        Typical diameter of a cell, in pixels.

    Returns
    -------
    OutlineLevels or None
        None if there is no outline to be fitted.
    """
    examined = [
        _examined(np.asarray(pixels, np.float64), mask, diameter)
        for pixels, mask in windows
        if not mask.all() and (mask & np.isfinite(pixels)).any()
    ]
    if not examined:
        return None
    return OutlineLevels(
        brightness=_average(examined, [one.levels.brightness for one in examined]),
        background=_average(examined, [one.levels.background for one in examined]),
        contrast=_average(examined, [one.levels.contrast for one in examined]),
        better=_misses(examined, diameter),
        distance=_average(examined, [one.fit.distance for one in examined]),
    )


def outline_halo(diameter: float) -> int:
    """Return how far around a part of a plane `fit_outlines` has to see, in pixels.

    Four standard deviations of the widest blur, and a cell at either side. In a clump of cells
    that reaches farther, outlines may differ from those in the whole plane by a pixel.
    """
    return math.ceil((4 * SURROUNDINGS + 2) * diameter) + 8


@dataclass(frozen=True)
class _Examined:
    """A fit, how far it agrees with the image, what it was based on, and its border's length."""

    fit: OutlineFit
    agreement: float
    levels: OutlineLevels
    border: int


def _examined(
    pixels: NDArray[np.float64],
    mask: NDArray[np.bool_],
    diameter: float,
    levels: OutlineLevels | None = None,
) -> _Examined:
    """Fit the outlines of a mask that has some."""
    known = np.isfinite(pixels)
    depth = signed_distance(mask)
    reach = REACH * diameter
    checkpoint()
    filled = np.where(known, pixels, 0.0)
    brightness = mean_of(filled, known) if levels is None else levels.brightness
    smooth = blurred(filled, known, _BLUR * diameter, brightness)
    usual = levels or OutlineLevels(brightness, math.nan, math.nan)
    share, usable, usual = share_of_the_cell(smooth, mask, depth, known, diameter, usual)
    checkpoint()
    near = (np.abs(depth) < reach) & usable
    fitted = mask.copy()
    fitted[near] = share[near] > _LEVEL
    # Single bright pixels of the background are no part of a cell.
    fitted = ndimage.binary_opening(fitted) | (fitted & ~near)
    found, border = _compare(fitted, depth, np.clip(share, -0.5, 1.5), usable)
    return _Examined(found, _agreement(share, depth, reach, usable), usual, border)


def _misses(examined: Sequence[_Examined], diameter: float) -> bool:
    """Tell whether the image shows the cells, and the given outlines miss their edges."""
    unit = max(1.0, diameter / OUTLINE_DIAMETER)
    distance = _average(examined, [one.fit.distance for one in examined])
    shift = _average(examined, [one.fit.shift for one in examined])
    sharpness = _average(examined, [one.fit.sharpness for one in examined])
    agreement = _average(examined, [one.agreement for one in examined])
    ragged = distance > _DISTANCE * unit and sharpness < _SHARPNESS
    return agreement >= _LEAST_AGREEMENT and (abs(shift) > _SHIFT * unit or ragged)


def _average(examined: Sequence[_Examined], values: Sequence[float]) -> float:
    """Average over windows: each counts as much as it has outlines."""
    lengths = [one.border for one in examined]
    if len(values) == 1 or not any(lengths):
        return float(values[0])
    return float(np.average(values, weights=lengths))


def _compare(
    fitted: NDArray[np.bool_],
    depth: NDArray[np.float64],
    share: NDArray[np.float64],
    usable: NDArray[np.bool_],
) -> tuple[OutlineFit, int]:
    """Measure how far new outlines are from those at depth 0, and which are sharper.

    Also return how many pixels they have.
    """
    border = ndimage.binary_dilation(fitted) ^ ndimage.binary_erosion(fitted)
    moved = depth[border]
    if not moved.size:
        return OutlineFit(fitted), 0
    steps = []
    for distance in (depth, signed_distance(fitted)):
        inside, outside = (usable & (np.abs(distance - side) < 0.6) for side in (0.5, -0.5))
        if not (inside.any() and outside.any()):
            return OutlineFit(fitted), moved.size
        steps.append(float(share[inside].mean() - share[outside].mean()))
    sharpness = steps[0] / steps[1] if steps[1] > 0 else 1.0
    fit = OutlineFit(
        fitted,
        distance=float(np.abs(moved).mean()),
        shift=float(moved.mean()),
        sharpness=sharpness,
    )
    return fit, moved.size


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

"""Foreground by Otsu's threshold, with outlines at a fraction of the local peak."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from napari_inpaintaff.foreground.specks import SMALLEST_OBJECT, without_specks

# Lengths are for cells of this diameter and follow it, areas with its square.
REFERENCE_DIAMETER = 25.0
SMOOTHING = 0.5
PEAK_REACH = 7
PEAK_SMOOTHING = 3.75
SMALLEST_HOLE = 10

#: A cell reaches out to this fraction of the brightest intensity nearby.
OUTLINE = 1 / 3
#: Percentiles that stand for the darkest, the background and the brightest intensity.
DARK, BACKGROUND, BRIGHT = 1.0, 10.0, 99.5
#: Added under the logarithm, as a fraction of the range from dark to bright.
OFFSET = 0.05
#: How far the means of the two classes are apart, in widths of the logistic.
CLASS_DISTANCE = 8.0

LEVEL = 0.5
_ABOVE_LEVEL = np.nextafter(np.float32(LEVEL), np.float32(1))


class ConstantImageWarning(UserWarning):
    """An image without any contrast has no foreground."""


def warn_constant() -> None:
    """Warn the caller of a method's caller that an image has no contrast."""
    warnings.warn(
        "all pixels of the image have the same intensity: no foreground was found",
        ConstantImageWarning,
        stacklevel=4,
    )


@dataclass(frozen=True)
class OtsuLevels:
    """What `otsu_probability` has to know of a whole plane.

    Attributes
    ----------
    centre : float
        Median of the intensities, from which all others are counted.
    lowest, background : float
        Lowest intensity, and 10th percentile, after smoothing.
    dark, offset : float
        Of the logarithm: the darkest intensity, and what is added to intensities above it.
    threshold, width : float
        Otsu's threshold of the logarithms, and the width of the logistic.
    """

    centre: float
    lowest: float
    background: float
    dark: float
    offset: float
    threshold: float
    width: float


def otsu_levels(windows: Sequence[NDArray[np.float64]], *, diameter: float) -> OtsuLevels | None:
    """Find the levels of a plane from windows that stand for it.

    Parameters
    ----------
    windows : sequence of ndarray of float64, shape (Y, X)
        The whole plane, or parts of it (`images.sample_windows`); NaN where unknown.
    diameter : float > 0
        Typical diameter of the cells, in pixels.

    Returns
    -------
    OtsuLevels or None
        None if all known pixels are equal.
    """
    masks = [np.isfinite(window) for window in windows]
    values = _pooled(windows, masks)
    if values.size == 0 or values.min() == values.max():
        return None
    centre = float(np.median(values))
    sigma = SMOOTHING * diameter / REFERENCE_DIAMETER
    smooth = [
        _smooth(window, known, sigma, centre) for window, known in zip(windows, masks, strict=True)
    ]
    return _levels_of(_pooled(smooth, masks), centre)


def _pooled(
    windows: Sequence[NDArray[np.float64]], masks: Sequence[NDArray[np.bool_]]
) -> NDArray[np.float64]:
    parts = [window[known] for window, known in zip(windows, masks, strict=True)]
    return parts[0] if len(parts) == 1 else np.concatenate([*parts, np.zeros(0)])


def _levels_of(smooth: NDArray[np.float64], centre: float) -> OtsuLevels:
    compression = _Compression.of(smooth)
    compressed = compression(smooth)
    otsu = float(threshold_otsu(compressed))
    return OtsuLevels(
        centre=centre,
        lowest=float(smooth.min()),
        background=float(np.percentile(smooth, BACKGROUND)),
        dark=compression.dark,
        offset=compression.offset,
        threshold=otsu,
        width=_width(compressed, otsu),
    )


def otsu_halo(diameter: float) -> int:
    """Return how far around a part of a plane `otsu_probability` has to see, in pixels."""
    scale = diameter / REFERENCE_DIAMETER
    filters = PEAK_REACH + 4 * (PEAK_SMOOTHING + SMOOTHING)
    # A speck or hole may be a line of pixels.
    return math.ceil(filters * scale + (SMALLEST_OBJECT + SMALLEST_HOLE) * scale**2) + 4


def otsu_probability(
    image: NDArray[np.float64], *, diameter: float, levels: OtsuLevels | None = None
) -> NDArray[np.float32]:
    """Foreground by Otsu's threshold of log intensities, with local outlines.

    Intensities are smoothed (sigma 0.5 px for cells of 25 px) and compressed to
    ``log(I - p1 + 0.05 * (p99.5 - p1))``, so that dim nuclei beside bright ones count.
    A pixel is foreground when it is above Otsu's threshold (Otsu 1979) of these and,
    lest the halo of bright nuclei counts too, above a third of the local peak: the
    highest intensity within 7 px, smoothed, over the background (10th percentile).
    Specks under 30 px are removed and holes under 10 px filled.

    The probability is a logistic of the distance to that threshold: 0.5 at it, and the
    means of Otsu's two classes are 8 widths apart. Specks and holes are mirrored at
    0.5, so ``probability > 0.5`` is the mask described above.

    Mean IoU of the mask with the annotated nuclei of HeLa (silver truth) / BBBC039 /
    DSB2018: 0.82 / 0.91 / 0.81. Without local outlines, at best 0.82 / 0.90 / 0.79.
    Thresholds of the raw intensities (sigma 1): Otsu 0.56 / 0.88 / 0.76, Li 0.82 /
    0.87 / 0.77, triangle 0.73 / 0.77 / 0.72.

    Parameters
    ----------
    image : ndarray of float64, shape (Y, X)
        Raw intensities; pixels that are not finite are unknown: they have no part in
        the threshold, and are background.
    diameter : float > 0
        Typical diameter of the cells, in pixels.
    levels : OtsuLevels, optional
        Of the plane that the image is a part of; by default of the image.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        In [0, 1].

    Warns
    -----
    ConstantImageWarning
        When all known pixels are equal; the probability is 0 everywhere then.
    """
    known = np.isfinite(image)
    values = image[known]
    scale = diameter / REFERENCE_DIAMETER
    if levels is not None:
        smooth = _smooth(image, known, SMOOTHING * scale, levels.centre)
    elif values.size == 0 or values.min() == values.max():
        warn_constant()
        return np.zeros(image.shape, np.float32)
    else:
        centre = float(np.median(values))
        smooth = _smooth(image, known, SMOOTHING * scale, centre)
        levels = _levels_of(smooth[known], centre)
    compression = _Compression(levels.dark, levels.offset)
    compressed = compression(smooth)
    threshold = np.maximum(
        levels.threshold, compression(_outline_level(smooth, known, scale, levels))
    )
    above = known & (compressed > threshold)
    wanted = without_specks(above, SMALLEST_OBJECT * scale**2)
    wanted = ~without_specks(~wanted, SMALLEST_HOLE * scale**2) & known
    probability = _logistic((compressed - threshold) / levels.width)
    mirrored = np.where(wanted == above, probability, 1 - probability)
    # The level itself belongs to the background: rounding must not move it.
    kept = np.where(wanted, np.maximum(mirrored, _ABOVE_LEVEL), np.minimum(mirrored, LEVEL))
    return np.where(known, kept, 0).astype(np.float32)


@dataclass(frozen=True)
class _Compression:
    """Logarithm of the intensity over the darkest one, flat near it."""

    dark: float
    offset: float

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> _Compression:
        dark, bright = np.percentile(values, (DARK, BRIGHT))
        if dark == bright:  # nearly all pixels are equal
            dark, bright = values.min(), values.max()
        return cls(float(dark), max(OFFSET * float(bright - dark), float(np.finfo(float).tiny)))

    def __call__(self, intensities: NDArray[np.float64]) -> NDArray[np.float64]:
        over = np.maximum(intensities - self.dark, 0) + self.offset
        return np.asarray(np.log(over), dtype=np.float64)


def _outline_level(
    smooth: NDArray[np.float64], known: NDArray[np.bool_], scale: float, levels: OtsuLevels
) -> NDArray[np.float64]:
    """Intensity that the outline of a cell has, from the brightest pixel nearby."""
    peaks = ndimage.maximum_filter(
        np.where(known, smooth, levels.lowest), size=2 * int(PEAK_REACH * scale) + 1
    )
    peaks = ndimage.gaussian_filter(peaks, PEAK_SMOOTHING * scale)
    return np.asarray(levels.background + OUTLINE * (peaks - levels.background), dtype=np.float64)


def _smooth(
    image: NDArray[np.float64], known: NDArray[np.bool_], sigma: float, centre: float
) -> NDArray[np.float64]:
    """Average the known pixels with Gaussian weights; unknown ones become 0."""
    # Shifted, since the smoothing of a large pedestal would lose digits.
    shifted = np.where(known, image - centre, 0)
    weight = ndimage.gaussian_filter(known.astype(np.float64), sigma)
    smooth = ndimage.gaussian_filter(shifted, sigma)
    return np.asarray(np.divide(smooth, weight, out=np.zeros_like(smooth), where=known))


def _width(values: NDArray[np.float64], threshold: float) -> float:
    """Width of the logistic, from the distance between the means of the classes."""
    above = values > threshold
    if above.all() or not above.any():
        return 1.0
    return float(values[above].mean() - values[~above].mean()) / CLASS_DISTANCE


def _logistic(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -50, 50))), dtype=np.float64)

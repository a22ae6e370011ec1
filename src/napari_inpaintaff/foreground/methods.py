"""Sources of the foreground by name, and the step from probabilities to a mask."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage.filters import threshold_otsu

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.foreground.otsu import LEVEL, otsu_probability, warn_constant
from napari_inpaintaff.images.normalise import known_intensities
from napari_inpaintaff.jobs import Progress


def _everything(image: NDArray[np.float64], diameter: float, device: str) -> NDArray[np.float32]:
    del diameter, device
    return np.ones(image.shape, np.float32)


def _otsu(image: NDArray[np.float64], diameter: float, device: str) -> NDArray[np.float32]:
    del device
    return otsu_probability(image, diameter=diameter)


def _global_otsu(image: NDArray[np.float64], diameter: float, device: str) -> NDArray[np.float32]:
    """Say 1 above Otsu's threshold of the raw intensities and 0 elsewhere: the baseline."""
    del diameter, device
    level = global_otsu_level([image])
    if level is None:
        warn_constant()
        return np.zeros(image.shape, np.float32)
    return np.asarray(above_global_level(image, level), np.float32)


def global_otsu_level(windows: Sequence[NDArray[np.float64]]) -> float | None:
    """Return Otsu's threshold of raw intensities; None if all known ones are equal.

    Parameters
    ----------
    windows : sequence of ndarray of float64, shape (Y, X)
        A plane, or parts that stand for it; NaN where unknown.
    """
    values = known_intensities(windows)
    return None if values.min() == values.max() else float(threshold_otsu(values))


def above_global_level(image: NDArray[np.float64], level: float) -> NDArray[np.bool_]:
    """Return the known pixels of an image (Y, X) above a threshold of raw intensities."""
    known = np.isfinite(image)
    return np.asarray(known & (np.where(known, image, -np.inf) > level))


def _iem(image: NDArray[np.float64], diameter: float, device: str) -> NDArray[np.float32]:
    from napari_inpaintaff.foreground.iem_cells import iem_probability

    return iem_probability(image, diameter=diameter, device=device)


def _grabcut(image: NDArray[np.float64], diameter: float, device: str) -> NDArray[np.float32]:
    """Begin with the cells that Otsu's threshold finds: a rectangle suits one object only."""
    from napari_inpaintaff.foreground.grabcut import grabcut_from_mask

    start = _global_otsu(image, diameter, device) > LEVEL
    return grabcut_from_mask(image[None], start).astype(np.float32)


def _largest(image: NDArray[np.float64], diameter: float, device: str) -> NDArray[np.float32]:
    from napari_inpaintaff.foreground.largest import largest_object

    del diameter, device
    found = largest_object(image)
    if not found.any():
        warn_constant()
    return found.astype(np.float32)


#: Takes raw intensities (Y, X), NaN where unknown, the typical diameter of the cells in
#: pixels, and the device of methods that use one; returns a probability in [0, 1] for every pixel.
ForegroundMethod = Callable[[NDArray[np.float64], float, str], NDArray[np.float32]]

FOREGROUND_METHODS: dict[str, ForegroundMethod] = {
    "none": _everything,
    "otsu": _otsu,
    "global_otsu": _global_otsu,
    "iem": _iem,
    "grabcut": _grabcut,
    "largest": _largest,
}

#: Those that make no sense of a part of a plane.
WHOLE_PLANE_METHODS = ("grabcut", "largest")


def foreground_probability(
    image: ArrayLike, method: str, *, diameter: float = 25.0, device: str = "auto"
) -> NDArray[np.float32]:
    """Probability of every pixel to belong to a cell.

    Parameters
    ----------
    image : array of numbers, shape (Y, X)
        Raw intensities; pixels that are not finite are unknown.
    method : str
        A name in `FOREGROUND_METHODS`: ``"none"`` (all pixels are foreground), ``"otsu"``
        (`otsu_probability`), ``"global_otsu"`` (one threshold for the raw intensities, by
        Otsu 1979: what anyone would try first, to compare with), ``"iem"`` (inpainting error
        maximisation, Savarese et al. 2021; see `foreground.iem_cells`), ``"grabcut"`` (GrabCut,
        begun with that threshold; see `foreground.grabcut`) or ``"largest"`` (one object; see
        `foreground.largest`).
    diameter : float > 0
        Typical diameter of the cells, in pixels.
    device : str, optional
        Where ``"iem"`` computes: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        In [0, 1].

    Raises
    ------
    ParameterError
        For an unknown method or a diameter that is not positive.
    ImageError
        When the image has not two axes, no pixel of it is finite, or it is too small for
        the method.
    """
    intensities = _checked(image, method, diameter)
    return FOREGROUND_METHODS[method](intensities, diameter, device)


def iterate_foreground_probability(
    image: ArrayLike, method: str, *, diameter: float = 25.0, device: str = "auto"
) -> Generator[Progress, None, NDArray[np.float32]]:
    """Find the foreground as `foreground_probability` does, in steps where that takes long.

    Yields
    ------
    Progress
        Of ``"iem"``; the other methods are done at once. Not asking for the next one ends
        the work.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        In [0, 1].
    """
    if method != "iem":
        return foreground_probability(image, method, diameter=diameter)
    from napari_inpaintaff.foreground.iem_cells import iterate_iem_probability

    intensities = _checked(image, method, diameter)
    return (yield from iterate_iem_probability(intensities, diameter=diameter, device=device))


def _checked(image: ArrayLike, method: str, diameter: float) -> NDArray[np.float64]:
    if method not in FOREGROUND_METHODS:
        raise ParameterError(
            f"unknown foreground method {method!r}; choose one of: {', '.join(FOREGROUND_METHODS)}"
        )
    if not (math.isfinite(diameter) and diameter > 0):
        raise ParameterError(f"the diameter must be a number of pixels above 0, got {diameter}")
    intensities = np.asarray(image, np.float64)
    if intensities.ndim != 2:
        raise ImageError(
            f"a foreground is found in images with two axes (Y, X), got {intensities.ndim} axes"
        )
    if not np.isfinite(intensities).any():
        raise ImageError("no pixel of the image has a known intensity (all are NaN or infinite)")
    return intensities


def threshold(probability: ArrayLike, level: float = LEVEL) -> NDArray[np.bool_]:
    """Turn a probability map into a mask.

    Parameters
    ----------
    probability : array of float, shape (Y, X)
        In [0, 1].
    level : float in [0, 1)
        Pixels above it are foreground; those at it are background.

    Returns
    -------
    ndarray of bool, shape (Y, X)

    Raises
    ------
    ParameterError
        When the level is outside [0, 1).
    """
    if not 0 <= level < 1:
        raise ParameterError(f"the foreground level must be at least 0 and below 1, got {level}")
    return np.asarray(np.asarray(probability) > np.float32(level), dtype=bool)


def mask_from_labels(labels: ArrayLike) -> NDArray[np.bool_]:
    """Read a given mask or label image as a foreground: what is not zero.

    Parameters
    ----------
    labels : array of bool or numbers, shape (Y, X)

    Returns
    -------
    ndarray of bool, shape (Y, X)
        NaN counts as background.
    """
    values = np.asarray(labels)
    return np.asarray(~np.isnan(values) & (values != 0), dtype=bool)

"""GrabCut (Rother, Kolmogorov and Blake 2004), the baseline of IEM's tables.

Models of the colours of both sides and a graph cut, in turns, by OpenCV: the extra ``grabcut``.
"""

from __future__ import annotations

from importlib.util import find_spec
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError, InstallationError

#: Part of each side that the rectangle of a picture spans: what is outside is background.
RECTANGLE = 0.9
#: Models and cuts in turns.
ITERATIONS = 5
#: Shortest side of an image, in pixels.
_SMALLEST = 8
_MISSING = (
    "GrabCut needs OpenCV: install it with `pip install napari-inpaintaff[grabcut]` (not "
    "opencv-python, which brings a Qt of its own that disturbs napari)"
)


def grabcut_refusal() -> str:
    """Say why GrabCut cannot be used here; empty when it can. Loads nothing."""
    return "" if find_spec("cv2") else _MISSING


def grabcut_rectangle(
    colours: NDArray[np.float64], *, rectangle: float = RECTANGLE, iterations: int = ITERATIONS
) -> NDArray[np.bool_]:
    """Cut out what lies in a centred rectangle of a picture.

    Parameters
    ----------
    colours : ndarray of float64, shape (C, Y, X)
        One or three channels; pixels that are not finite are unknown.
    rectangle : float in (0, 1)
        Part of each side that it spans.
    iterations : int
        At least 1.

    Returns
    -------
    ndarray of bool, shape (Y, X)
        All background where all known pixels are equal.

    Raises
    ------
    ImageError
        If the image is too small.
    InstallationError
        If OpenCV is not installed.
    """
    cv2 = _opencv()
    height, width = _checked(colours)
    rim_y, rim_x = (max(1, round((1 - rectangle) / 2 * side)) for side in (height, width))
    labels = np.full((height, width), cv2.GC_BGD, np.uint8)
    labels[rim_y : height - rim_y, rim_x : width - rim_x] = cv2.GC_PR_FGD
    return _cut(cv2, colours, labels, iterations)


def grabcut_from_mask(
    colours: NDArray[np.float64], start: NDArray[np.bool_], *, iterations: int = ITERATIONS
) -> NDArray[np.bool_]:
    """Cut out what resembles a rough foreground; no pixel is certain.

    Parameters
    ----------
    colours : ndarray of float64, shape (C, Y, X)
        One or three channels; pixels that are not finite are unknown.
    start : ndarray of bool, shape (Y, X)
        The rough foreground.
    iterations : int
        At least 1.

    Returns
    -------
    ndarray of bool, shape (Y, X)
        The start where it has one side only, or all known pixels are equal.

    Raises
    ------
    ImageError
        If the image is too small.
    InstallationError
        If OpenCV is not installed.
    """
    cv2 = _opencv()
    _checked(colours)
    if not start.any() or start.all():
        return start
    labels = np.where(start, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    return _cut(cv2, colours, labels, iterations)


def _opencv() -> ModuleType:
    try:
        import cv2
    except ImportError as error:
        raise InstallationError(_MISSING) from error
    return cv2


def _checked(colours: NDArray[np.float64]) -> tuple[int, int]:
    if colours.ndim != 3 or len(colours) not in (1, 3):
        raise ImageError(f"GrabCut takes one or three channels, got the shape {colours.shape}")
    height, width = colours.shape[1:]
    if min(height, width) < _SMALLEST:
        raise ImageError(
            f"the image has {height} x {width} pixels; for GrabCut each side must have at least "
            f"{_SMALLEST}"
        )
    return height, width


def _cut(
    cv2: ModuleType, colours: NDArray[np.float64], labels: NDArray[np.uint8], iterations: int
) -> NDArray[np.bool_]:
    known = np.isfinite(colours).all(axis=0)
    values = colours[:, known]
    if not values.size or values.min() == values.max():
        return np.zeros(known.shape, bool)
    low, high = np.percentile(values, (0.1, 99.9))
    if low == high:
        low, high = values.min(), values.max()
    scaled = np.clip((np.where(known, colours, low) - low) / (high - low), 0, 1)
    pixels = np.rint(255 * np.broadcast_to(scaled, (3, *known.shape))).astype(np.uint8)
    labels[~known] = cv2.GC_BGD
    # The clusters that the colour models begin with are random.
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    image = np.ascontiguousarray(np.moveaxis(pixels, 0, -1))
    try:
        cv2.grabCut(image, labels, None, *models, iterations, cv2.GC_INIT_WITH_MASK)
    except cv2.error:
        # A side of too few pixels for the colour models.
        return np.zeros(known.shape, bool)
    return np.asarray(np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)) & known)

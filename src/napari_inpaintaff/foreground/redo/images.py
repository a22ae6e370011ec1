"""Images for ReDO: squares of one size, in one range; torch-free."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.transform import resize

from napari_inpaintaff.errors import ImageError

#: Percentiles of an image that become 0 and 1.
_DARK, _BRIGHT = 0.1, 99.9
#: Fewer images than this do not show what varies from one to another.
FEWEST_IMAGES = 8


def in_range(image: NDArray[Any]) -> NDArray[np.float32]:
    """Shift and scale an image, all channels alike, so that it fills [0, 1].

    Parameters
    ----------
    image : ndarray of numbers, shape (C, Y, X)
        Raw intensities; what is not finite becomes the mean of the others.

    Returns
    -------
    ndarray of float32, shape (C, Y, X)

    Raises
    ------
    ImageError
        If nothing in it varies.
    """
    values = np.asarray(image, np.float64)
    known = np.isfinite(values)
    if not known.any():
        raise ImageError("no pixel has a known intensity (all are NaN or infinite)")
    low, high = np.percentile(values[known], (_DARK, _BRIGHT))
    if low == high:
        # A few bright pixels on an even ground are something, too.
        low, high = values[known].min(), values[known].max()
    if low == high:
        raise ImageError("all pixels are equal: there is nothing to divide")
    filled = np.where(known, values, values[known].mean())
    ranged: NDArray[np.float32] = np.clip((filled - low) / (high - low), 0, 1).astype(np.float32)
    return ranged


def at_side(image: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Resample an image so that its shorter side has a length.

    Parameters
    ----------
    image : ndarray of float32, shape (C, Y, X)
        In [0, 1].
    side : int
        In pixels.

    Returns
    -------
    ndarray of float32, shape (C, Y', X')
        In [0, 1].
    """
    channels, height, width = image.shape
    factor = side / min(height, width)
    shape = (channels, max(side, round(factor * height)), max(side, round(factor * width)))
    if shape == image.shape:
        return image
    resized = resize(image, shape, order=1, mode="edge", anti_aliasing=factor < 1)
    return np.asarray(np.clip(resized, 0, 1), np.float32)


def training_square(image: NDArray[Any], side: int) -> NDArray[np.float32]:
    """Return the middle of an image, as the publication crops it after it is resampled.

    Parameters
    ----------
    image : ndarray of numbers, shape (C, Y, X)
        Raw intensities.
    side : int
        In pixels.

    Returns
    -------
    ndarray of float32, shape (C, side, side)
        In [0, 1].

    Raises
    ------
    ImageError
        If nothing varies in the middle.
    """
    resized = at_side(in_range(image), side)
    top, left = ((length - side) // 2 for length in resized.shape[1:])
    square = resized[:, top : top + side, left : left + side]
    if square.min() == square.max():
        raise ImageError("all pixels are equal: there is nothing to divide")
    return square


def checked_squares(squares: Sequence[NDArray[np.float32]] | NDArray[np.float32]) -> NDArray[Any]:
    """Return images of one size as one array, ready for a training.

    Parameters
    ----------
    squares : array of float, shape (N, C, Y, X), or a sequence of arrays (C, Y, X)
        In [0, 1], Y and X equal.

    Returns
    -------
    ndarray of float32, shape (N, C, Y, X)

    Raises
    ------
    ImageError
        If there are too few, they differ in shape, are not square, leave [0, 1], or nothing
        varies in one of them.
    """
    _check_count(len(squares))
    shapes = {np.shape(square) for square in squares}
    if len(shapes) > 1:
        found = ", ".join(str(shape) for shape in sorted(shapes, key=str)[:3])
        raise ImageError(f"the images of a training have one shape, got {found}")
    values = np.asarray(squares, np.float32)
    if values.ndim != 4 or values.shape[1] not in (1, 3) or values.shape[2] != values.shape[3]:
        raise ImageError(
            f"the images are squares (C, Y, X) of 1 or 3 channels, got the shape {values.shape[1:]}"
        )
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        raise ImageError("the images of a training have values from 0 to 1, and all are known")
    flat = values.reshape(len(values), -1)
    constant = np.flatnonzero(flat.min(1) == flat.max(1))
    if len(constant):
        raise ImageError(
            f"all pixels of image {constant[0]} are equal: there is nothing to divide, leave it out"
        )
    return values


def _check_count(count: int) -> None:
    if count < FEWEST_IMAGES:
        raise ImageError(
            f"there {'is' if count == 1 else 'are'} {count or 'no'} "
            f"image{'' if count == 1 else 's'} to train on: ReDO learns from what varies between "
            f"images, give {FEWEST_IMAGES} or more, better hundreds"
        )


def one_kind(images: Iterable[NDArray[Any]]) -> list[NDArray[Any]]:
    """Return images as grey ones if not all have three channels."""
    given = list(images)
    if all(len(image) == 3 for image in given):
        return given
    return [np.asarray(image, np.float64).mean(axis=0, keepdims=True) for image in given]

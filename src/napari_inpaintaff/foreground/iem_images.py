"""What inpainting error maximisation begins with: images it can use, and masks; torch-free."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.foreground.iem_parameters import IEMParameters

#: Standard deviation of the intensities that the search sees.
CONTRAST = 0.5


def centred_squares(shape: tuple[int, int], parameters: IEMParameters) -> NDArray[np.bool_]:
    """Return the starts of the publication.

    Parameters
    ----------
    shape : tuple of (int, int)
        Height and width of the image.
    parameters : IEMParameters
        With the sides of the squares.

    Returns
    -------
    ndarray of bool, shape (S, Y, X)
    """
    squares = np.zeros((len(parameters.squares), *shape), bool)
    for square, part in zip(squares, parameters.squares, strict=True):
        side = max(1, round(part * min(shape)))
        top, left = ((size - side) // 2 for size in shape)
        square[top : top + side, left : left + side] = True
    return squares


def standardised(pixels: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Shift and scale images to mean 0 and standard deviation `CONTRAST`.

    Parameters
    ----------
    pixels : ndarray of float64, shape (B, C, Y, X)
        Not all known pixels of an image are equal.

    Returns
    -------
    values : ndarray of float32, shape (B, C, Y, X)
        0 where unknown.
    known : ndarray of bool, shape (B, 1, Y, X)
        Where all channels are finite.
    """
    known = np.isfinite(pixels).all(axis=1, keepdims=True)
    count = np.maximum(known.sum((1, 2, 3), keepdims=True) * pixels.shape[1], 1)
    safe = np.where(known, pixels, 0)
    centred = np.where(known, safe - safe.sum((1, 2, 3), keepdims=True) / count, 0)
    spread = np.sqrt(np.square(centred).sum((1, 2, 3), keepdims=True) / count)
    return (CONTRAST * centred / spread).astype(np.float32), np.asarray(known)


def checked_images(images: ArrayLike, parameters: IEMParameters) -> NDArray[np.float64]:
    """Return images that can be searched; raises ImageError for others."""
    pixels = np.asarray(images, np.float64)
    if pixels.ndim != 4 or pixels.size == 0:
        raise ImageError(
            f"IEM takes images of one size, of shape (B, C, Y, X), got the shape {pixels.shape}"
        )
    if min(pixels.shape[-2:]) < parameters.kernel_side:
        raise ImageError(
            f"the image has {pixels.shape[-2]} x {pixels.shape[-1]} pixels; for IEM each side must "
            f"have at least {parameters.kernel_side}, that of its kernel: enlarge the image"
        )
    known = np.isfinite(pixels).all(axis=1, keepdims=True)
    highest = np.where(known, pixels, -np.inf).max((1, 2, 3))
    for index, (low, high) in enumerate(
        zip(np.where(known, pixels, np.inf).min((1, 2, 3)), highest, strict=True)
    ):
        named = f"image {index} of {len(pixels)}" if len(pixels) > 1 else "the image"
        if not low <= high:
            raise ImageError(f"no pixel of {named} has a known intensity (all are NaN or infinite)")
        if low == high:
            raise ImageError(f"all pixels of {named} have the same intensity: IEM finds nothing")
    return pixels


def checked_starts(
    starts: ArrayLike | None, pixels: NDArray[np.float64], parameters: IEMParameters
) -> NDArray[np.bool_]:
    """Return the masks to begin with, for every image; raises ImageError if they do not fit."""
    number, _, height, width = pixels.shape
    if starts is None:
        given = centred_squares((height, width), parameters)
    else:
        given = np.asarray(starts, bool)
    if given.ndim == 3:
        given = np.broadcast_to(given, (number, *given.shape))
    if given.ndim != 4 or given.shape != (number, max(1, given.shape[1]), height, width):
        raise ImageError(
            f"the starts {given.shape} do not fit the images {pixels.shape}: give masks of shape "
            "(S, Y, X) or (B, S, Y, X)"
        )
    return np.array(given, order="C")

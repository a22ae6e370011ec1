"""Pictures of any size as squares of one size: resized and centre-cropped, as published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike

import numpy as np
from numpy.typing import NDArray
from skimage.transform import resize

from napari_inpaintaff.foreground.pictures import reduced_picture
from napari_inpaintaff.images import ChannelChoice, iterate_pictures
from napari_inpaintaff.images.gather import nothing_found
from napari_inpaintaff.images.planes import SkippedImage


@dataclass(frozen=True)
class PictureSquares:
    """Squares of pictures.

    Attributes
    ----------
    pixels : ndarray of float32, shape (N, C, Y, X)
        C is 3 if one of the pictures is in colour, else 1.
    names : tuple of str
        File of each; planes of a stack have their numbers.
    skipped : tuple of SkippedImage
        What could not be used, and why.
    """

    pixels: NDArray[np.float32]
    names: tuple[str, ...]
    skipped: tuple[SkippedImage, ...]


def picture_square(picture: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """Return the middle of a picture, its shorter side resized.

    Parameters
    ----------
    picture : ndarray of float64, shape (C, Y, X)
        Not finite where unknown.
    side : int
        Of the square, in pixels.

    Returns
    -------
    ndarray of float64, shape (C, side, side)
    """
    height, width = picture.shape[-2:]
    if min(height, width) >= side:
        picture = reduced_picture(picture, side)
    else:
        scale = side / min(height, width)
        shape = tuple(max(side, round(scale * size)) for size in (height, width))
        settings = {"order": 1, "mode": "edge", "anti_aliasing": False}
        picture = np.stack([resize(channel, shape, **settings) for channel in picture])
    top, left = ((length - side) // 2 for length in picture.shape[-2:])
    return picture[:, top : top + side, left : left + side]


def mask_square(mask: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """Return what `picture_square` makes of a mask (Y, X)."""
    return np.asarray(picture_square(mask[None].astype(np.float64), side)[0] > 0.5)


def read_picture_squares(
    sources: Sequence[str | PathLike[str]], side: int, *, channel: ChannelChoice | None = None
) -> PictureSquares:
    """Read pictures of any sizes as squares.

    Parameters
    ----------
    sources : sequence of str or path-like
        Files, folders and patterns, see `images.iterate_pictures`.
    side : int
        Of the squares, in pixels.
    channel : int, str or sequence of them, optional
        Which channel to take; by default the colours of colour images.

    Returns
    -------
    PictureSquares
        Pictures whose known pixels are all equal, and files that cannot be read, are skipped.

    Raises
    ------
    ImageError
        If nothing is left.
    """
    squares: list[NDArray[np.float32]] = []
    names: list[str] = []
    skipped: list[SkippedImage] = []
    for picture in iterate_pictures(sources, channel=channel, skip=skipped.append):
        square = picture_square(picture.pixels.astype(np.float64), side).astype(np.float32)
        known = square[:, np.isfinite(square).all(axis=0)]
        if not known.size or known.min() == known.max():
            skipped.append(SkippedImage(picture.name, "all its known pixels are equal"))
            continue
        squares.append(square)
        names.append(picture.name)
    if not squares:
        raise nothing_found(skipped)
    channels = max(len(square) for square in squares)
    pixels = np.stack([np.broadcast_to(square, (channels, side, side)) for square in squares])
    skipped.sort(key=lambda image: image.path_or_name)
    return PictureSquares(pixels, tuple(names), tuple(skipped))

"""Pictures of any size as squares of one size: resized and centre-cropped, as published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike

import numpy as np
from numpy.typing import NDArray
from skimage.transform import resize

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.foreground.pictures import reduced_picture
from napari_inpaintaff.images import read_colours
from napari_inpaintaff.images.gather import find_images, nothing_found
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


def read_picture_squares(sources: Sequence[str | PathLike[str]], side: int) -> PictureSquares:
    """Read pictures of any sizes as squares.

    Parameters
    ----------
    sources : sequence of str or path-like
        Files, folders and patterns, see `images.gather_planes`. Colour or greyscale; every plane
        of a stack is a picture.
    side : int
        Of the squares, in pixels.

    Returns
    -------
    PictureSquares
        Pictures whose known pixels are all equal, and files that cannot be read, are skipped.

    Raises
    ------
    ImageError
        If nothing is left.
    """
    paths, skipped = find_images(sources)
    squares: list[NDArray[np.float32]] = []
    names: list[str] = []
    for path in paths:
        try:
            colours = read_colours(path)
        except ImageError as error:
            skipped.append(SkippedImage.because(str(path), error))
            continue
        for plane in np.ndindex(colours[0].data.shape[:-2]):
            name = " ".join([str(path), *map(str, plane)])
            picture = np.stack([colour.data[plane] for colour in colours]).astype(np.float64)
            square = picture_square(picture, side).astype(np.float32)
            known = square[:, np.isfinite(square).all(axis=0)]
            if not known.size or known.min() == known.max():
                skipped.append(SkippedImage(name, "all its known pixels are equal"))
                continue
            squares.append(square)
            names.append(name)
    if not squares:
        raise nothing_found(skipped)
    channels = max(len(square) for square in squares)
    pixels = np.stack([np.broadcast_to(square, (channels, side, side)) for square in squares])
    return PictureSquares(pixels, tuple(names), tuple(skipped))

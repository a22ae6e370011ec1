"""Images as squares for ReDO, in colour where they have it; torch-free."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.foreground.redo.images import one_kind, training_square
from napari_inpaintaff.images import ChannelChoice, SkippedImage, iterate_pictures
from napari_inpaintaff.jobs import Progress


def read_squares(
    sources: Sequence[str | PathLike[str]],
    side: int,
    *,
    channel: ChannelChoice | None = None,
    skip: Callable[[SkippedImage], None] = lambda image: None,
) -> Generator[Progress, None, NDArray[np.float32]]:
    """Read images, resampled and cropped to squares.

    Parameters
    ----------
    sources : sequence of str or path-like
        Files, folders and patterns, see `images.gather_planes`; images of any sizes. Stacks and
        time-lapses give one square for each plane.
    side : int
        Of the squares, in pixels.
    channel : int, str or sequence of them, optional
        Which channel to take; by default the colours of colour images. If not all images are
        colour ones, all become grey.
    skip : callable, optional
        Told of images that cannot be used.

    Yields
    ------
    Progress
        For every file.

    Returns
    -------
    ndarray of float32, shape (N, C, side, side)
        In [0, 1]; C is 1 or 3.

    Raises
    ------
    ImageError
        If no image can be used.
    """
    squares: list[NDArray[np.float32]] = []
    reasons: list[str] = []
    for picture in iterate_pictures(sources, channel=channel, skip=skip):
        yield Progress(picture.place, picture.files, "Reading the images…")
        try:
            squares.append(training_square(picture.pixels, side))
        except ImageError as error:
            skip(SkippedImage.because(picture.name, error))
            reasons.append(str(error))
    if not squares:
        raise ImageError(f"no image can be used ({reasons[0]})")
    return np.stack(one_kind(squares))

"""The images of a folder as squares for ReDO, in colour where they have it; torch-free."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.foreground.redo.images import one_kind, training_square
from napari_inpaintaff.images import (
    ChannelChoice,
    SkippedImage,
    images_in,
    read_colours,
    read_image,
)
from napari_inpaintaff.jobs import Progress


def read_squares(
    folder: Path,
    side: int,
    *,
    channel: ChannelChoice | None = None,
    skip: Callable[[SkippedImage], None] = lambda image: None,
) -> Generator[Progress, None, NDArray[np.float32]]:
    """Read the images right in a folder, resampled and cropped to squares.

    Parameters
    ----------
    folder : Path
        With images of any sizes; stacks and time-lapses give one square for each plane.
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
        Before every file.

    Returns
    -------
    ndarray of float32, shape (N, C, side, side)
        In [0, 1]; C is 1 or 3.

    Raises
    ------
    ImageError
        If there is no such folder, or no image in it can be used.
    """
    if not folder.is_dir():
        raise ImageError(f"there is no folder {folder}")
    files = sorted(images_in(folder))
    if not files:
        raise ImageError(f"there is no image in the folder {folder}")
    squares: list[NDArray[np.float32]] = []
    skipped: list[SkippedImage] = []
    for done, path in enumerate(files):
        yield Progress(done, len(files), "Reading the images…")
        try:
            squares += [training_square(image, side) for image in _images(path, channel)]
        except ImageError as error:
            skipped.append(SkippedImage.because(str(path), error))
            skip(skipped[-1])
    if not squares:
        raise ImageError(f"no image in {folder} can be used ({skipped[0].reason})")
    return np.stack(one_kind(squares))


def _images(path: Path, channel: ChannelChoice | None) -> Iterator[NDArray[Any]]:
    """Return the planes of a file as arrays (C, Y, X)."""
    one = channel is not None
    channels = [read_image(path, channel=channel)] if one else read_colours(path)
    for plane in np.ndindex(channels[0].data.shape[:-2]):
        yield np.stack([image.data[plane] for image in channels])

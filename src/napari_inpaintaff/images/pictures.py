"""Pictures of many files, one after the other, in colour where they have it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images.channels import ChannelChoice
from napari_inpaintaff.images.colour import read_colours
from napari_inpaintaff.images.gather import find_images, nothing_found
from napari_inpaintaff.images.planes import SkippedImage
from napari_inpaintaff.images.reading import read_image


@dataclass(frozen=True)
class Picture:
    """A picture of a file.

    Attributes
    ----------
    name : str
        The file; for a plane of a stack, with its place.
    pixels : ndarray, shape (C, Y, X)
        Raw intensities. C is 3 for red, green and blue, else 1.
    place, files : int
        Which file it is of, from 0, and how many there are.
    """

    name: str
    pixels: NDArray[Any]
    place: int
    files: int


def iterate_pictures(
    sources: Sequence[str | PathLike[str]],
    *,
    channel: ChannelChoice | None = None,
    skip: Callable[[SkippedImage], None] = lambda image: None,
) -> Iterator[Picture]:
    """Read pictures one after the other; every plane of a stack is one.

    Parameters
    ----------
    sources : sequence of str or path-like
        Files, folders and patterns, see `gather_planes`.
    channel : int, str or sequence of them, optional
        Which channel to take; by default the colours of colour images.
    skip : callable, optional
        Told in the end of images that cannot be read, unless none can: then the error names them.

    Yields
    ------
    Picture
        In the order of the paths of their files.

    Raises
    ------
    ImageError
        If no image can be read; before the end of the iteration.
    """
    paths, skipped = find_images(sources)
    found = False
    for place, path in enumerate(paths):
        try:
            channels = _channels(path, channel)
        except ImageError as error:
            skipped.append(SkippedImage.because(str(path), error))
            continue
        for plane in np.ndindex(channels[0].shape[:-2]):
            found = True
            name = " ".join([str(path), *map(str, plane)])
            yield Picture(name, np.stack([one[plane] for one in channels]), place, len(paths))
    if not found:
        raise nothing_found(skipped)
    for one in skipped:
        skip(one)


def _channels(path: Path, channel: ChannelChoice | None) -> list[NDArray[Any]]:
    if channel is not None:
        return [read_image(path, channel=channel).data]
    return [colour.data for colour in read_colours(path)]

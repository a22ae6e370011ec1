"""Images that are worked on in tiles: files, and arrays that may be lazy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images import (
    ChannelChoice,
    OpenedImage,
    open_planes,
    pixel_fingerprint,
    planes_of,
)
from napari_inpaintaff.images.axes import check_axes, complete_scale
from napari_inpaintaff.images.pixels import Pixels
from napari_inpaintaff.pipeline.tasks import fingerprint

#: Larger files are told apart by sizes and times, not by their content.
_READ_BYTES = 2**30


@dataclass(frozen=True)
class ImageFile:
    """An image file, or the folder of an OME-Zarr image.

    Attributes
    ----------
    path : Path
        Where it is; workers of a cluster find it there, too.
    channel : int, str, tuple of these, or None
        See `open_planes`.
    """

    path: Path
    channel: ChannelChoice | None = None

    def open(self) -> OpenedImage:
        """Open it without reading pixels.

        Raises
        ------
        ImageError
            As `open_planes`.
        """
        channel = self.channel
        if channel is not None and not isinstance(channel, int | str):
            channel = tuple(channel)
        return _opened(self.path.absolute(), channel)

    def identity(self) -> list[Any]:
        """Return what tells whether it is still the same."""
        # Images of files that hold several are named as if the file were a folder.
        file = next(
            path for path in (self.path.absolute(), *self.path.absolute().parents) if path.exists()
        )
        parts = [file, *sorted(self.open().files)]
        inside = self.path.absolute().relative_to(file).as_posix()
        return [inside, str(self.channel), *(_identity(part) for part in parts)]


@dataclass(frozen=True, eq=False)
class ImageArray:
    """An image in memory, or a lazy array of dask or zarr.

    Attributes
    ----------
    pixels : array, shape (..., Y, X)
        Raw intensities. For workers in other processes it has to be picklable.
    axes : str
        A subset of ``"TZYX"`` in that order.
    scale : tuple of float, or None
        Size of a pixel along every axis.
    units : tuple of str, or None
        One per axis.
    name : str
        For messages.
    """

    pixels: Pixels
    axes: str = "YX"
    scale: tuple[float, ...] | None = None
    units: tuple[str, ...] | None = None
    name: str = "the image"

    def open(self) -> OpenedImage:
        """Return its planes.

        Raises
        ------
        ImageError
            If it holds no intensities.
        ParameterError
            If axes, scale or units do not fit.
        """
        shape = tuple(int(length) for length in self.pixels.shape)
        check_axes(self.axes, len(shape))
        scale, units = complete_scale(self.axes, self.scale, self.units)
        planes = zip(np.ndindex(shape[:-2]), planes_of(self.pixels, self.name), strict=True)
        return OpenedImage(dict(planes), self.axes, shape, scale, units, frozenset())

    def identity(self) -> list[Any]:
        """Return what tells whether it is still the same."""
        return [self.axes, pixel_fingerprint(self.pixels, self.name)]


ImageSource: TypeAlias = ImageFile | ImageArray


@lru_cache(maxsize=4)
def _opened(path: Path, channel: ChannelChoice | None) -> OpenedImage:
    # Every tile opens its image, and of a long time-lapse that takes seconds.
    return open_planes(path, channel=channel)


def _identity(path: Path) -> list[Any]:
    files = sorted(part for part in path.rglob("*") if part.is_file()) if path.is_dir() else [path]
    try:
        stats = [part.stat() for part in files]
        if sum(stat.st_size for stat in stats) <= _READ_BYTES:
            return [fingerprint(part) for part in files]
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror or error}") from error
    return [
        [part.relative_to(path).as_posix(), stat.st_size, stat.st_mtime_ns]
        for part, stat in zip(files, stats, strict=True)
    ]


def fitting_planes(mask: OpenedImage, image: OpenedImage) -> None:
    """Raise ImageError unless a mask has a plane for every plane of an image.

    Parameters
    ----------
    mask : OpenedImage
        A single plane serves all planes of the image.
    image : OpenedImage
        The image.
    """
    fits: Sequence[tuple[int, ...]] = (image.shape, image.shape[-2:])
    if mask.shape not in fits:
        raise ImageError(f"the foreground has the shape {mask.shape}, the image {image.shape}")

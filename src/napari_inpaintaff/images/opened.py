"""An image file whose planes are read one at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.images.channels import (
    ChannelChoice,
    choose_channels,
    has_one_channel,
    scale_of,
)
from napari_inpaintaff.images.memory import check_fits_memory, check_plane_count
from napari_inpaintaff.images.pixels import check_intensities, reading_pixels
from napari_inpaintaff.images.plane_readers import ChannelReader
from napari_inpaintaff.images.planes import Plane
from napari_inpaintaff.images.reading import open_without_pixels
from napari_inpaintaff.images.regions import Region, check_region
from napari_inpaintaff.images.windows import size_of


@dataclass(frozen=True)
class OpenedImage:
    """One channel of an image file, or several combined, the pixels not read yet.

    Attributes
    ----------
    planes : dict of tuple of int to Plane
        By their position along the leading axes, in order.
    axes : str
        A subset of ``"TZYX"`` in that order.
    shape : tuple of int
        One length per axis.
    scale : tuple of float
        Size of a pixel along every axis.
    units : tuple of str
        One per axis.
    files : frozenset of Path
        The other files that belong to the image.
    """

    planes: dict[tuple[int, ...], Plane]
    axes: str
    shape: tuple[int, ...]
    scale: tuple[float, ...]
    units: tuple[str, ...]
    files: frozenset[Path]


def open_planes(path: str | PathLike[str], *, channel: ChannelChoice | None = None) -> OpenedImage:
    """Open an image file without reading its pixels; otherwise like `read_image`.

    Parameters
    ----------
    path : path-like
        The file, or the folder of an OME-Zarr image.
    channel : int, str or sequence of them, optional
        Which channel to take of an image that has several, or which ones to combine, see
        `read_image`; of an image with one channel that one is taken.

    Returns
    -------
    OpenedImage

    Raises
    ------
    ImageError
        As for `read_image`.
    """
    path = Path(path)
    with reading_pixels(path):
        raw = open_without_pixels(path)
        chosen = None if has_one_channel(raw) else channel
        reader = choose_channels(raw, chosen, where=str(path))
        check_intensities(raw.data.dtype, path)
    layout = reader.layout
    check_plane_count(layout.shape, path)
    height, width = layout.shape[-2:]
    # One image of a microscope's file is given as if it lay in a folder.
    title = path.name if path.exists() else f"{path.parent.name}/{path.name}"
    planes = {}
    for position in np.ndindex(layout.shape[:-2]):
        named = ", ".join(
            f"{axis.lower()}={place}" for axis, place in zip(layout.axes, position, strict=False)
        )
        name = f"{title} [{named}]" if position else title
        read = partial(_read, name, reader, position)
        planes[position] = Plane(name, (height, width), reader.dtype, read)
    scale, units = scale_of(raw, layout)
    return OpenedImage(planes, layout.axes, layout.shape, scale, units, raw.files)


def _read(
    name: str, reader: ChannelReader, position: tuple[int, ...], region: Region
) -> NDArray[Any]:
    region = check_region(region, reader.layout.shape)
    with reading_pixels(name):
        check_fits_memory(size_of(region), reader.dtype, name)
        return reader.read(position, region)

"""An image file whose planes are read one at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.images.axes import CANONICAL_AXES, Layout, find_layout
from napari_inpaintaff.images.memory import check_fits_memory, check_plane_count
from napari_inpaintaff.images.pixels import Pixels, check_intensities, reading_pixels
from napari_inpaintaff.images.planes import Plane
from napari_inpaintaff.images.reading import open_without_pixels
from napari_inpaintaff.images.units import UNKNOWN_UNIT


@dataclass(frozen=True)
class OpenedImage:
    """One channel of an image file, its pixels not read yet.

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


def open_planes(path: str | PathLike[str], *, channel: int | None = None) -> OpenedImage:
    """Open an image file without reading its pixels; otherwise like `read_image`.

    Parameters
    ----------
    path : path-like
        The file, or the folder of an OME-Zarr image.
    channel : int, optional
        Which channel to take of an image that has several, counted from 0; of an image
        with one channel that one is taken.

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
        # An axis without a name may hold the channels, too.
        axes = zip(raw.axes, raw.data.shape, strict=True)
        single = all(axis in CANONICAL_AXES or size == 1 for axis, size in axes)
        layout = find_layout(raw, channel=None if single else channel, where=str(path))
        check_intensities(raw.data.dtype, path)
        check_plane_count(layout.shape, path)
    height, width = layout.shape[-2:]
    planes = {}
    for position in np.ndindex(layout.shape[:-2]):
        named = ", ".join(
            f"{axis.lower()}={place}" for axis, place in zip(layout.axes, position, strict=False)
        )
        name = f"{path.name} [{named}]" if position else path.name
        read = partial(_read, name, layout, raw.data, position)
        planes[position] = Plane(name, (height, width), read)
    return OpenedImage(
        planes,
        layout.axes,
        layout.shape,
        scale=tuple(raw.scale.get(axis, 1.0) for axis in layout.axes),
        units=tuple(raw.units.get(axis, UNKNOWN_UNIT) for axis in layout.axes),
        files=raw.files,
    )


def _read(name: str, layout: Layout, pixels: Pixels, position: tuple[int, ...]) -> NDArray[Any]:
    with reading_pixels(name):
        check_fits_memory(layout.shape[-2:], pixels.dtype, name)
        return layout.read(pixels, position)

"""Writing an image inpainted from its foreground and from its background."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.cli.options import check_output
from napari_inpaintaff.errors import ParameterError

if TYPE_CHECKING:
    from napari_inpaintaff.foreground import IEMParameters
    from napari_inpaintaff.images import ImageData

_NAMES = ("from_foreground", "from_background", "from_other_side")


def inpainted_files(prefix: Path, *inputs: Path, colour: bool) -> list[Path]:
    """Return the files that will be written; raise OutputError if one of them cannot be.

    Parameters
    ----------
    prefix : Path
        Folder and beginning of the names.
    *inputs : Path
        Files that are read.
    colour : bool
        Whether the image is a colour picture: PNG, else OME-TIFF.
    """
    suffix = ".png" if colour else ".tif"
    files = [prefix.with_name(f"{prefix.name}_{name}{suffix}") for name in _NAMES]
    for file in files:
        check_output(file, *inputs, suffixes=(suffix,))
    return files


def write_inpainted(
    files: Sequence[Path], colours: Sequence[ImageData], mask: NDArray[np.bool_], diameter: float
) -> None:
    """Inpaint every plane from both sides of its mask, and write what came out.

    Parameters
    ----------
    files : sequence of Path
        See `inpainted_files`.
    colours : sequence of ImageData
        One channel, or the three of a colour picture.
    mask : ndarray of bool
        Of the shape of a channel.
    diameter : float
        Of the cells in images of one channel, in pixels; the kernel follows it.

    Raises
    ------
    ImageError
        If a plane is constant or smaller than the kernel.
    ParameterError
        If the image is a stack of colour pictures.
    OutputError
        If a file cannot be written.
    """
    from napari_inpaintaff.foreground import inpainted
    from napari_inpaintaff.foreground.iem_cells import cell_parameters
    from napari_inpaintaff.images import write_array

    image = colours[0]
    if len(colours) > 1:
        if mask.ndim > 2:
            raise ParameterError("--inpainted writes one colour picture, not a stack of them")
        picture = np.stack([colour.data for colour in colours]).astype(np.float64)
        sides = inpainted(picture, mask, parameters=_picture_parameters(mask.shape))
        _write_pictures(files, picture, _with_other(sides, mask))
        return
    parts = np.zeros((3, *mask.shape), np.float32)
    for plane in np.ndindex(mask.shape[:-2]):
        values = image.data[plane].astype(np.float64)
        sides = inpainted(values, mask[plane], parameters=cell_parameters(diameter))
        parts[(slice(None), *plane)] = np.stack(_with_other(sides, mask[plane]))
    for file, part in zip(files, parts, strict=True):
        write_array(file, part, axes=image.axes, scale=image.scale, units=image.units)


def _with_other(
    sides: tuple[NDArray[np.float32], NDArray[np.float32]], mask: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], ...]:
    """Add the picture in which every pixel is inpainted from the other side."""
    return (*sides, np.where(mask, sides[1], sides[0]))


def _picture_parameters(shape: tuple[int, ...]) -> IEMParameters:
    """Return the kernel of the publication, as wide on a larger picture as on one of 128 pixels."""
    from napari_inpaintaff.foreground.iem_parameters import REFERENCE_SIDE, IEMParameters

    scale = max(1.0, min(shape) / REFERENCE_SIDE)
    usual = IEMParameters()
    return IEMParameters(sigma=scale * usual.sigma, radius=round(scale * usual.radius))


def _write_pictures(
    files: Sequence[Path], picture: NDArray[np.float64], parts: Sequence[NDArray[np.float32]]
) -> None:
    from napari_inpaintaff.images import write_png

    known = picture[np.isfinite(picture)]
    low, high = float(known.min()), float(known.max())
    if low >= 0 and high <= 255 and bool((known == np.rint(known)).all()):
        low, high = 0.0, 255.0
    for file, part in zip(files, parts, strict=True):
        write_png(file, (part - low) / (high - low))

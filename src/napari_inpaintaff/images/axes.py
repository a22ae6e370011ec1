"""Images with named axes: what a file holds, and how it is put in our order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.images.memory import check_fits_memory
from napari_inpaintaff.images.pixels import Pixels
from napari_inpaintaff.images.units import UNKNOWN_UNIT

#: The axes of every image in this program, in this order.
CANONICAL_AXES = "TZYX"

#: Axes that hold channels: C (fluorescence channels) and S (samples of a colour).
_CHANNEL_AXES = "CS"


@dataclass(frozen=True)
class ImageData:
    """An image of one channel with its axes and physical scale.

    Attributes
    ----------
    data : ndarray
        Pixels of the dtype of the file, one dimension per letter of `axes`.
    axes : str
        A subset of ``"TZYX"`` in that order, ending in ``"YX"``.
    scale : tuple of float
        Distance between neighbouring pixels, planes or frames along each axis, > 0.
    units : tuple of str
        Unit of each scale, named as napari names it (``"micrometer"``,
        ``"second"``); ``"pixel"`` when unknown.
    name : str
        A short name for layers and messages, usually that of the file.

    Raises
    ------
    ParameterError
        If axes, scale or units do not fit the data.
    """

    data: NDArray[Any]
    axes: str
    scale: tuple[float, ...]
    units: tuple[str, ...]
    name: str

    def __post_init__(self) -> None:
        check_axes(self.axes, self.data.ndim)
        scale, units = complete_scale(self.axes, self.scale, self.units)
        object.__setattr__(self, "scale", scale)
        object.__setattr__(self, "units", units)


def check_axes(axes: str, ndim: int) -> None:
    """Raise ParameterError unless `axes` is a valid name for `ndim` dimensions."""
    ordered = "".join(axis for axis in CANONICAL_AXES if axis in axes)
    if axes != ordered or not axes.endswith("YX"):
        raise ParameterError(
            f"axes must be a part of {CANONICAL_AXES!r} in that order and end in 'YX', got {axes!r}"
        )
    if len(axes) != ndim:
        raise ParameterError(f"axes {axes!r} do not fit an array of {ndim} dimensions")


def complete_scale(
    axes: str,
    scale: tuple[float, ...] | None,
    units: tuple[str, ...] | None,
) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Return scale and units with one entry per axis; None stands for pixels.

    Raises
    ------
    ParameterError
        If a length differs from that of `axes`, or a scale is not finite and positive.
    """
    scale = (1.0,) * len(axes) if scale is None else tuple(float(step) for step in scale)
    units = (UNKNOWN_UNIT,) * len(axes) if units is None else tuple(str(unit) for unit in units)
    if len(scale) != len(axes) or len(units) != len(axes):
        raise ParameterError(
            f"axes {axes!r} need {len(axes)} scales and units, got {scale} and {units}"
        )
    if not all(math.isfinite(step) and step > 0 for step in scale):
        raise ParameterError(f"the scale must be positive and finite, got {scale}")
    return scale, units


@dataclass(frozen=True)
class RawImage:
    """What a file holds, with the axes as the file names them.

    Attributes
    ----------
    data : Pixels
        The pixels of the file: an array, or what reads one from the file.
    axes : str
        One letter per dimension, as tifffile names them: Y, X, T, Z, C (channels), S (samples
        of a colour); any other letter is a dimension that the file does not name.
    scale, units : dict of str to float, dict of str to str
        The known physical scales of axes and their units.
    files : frozenset of pathlib.Path
        Other files that belong to the same image.
    """

    data: Pixels
    axes: str
    scale: dict[str, float]
    units: dict[str, str]
    files: frozenset[Path] = frozenset()


@dataclass(frozen=True)
class Layout:
    """Where the image of one channel lies among the dimensions of a file.

    Attributes
    ----------
    axes : str
        Those of the image, a subset of ``"TZYX"`` in that order.
    shape : tuple of int
        Of the image.
    dimensions : tuple of int
        Which dimension of the file each axis is.
    fixed : tuple of (int, int)
        The other dimensions of the file, and the index to take there.
    """

    axes: str
    shape: tuple[int, ...]
    dimensions: tuple[int, ...]
    fixed: tuple[tuple[int, int], ...]

    def read(self, pixels: Pixels, position: tuple[int, ...] = ()) -> NDArray[Any]:
        """Read the image, or the part of it at a position along its first axes.

        Parameters
        ----------
        pixels : Pixels
            Of the file.
        position : tuple of int, optional
            Index along the first axes.

        Returns
        -------
        ndarray
            Contiguous, with the remaining axes of the image.
        """
        index: list[int | slice] = [slice(None)] * len(pixels.shape)
        for dimension, place in self.fixed:
            index[dimension] = place
        for dimension, place in zip(self.dimensions, position, strict=False):
            index[dimension] = place
        kept = self.dimensions[len(position) :]
        data = np.asarray(pixels[tuple(index)])
        data = data.transpose([sorted(kept).index(dimension) for dimension in kept])
        # Big-endian files exist, and torch takes only the byte order of the machine.
        return np.ascontiguousarray(data, dtype=data.dtype.newbyteorder("="))


def arrange(raw: RawImage, *, channel: int | None, name: str, where: str) -> ImageData:
    """Choose the channel, put the axes in the order T, Z, Y, X, and read the pixels.

    Parameters
    ----------
    raw : RawImage
        The content of a file.
    channel : int or None
        Which channel to keep, counted from 0. None is right for a single channel only.
    name : str
        Name of the result.
    where : str
        The file, for messages.

    Raises
    ------
    ImageError
        If the image is empty or larger than the memory, its axes are ambiguous, or the
        channel is missing or wrong.
    """
    layout = find_layout(raw, channel=channel, where=where)
    check_fits_memory(layout.shape, raw.data.dtype, where)
    return ImageData(
        data=layout.read(raw.data),
        axes=layout.axes,
        scale=tuple(raw.scale.get(axis, 1.0) for axis in layout.axes),
        units=tuple(raw.units.get(axis, UNKNOWN_UNIT) for axis in layout.axes),
        name=name,
    )


def find_layout(raw: RawImage, *, channel: int | None, where: str) -> Layout:
    """Find the axes of an image without reading it.

    Axes of length one other than Y and X are dropped. One axis that the file does not
    name (a plain multi-page TIFF) is taken for time, unless a channel is asked for and no
    axis is named as channels: then it holds the channels. More unnamed axes are an error.

    Parameters
    ----------
    raw, channel, where
        As for `arrange`.

    Raises
    ------
    ImageError
        If the image is empty, its axes are ambiguous or the channel is missing or wrong.
    """
    shape = raw.data.shape
    if 0 in shape or "Y" not in raw.axes or "X" not in raw.axes:
        raise ImageError(f"{where} holds an empty image (shape {shape}, no pixels)")
    kept = [d for d, axis in enumerate(raw.axes) if axis in "YX" or shape[d] > 1]
    fixed = [(d, 0) for d in range(len(shape)) if d not in kept]
    axes = _name_unknown_axis(
        "".join(raw.axes[d] for d in kept),
        tuple(shape[d] for d in kept),
        channel=channel,
        where=where,
    )
    dimension = dict(zip(axes, kept, strict=True))
    for axis in _CHANNEL_AXES:
        if axis in dimension:
            _check_channel(axes, shape[dimension[axis]], channel=channel, where=where)
            fixed.append((dimension.pop(axis), channel or 0))
    if channel and not has_channels(axes):
        raise ImageError(f"{where} has one channel, number 0: there is no channel {channel}")
    ordered = "".join(axis for axis in CANONICAL_AXES if axis in dimension)
    dimensions = tuple(dimension[axis] for axis in ordered)
    return Layout(ordered, tuple(shape[d] for d in dimensions), dimensions, tuple(fixed))


def has_channels(axes: str) -> bool:
    """Return whether one of the axes holds channels."""
    return any(axis in axes for axis in _CHANNEL_AXES)


def _name_unknown_axis(
    axes: str, shape: tuple[int, ...], *, channel: int | None, where: str
) -> str:
    unknown = [axis for axis in axes if axis not in CANONICAL_AXES + _CHANNEL_AXES]
    if not unknown and len(set(axes)) == len(axes):
        return axes
    meaning = "C" if channel is not None and not has_channels(axes) else "T"
    if len(unknown) != 1 or meaning in axes:
        raise ImageError(
            f"{where} has the shape {shape} and does not say which axes these are "
            f"({axes}): save it as OME-TIFF or ImageJ TIFF with named axes"
        )
    return axes.replace(unknown[0], meaning)


def _check_channel(axes: str, count: int, *, channel: int | None, where: str) -> None:
    if all(axis in axes for axis in _CHANNEL_AXES):
        raise ImageError(
            f"{where} has several channels that are colour images themselves "
            f"(axes {axes}): save one of them as a single-channel image"
        )
    if channel is None:
        kind = "a colour image" if "S" in axes else "an image"
        raise ImageError(
            f"{where} is {kind} of {count} channels: choose one of them, "
            f"0 to {count - 1} (--channel on the command line)"
        )
    if not 0 <= channel < count:
        raise ImageError(
            f"{where} has {count} channels, numbered 0 to {count - 1}: "
            f"there is no channel {channel}"
        )

"""Images with named axes: what a file holds, and how it is put in our order."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError, ParameterError
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
    data : ndarray
        The pixels of the file.
    axes : str
        One letter per dimension, as tifffile names them: Y, X, T, Z, C (channels), S (samples
        of a colour); any other letter is a dimension that the file does not name.
    scale, units : dict of str to float, dict of str to str
        The known physical scales of axes and their units.
    """

    data: NDArray[Any]
    axes: str
    scale: dict[str, float]
    units: dict[str, str]


def arrange(raw: RawImage, *, channel: int | None, name: str, where: str) -> ImageData:
    """Choose the channel and put the axes in the order T, Z, Y, X.

    Axes of length one other than Y and X are dropped. One axis that the file does not
    name (a plain multi-page TIFF) is taken for time, unless a channel is asked for and no
    axis is named as channels: then it holds the channels. More unnamed axes are an error.

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
        If the image is empty, its axes are ambiguous or the channel is missing or wrong.
    """
    if 0 in raw.data.shape or "Y" not in raw.axes or "X" not in raw.axes:
        raise ImageError(f"{where} holds an empty image (shape {raw.data.shape}, no pixels)")
    raw = _name_unknown_axis(_drop_length_one(raw), channel=channel, where=where)
    raw = _choose_channel(raw, channel=channel, where=where)
    axes = "".join(axis for axis in CANONICAL_AXES if axis in raw.axes)
    data = raw.data.transpose([raw.axes.index(axis) for axis in axes])
    return ImageData(
        # Big-endian files exist, and torch takes only the byte order of the machine.
        data=np.ascontiguousarray(data, dtype=data.dtype.newbyteorder("=")),
        axes=axes,
        scale=tuple(raw.scale.get(axis, 1.0) for axis in axes),
        units=tuple(raw.units.get(axis, UNKNOWN_UNIT) for axis in axes),
        name=name,
    )


def _drop_length_one(raw: RawImage) -> RawImage:
    keep = [axis in "YX" or size > 1 for axis, size in zip(raw.axes, raw.data.shape, strict=True)]
    index = tuple(slice(None) if kept else 0 for kept in keep)
    axes = "".join(axis for axis, kept in zip(raw.axes, keep, strict=True) if kept)
    return replace(raw, data=raw.data[index], axes=axes)


def _name_unknown_axis(raw: RawImage, *, channel: int | None, where: str) -> RawImage:
    known = CANONICAL_AXES + _CHANNEL_AXES
    unknown = [axis for axis in raw.axes if axis not in known]
    if not unknown and len(set(raw.axes)) == len(raw.axes):
        return raw
    has_channels = any(axis in raw.axes for axis in _CHANNEL_AXES)
    meaning = "C" if channel is not None and not has_channels else "T"
    if len(unknown) != 1 or meaning in raw.axes:
        raise ImageError(
            f"{where} has the shape {raw.data.shape} and does not say which axes these are "
            f"({raw.axes}): save it as OME-TIFF or ImageJ TIFF with named axes"
        )
    return replace(raw, axes=raw.axes.replace(unknown[0], meaning))


def _choose_channel(raw: RawImage, *, channel: int | None, where: str) -> RawImage:
    channel_axes = [axis for axis in raw.axes if axis in _CHANNEL_AXES]
    if len(channel_axes) > 1:
        raise ImageError(
            f"{where} has several channels that are colour images themselves "
            f"(axes {raw.axes}): save one of them as a single-channel image"
        )
    if not channel_axes:
        if channel not in (None, 0):
            raise ImageError(f"{where} has one channel, number 0: there is no channel {channel}")
        return raw
    axis = raw.axes.index(channel_axes[0])
    count = raw.data.shape[axis]
    if channel is None:
        kind = "a colour image" if channel_axes[0] == "S" else "an image"
        raise ImageError(
            f"{where} is {kind} of {count} channels: choose one of them, "
            f"0 to {count - 1} (--channel on the command line)"
        )
    if not 0 <= channel < count:
        raise ImageError(
            f"{where} has {count} channels, numbered 0 to {count - 1}: "
            f"there is no channel {channel}"
        )
    return replace(
        raw, data=raw.data.take(channel, axis=axis), axes=raw.axes[:axis] + raw.axes[axis + 1 :]
    )

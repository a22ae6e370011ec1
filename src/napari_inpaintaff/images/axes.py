"""Images with named axes and physical scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images.pixels import Pixels
from napari_inpaintaff.images.units import UNKNOWN_UNIT

#: The axes of every image in this program, in this order.
CANONICAL_AXES = "TZYX"


@dataclass(frozen=True)
class LazyImage:
    """An image of one channel, its pixels perhaps not read yet, with axes and physical scale.

    Attributes
    ----------
    data : Pixels
        One dimension per letter of `axes`: an array, or what reads one, as dask and zarr do.
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

    data: Pixels
    axes: str
    scale: tuple[float, ...]
    units: tuple[str, ...]
    name: str

    def __post_init__(self) -> None:
        check_axes(self.axes, len(self.data.shape))
        scale, units = complete_scale(self.axes, self.scale, self.units)
        object.__setattr__(self, "scale", scale)
        object.__setattr__(self, "units", units)


@dataclass(frozen=True)
class ImageData(LazyImage):
    """An image of one channel in memory, with its axes and physical scale.

    Attributes
    ----------
    data : ndarray
        Pixels of the dtype of the file, one dimension per letter of `axes`.
    axes, scale, units, name
        As for `LazyImage`.

    Raises
    ------
    ParameterError
        If axes, scale or units do not fit the data.
    """

    data: NDArray[Any]


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

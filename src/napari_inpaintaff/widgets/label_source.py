"""What is written of a Labels layer: its pixels, axes, scale and units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from napari.layers import Layer

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images.pixels import Pixels
from napari_inpaintaff.widgets.planes import pixels_of

#: Names of the axes before Y and X when the layer does not name them.
_UNNAMED = {0: "", 1: "T", 2: "TZ"}


@dataclass(frozen=True)
class LabelSource:
    """The labels of a layer, not read yet, as files know them.

    Attributes
    ----------
    array : Pixels
        That of the layer, NumPy, dask or zarr.
    dropped : int
        Leading axes of length 1 that are left out: results of one plane of a stack have them.
    axes : str
        Of the rest, such as ``"TYX"``.
    scale, units
        One per letter of `axes`.
    name : str
        Of the layer.
    """

    array: Pixels
    dropped: int
    axes: str
    scale: tuple[float, ...]
    units: tuple[str, ...]
    name: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis."""
        return tuple(int(length) for length in self.array.shape[self.dropped :])

    def pixels(self) -> Pixels:
        """Return the array without the dropped axes; may read data from disk."""
        pixels: Pixels = self.array[(0,) * self.dropped] if self.dropped else self.array
        return pixels


def layer_source(layer: Layer) -> LabelSource:
    """Describe a Labels layer as it is now.

    Raises
    ------
    ParameterError
        If it has fewer than two or more than four axes, not counting those of length 1.
    """
    keys = ("axis_labels", "scale", "units")
    attributes = {key: getattr(layer, key) for key in keys}
    return described_source(pixels_of(layer), attributes, layer.name)


def described_source(array: Any, attributes: Mapping[str, Any], name: str) -> LabelSource:
    """Describe the array of a Labels layer with the attributes that napari hands to writers.

    Parameters
    ----------
    array : array-like of integers, shape (..., Y, X)
        The finest level of a pyramid.
    attributes : mapping
        The layer's scale, units, axis labels and so on.
    name : str
        Of the layer.

    Raises
    ------
    ParameterError
        If there are fewer than two or more than four axes, not counting those of length 1.
    """
    ndim = len(array.shape)
    names = list(_given(attributes, "axis_labels", [""] * ndim))
    scale = [float(step) for step in _given(attributes, "scale", [1.0] * ndim)]
    units = [str(unit) for unit in _given(attributes, "units", ["pixel"] * ndim)]
    dropped = 0
    while ndim - dropped > 2 and array.shape[dropped] == 1:
        dropped += 1
    axes = layer_axes(names[dropped:])
    return LabelSource(array, dropped, axes, tuple(scale[dropped:]), tuple(units[dropped:]), name)


def _given(attributes: Mapping[str, Any], key: str, default: list[Any]) -> Any:
    value = attributes.get(key)
    return default if value is None else value


def layer_axes(names: list[str]) -> str:
    """Name the axes of a layer as files do.

    Parameters
    ----------
    names : list of str
        Axis labels of the layer, first to last.

    Returns
    -------
    str
        Such as ``"YX"`` or ``"TYX"``. The last two axes are Y and X; the others are T
        and Z if the layer says so, otherwise the first is time.

    Raises
    ------
    ParameterError
        For fewer than two axes or more than four.
    """
    leading = len(names) - 2
    if leading not in _UNNAMED:
        raise ParameterError(
            f"labels with {len(names)} axes cannot be saved: two (Y, X) to four (T, Z, Y, X) can"
        )
    named = "".join(name.strip().upper()[:1] for name in names[:leading])
    return (named if named in ("T", "Z", "TZ") else _UNNAMED[leading]) + "YX"

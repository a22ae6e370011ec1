"""File > Save: a Labels layer as OME-TIFF that keeps its axes and scale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images import TIFF_SUFFIXES, write_labels

#: Names of the axes before Y and X when the layer does not name them.
_UNNAMED = {0: "", 1: "T", 2: "TZ"}


def write_labels_layer(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write one Labels layer; napari calls this.

    Parameters
    ----------
    path : str
        The file; ``.tif`` is added to a name without a TIFF ending.
    data : array-like of integers, shape (..., Y, X)
        The labels.
    attributes : dict
        The layer's scale, units, axis labels and so on.

    Returns
    -------
    list of str
        The written file.

    Raises
    ------
    ParameterError
        If the layer has fewer than two or more than four axes.
    OutputError
        If the file cannot be written.
    """
    labels = np.asarray(data[0] if attributes.get("multiscale") else data)
    names = list(attributes.get("axis_labels") or [""] * labels.ndim)
    scale = [float(step) for step in attributes.get("scale") or [1.0] * labels.ndim]
    units = [str(unit) for unit in attributes.get("units") or ["pixel"] * labels.ndim]
    # Results of one plane of a stack have leading axes of length 1.
    while labels.ndim > 2 and labels.shape[0] == 1:
        labels, names, scale, units = labels[0], names[1:], scale[1:], units[1:]
    target = Path(path)
    if target.suffix.lower() not in TIFF_SUFFIXES:
        target = target.with_name(f"{target.name}.tif")
    written = write_labels(
        target, labels, axes=layer_axes(names), scale=tuple(scale), units=tuple(units)
    )
    return [str(written)]


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

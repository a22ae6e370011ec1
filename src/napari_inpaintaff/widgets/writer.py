"""File > Save: a Labels layer in the formats of `images.LABEL_FORMATS`, with axes and scale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_inpaintaff.images import LABEL_FORMATS
from napari_inpaintaff.jobs import Job
from napari_inpaintaff.measurement import prepare
from napari_inpaintaff.widgets.label_source import described_source


def write_labels_layer(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write one Labels layer as OME-TIFF; napari calls this.

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
    return _write("tiff", path, data, attributes)


def write_zarr_layer(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write one Labels layer as OME-Zarr; as `write_labels_layer`."""
    return _write("ome-zarr", path, data, attributes)


def write_rois_layer(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write the outlines of one Labels layer for ImageJ; as `write_labels_layer`."""
    return _write("imagej-rois", path, data, attributes)


def _write(name: str, path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    form = LABEL_FORMATS[name]
    array = data[0] if attributes.get("multiscale") else data
    source = described_source(array, attributes, str(attributes.get("name") or "labels"))
    target = Path(path)
    if target.suffix.lower() not in form.suffixes:
        target = target.with_name(f"{target.name}{form.suffixes[0]}")
    form.check(target)
    prepared = prepare(
        source.pixels(), axes=source.axes, scale=source.scale, units=source.units, name=source.name
    )
    Job(form.write(target, prepared.labels), name=f"writing {target.name}").run()
    return [str(target)]

"""Measure the objects of label images: size, shape, place and intensities."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage.measure import regionprops

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.images import ImageData
from napari_inpaintaff.images.axes import complete_scale
from napari_inpaintaff.images.units import UNKNOWN_UNIT, in_meters, plain_symbol, unit_name
from napari_inpaintaff.jobs import Job, Progress
from napari_inpaintaff.measurement.filters import edge_labels

#: Returns the intensities, shape (Y, X), that belong to the plane at an index.
ReadPlane = Callable[[tuple[int, ...]], NDArray[Any]]
Columns = dict[str, NDArray[Any]]

#: So many objects are measured in a fraction of a second.
_AT_ONCE = 100
_STATISTICS = ("mean", "std", "min", "max", "sum")


@dataclass(frozen=True)
class Measurements:
    """A table with one row per object and plane.

    Attributes
    ----------
    columns : dict of str to ndarray
        By name, all of one length. Names of lengths, areas and times end in their unit.
    planes : int
        Planes that were measured, those without objects too.
    """

    columns: Columns = field(default_factory=dict)
    planes: int = 0

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self.columns.values()))) if self.columns else 0


def measure_objects(
    labels: ArrayLike,
    images: Mapping[str, ArrayLike] | None = None,
    *,
    axes: str = "YX",
    scale: tuple[float, ...] | None = None,
    units: tuple[str, ...] | None = None,
) -> Measurements:
    """Measure every object of a label image, plane by plane.

    Parameters
    ----------
    labels : array of integers or bool, one dimension per axis
        0 is background.
    images : mapping of str to array, optional
        Channels by name, each of the shape of the labels: intensities to measure.
    axes : str
        A subset of ``"TZYX"`` in that order, ending in ``"YX"``.
    scale, units : tuple, optional
        Size of a pixel along each axis, and its unit; see `ImageData`. Where the units of Y
        and X are lengths, sizes are given in them (those of X) as well as in pixels.

    Returns
    -------
    Measurements
        ``t`` and ``z`` where there are such axes, counted from 0, and their physical value;
        ``label``; ``area_px``, ``y_px`` and ``x_px`` (centroid); ``area_um2``, ``y_um`` and
        ``x_um`` if the unit is micrometer; equivalent diameter, major and minor axis and
        perimeter (for square pixels) in the unit or else in pixels; ``eccentricity``,
        ``solidity``, ``touches_edge`` (0 or 1); for every channel ``mean_NAME``, ``std_NAME``,
        ``min_NAME``, ``max_NAME`` and ``sum_NAME`` of the pixels that are no NaN.

    Raises
    ------
    ImageError
        If an image has another shape than the labels.
    ParameterError
        If labels, axes, scale and units do not fit each other.

    Examples
    --------
    >>> table = measure_objects(np.eye(3, dtype=int), scale=(2, 2), units=("um", "um"))
    >>> table.columns["area_px"].tolist(), table.columns["area_um2"].tolist()
    ([3], [12.0])
    """
    array = np.asarray(labels)
    scale, units = complete_scale(axes, scale, units)
    channels: dict[str, ReadPlane] = {}
    for name, given in (images or {}).items():
        image = np.asarray(given)
        if image.shape != array.shape:
            raise ImageError(
                f"the image {name} has the shape {image.shape}, but the labels {array.shape}"
            )
        channels[name] = image.__getitem__
    steps = iterate_measurement(ImageData(array, axes, scale, units, "labels"), channels)
    return Job(steps, name="measurement").run()


def iterate_measurement(
    labels: ImageData, channels: Mapping[str, ReadPlane] | None = None
) -> Generator[Progress, None, Measurements]:
    """Do what `measure_objects` does, and say how far it is.

    Parameters
    ----------
    labels : ImageData
        Of an integer type or bool.
    channels : mapping of str to callable, optional
        By name, what reads the plane of intensities that belongs to a plane of the labels.

    Yields
    ------
    Progress
        After every plane, and now and then.

    Returns
    -------
    Measurements

    Raises
    ------
    ImageError
        If a plane of a channel cannot be read, or has another size.
    ParameterError
        If the labels are no integers.
    """
    if labels.data.dtype.kind not in "bui":
        raise ParameterError(f"labels must be integers, got {labels.data.dtype}")
    names = column_names(channels or {})
    leading = labels.data.shape[:-2]
    total = int(np.prod(leading))
    tables: list[Columns] = []
    yield Progress(0, total, "Measuring…")
    for done, index in enumerate(np.ndindex(leading), 1):
        plane = labels.data[index]
        plane = plane.astype(np.uint8) if plane.dtype.kind == "b" else plane
        table = yield from _shapes(plane, labels, Progress(done - 1, total))
        for name, read in (channels or {}).items():
            table |= _intensities(plane, read(index), names[name])
        tables.append(_place(index, labels, len(table["label"])) | table)
        yield Progress(done, total)
    columns = {name: np.concatenate([one[name] for one in tables]) for name in tables[0]}
    return Measurements(columns, planes=total)


def physical_unit(labels: ImageData) -> str | None:
    """Return the unit of lengths in a plane, None when they are known in pixels only."""
    y, x = labels.units[-2:]
    return x if in_meters(y) is not None and in_meters(x) is not None else None


def column_names(names: Mapping[str, object]) -> dict[str, str]:
    """Make ends of column names from the names of images, all different."""
    result: dict[str, str] = {}
    for name in names:
        short = re.sub(r"\W+", "_", name).strip("_") or "image"
        taken, number = set(result.values()), 2
        unique = short
        while unique in taken:
            unique, number = f"{short}_{number}", number + 1
        result[name] = unique
    return result


def _place(index: tuple[int, ...], labels: ImageData, rows: int) -> Columns:
    """Say where a plane is, along T and Z."""
    columns: Columns = {}
    for axis, position, step, unit in zip(
        labels.axes[:-2].lower(), index, labels.scale, labels.units, strict=False
    ):
        columns[axis] = np.full(rows, position, dtype=np.int64)
        if unit_name(unit) != UNKNOWN_UNIT:
            columns[f"{axis}_{plain_symbol(unit)}"] = np.full(rows, position * step)
    return columns


def _shapes(
    plane: NDArray[Any], labels: ImageData, progress: Progress
) -> Generator[Progress, None, Columns]:
    """Measure a plane; yield now and then, so that it can be cancelled."""
    unit = physical_unit(labels)
    spacing = (1.0, 1.0)
    if unit is not None:
        y, x = labels.units[-2:]
        to_unit = (in_meters(y) or 1.0) / (in_meters(x) or 1.0)
        spacing = (labels.scale[-2] * to_unit, labels.scale[-1])
    lengths = ["equivalent_diameter_area", "axis_major_length", "axis_minor_length"]
    if np.isclose(*spacing):
        spacing = (spacing[1], spacing[1])
        lengths.append("perimeter")
    properties = ["label", "num_pixels", "centroid", "eccentricity", "solidity", *lengths]
    rows: list[list[Any]] = []
    for region in regionprops(plane, spacing=spacing):
        rows.append([region[name] for name in properties])
        if len(rows) % _AT_ONCE == 0:
            yield progress
    values = list(zip(*rows, strict=True)) or [()] * len(properties)
    found = {name: np.array(one, float) for name, one in zip(properties, values, strict=True)}
    centroid = found["centroid"].reshape(-1, 2)
    symbol = plain_symbol(unit or UNKNOWN_UNIT)
    columns: Columns = {
        "label": np.asarray(found["label"], dtype=np.int64),
        "area_px": np.asarray(found["num_pixels"], dtype=np.int64),
    }
    if unit is not None:
        columns[f"area_{symbol}2"] = found["num_pixels"] * (spacing[0] * spacing[1])
    for axis, number, step in zip("yx", (0, 1), spacing, strict=True):
        columns[f"{axis}_px"] = centroid[:, number] / step
        if unit is not None:
            columns[f"{axis}_{symbol}"] = centroid[:, number]
    for name in lengths:
        short = {"equivalent_diameter_area": "diameter"}.get(name, name.removesuffix("_length"))
        columns[f"{short}_{symbol}"] = found[name]
    columns["eccentricity"] = found["eccentricity"]
    columns["solidity"] = np.where(np.isfinite(found["solidity"]), found["solidity"], 1.0)
    columns["touches_edge"] = np.isin(columns["label"], edge_labels(plane)).astype(np.int64)
    return columns


def _intensities(plane: NDArray[Any], image: NDArray[Any], name: str) -> Columns:
    """Measure the intensities of all objects at once; NaN pixels are unknown."""
    if image.shape != plane.shape:
        raise ImageError(
            f"the image {name} has {' x '.join(map(str, image.shape))} pixels, "
            f"but the labels {' x '.join(map(str, plane.shape))}"
        )
    inside = plane > 0
    values, index = np.unique(plane[inside], return_inverse=True)
    intensity = np.asarray(image[inside], dtype=np.float64)
    known = np.isfinite(intensity)
    index, intensity = index[known], intensity[known]
    count = np.bincount(index, minlength=values.size)
    total = np.bincount(index, weights=intensity, minlength=values.size)
    low, high = np.full(values.size, np.inf), np.full(values.size, -np.inf)
    np.minimum.at(low, index, intensity)
    np.maximum.at(high, index, intensity)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / count
        spread = np.bincount(index, weights=(intensity - mean[index]) ** 2, minlength=values.size)
        numbers = (mean, np.sqrt(spread / count), low, high, total)
    return {
        f"{statistic}_{name}": np.where(count > 0, number, np.nan)
        for statistic, number in zip(_STATISTICS, numbers, strict=True)
    }

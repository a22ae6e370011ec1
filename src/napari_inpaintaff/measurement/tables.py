"""Tables of measurements: one row per object, and one per field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from napari_inpaintaff.images.csv_files import TABLE_SUFFIXES, write_csv
from napari_inpaintaff.measurement.objects import Measurements

__all__ = ["TABLE_SUFFIXES", "summarise", "write_measurements", "write_summary"]

Row = dict[str, Any]

#: Of these a mean says nothing: which object, and where it is.
_NOT_SUMMARISED = ("t", "z", "y", "x", "label", "touches", "min", "max", "std")


def write_measurements(
    path: str | PathLike[str], fields: Mapping[str, Measurements] | Measurements
) -> Path:
    """Write measurements as CSV, one row per object and plane.

    Parameters
    ----------
    path : path-like
        A name ending in ``.csv``.
    fields : Measurements, or mapping of str to Measurements
        Of one image, or of several by name: then the first column is ``file``.

    Returns
    -------
    pathlib.Path
        The written file. A column that only some fields have is empty in the others.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    if isinstance(fields, Measurements):
        columns = fields.columns
        return write_csv(path, list(columns), zip(*map(_plain, columns.values()), strict=True))
    names = list(dict.fromkeys(name for one in fields.values() for name in one.columns))
    rows: list[list[Any]] = []
    for file, one in fields.items():
        lists = [_plain(one.columns[n]) if n in one.columns else [""] * len(one) for n in names]
        rows += [[file, *row] for row in zip(*lists, strict=True)]
    return write_csv(path, ["file", *names], rows)


def summarise(field: Measurements) -> Row:
    """Put the measurements of one field into one row.

    Parameters
    ----------
    field : Measurements
        Of one image or stack.

    Returns
    -------
    dict
        ``planes``; ``objects``, counted plane by plane; ``touching_edge``, how many of them
        touch the edge of the image; the median area; and the means of sizes, shapes and
        intensities as ``mean_area_um2`` and so on, for an intensity that of the objects' means.

    Examples
    --------
    >>> from napari_inpaintaff.measurement import measure_objects
    >>> row = summarise(measure_objects(np.diag([1, 1, 2])))
    >>> row["objects"], row["mean_area_px"]
    (2, 1.5)
    """
    row: Row = {"planes": field.planes, "objects": len(field)}
    if "touches_edge" in field.columns:
        row["touching_edge"] = int(field.columns["touches_edge"].sum())
    for name, values in field.columns.items():
        if name.split("_")[0] in _NOT_SUMMARISED:
            continue
        known = values[np.isfinite(values)]
        of_objects = name if name.startswith("mean_") else f"mean_{name}"
        row[of_objects] = float(known.mean()) if known.size else ""
        if name.startswith("area_"):
            row[f"median_{name}"] = float(np.median(known)) if known.size else ""
    return row


def write_summary(path: str | PathLike[str], fields: Mapping[str, Measurements]) -> Path:
    """Write one row per field as CSV, see `summarise`.

    Parameters
    ----------
    path : path-like
        A name ending in ``.csv``.
    fields : mapping of str to Measurements
        By name, which is the first column, ``file``.

    Returns
    -------
    pathlib.Path
        The written file.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    rows: Sequence[Row] = [{"file": file} | summarise(one) for file, one in fields.items()]
    names = list(dict.fromkeys(name for row in rows for name in row)) or ["file"]
    return write_csv(path, names, ([row.get(name, "") for name in names] for row in rows))


def _plain(values: Any) -> list[Any]:
    """Return what CSV shows for numbers: nothing where a value is unknown."""
    return ["" if value != value else value for value in values.tolist()]

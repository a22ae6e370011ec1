"""The jobs of the dock widget "Export": count, measure, write."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from napari_inpaintaff.images import LABEL_FORMATS, ImageData, write_affinities
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.measurement import (
    Count,
    Measurements,
    ObjectFilter,
    Prepared,
    ReadPlane,
    iterate_count,
    iterate_measurement,
    iterate_preparation,
    write_measurements,
)
from napari_inpaintaff.widgets.evidence import Evidence
from napari_inpaintaff.widgets.label_source import LabelSource

#: ImageJ ROIs are no format of labels here: they are written beside them.
ROI_FORMAT = "imagej-rois"


class Part(Enum):
    """What can be written."""

    LABELS = "labels"
    TABLE = "table"
    ROIS = "rois"
    AFFINITIES = "affinities"


@dataclass(frozen=True)
class CellSettings:
    """Which cells, as the fields say.

    Attributes
    ----------
    wanted : ObjectFilter
        Which of them stay.
    link : bool
        Whether they keep their number over time or depth.
    """

    wanted: ObjectFilter
    link: bool = False


@dataclass(frozen=True)
class ExportRequest:
    """One press of the Export button.

    Attributes
    ----------
    source : LabelSource
        The labels.
    cells : CellSettings
        Which of them.
    channels : mapping of str to callable
        Images to measure, by name.
    label_format : str
        A key of `images.LABEL_FORMATS`.
    targets : mapping of Part to Path
        What is written, and where.
    evidence : Evidence or None
        What the labels were made of, if it is written.
    """

    source: LabelSource
    cells: CellSettings
    channels: Mapping[str, ReadPlane]
    label_format: str
    targets: Mapping[Part, Path]
    evidence: Evidence | None = None


@dataclass(frozen=True)
class Written:
    """A file or folder is complete."""

    path: Path


@dataclass(frozen=True)
class ExportResult:
    """What an export did.

    Attributes
    ----------
    count : Count
        Cells that were exported, and left out.
    paths : tuple of Path
        What was written.
    """

    count: Count
    paths: tuple[Path, ...] = field(default=())


def count_steps(source: LabelSource, wanted: ObjectFilter) -> Generator[Progress, None, Count]:
    """Count the cells that a filter leaves."""
    yield Progress(0, 0)
    return (yield from iterate_count(source.pixels(), name=source.name, wanted=wanted))


def measure_steps(
    source: LabelSource, cells: CellSettings, channels: Mapping[str, ReadPlane]
) -> Generator[Progress, None, Measurements]:
    """Measure the cells that a filter leaves."""
    prepared = yield from _prepare(source, cells)
    return (yield from iterate_measurement(prepared.labels, channels))


def export_steps(request: ExportRequest) -> Generator[Any, None, ExportResult]:
    """Write what was asked for, one file after the other, all from the same labels."""
    targets = request.targets
    prepared = yield from _prepare(request.source, request.cells)
    if path := targets.get(Part.LABELS):
        yield from LABEL_FORMATS[request.label_format].write(path, prepared.labels)
        yield Written(path)
    if path := targets.get(Part.TABLE):
        measured = yield from iterate_measurement(prepared.labels, request.channels)
        write_measurements(path, measured)
        yield Written(path)
    if path := targets.get(Part.ROIS):
        yield from LABEL_FORMATS[ROI_FORMAT].write(path, prepared.labels)
        yield Written(path)
    if (path := targets.get(Part.AFFINITIES)) and request.evidence is not None:
        yield Progress(0, 0, "Writing the affinities…")
        _write_affinities(path, request.evidence, prepared.labels)
        yield Written(path)
    return ExportResult(Count(prepared.kept, prepared.left_out), tuple(targets.values()))


def _prepare(source: LabelSource, cells: CellSettings) -> Generator[Progress, None, Prepared]:
    yield Progress(0, 0, "Reading the labels…")
    return (
        yield from iterate_preparation(
            source.pixels(),
            axes=source.axes,
            scale=source.scale,
            units=source.units,
            name=source.name,
            wanted=cells.wanted,
            link=cells.link,
        )
    )


def _write_affinities(path: Path, evidence: Evidence, labels: ImageData) -> None:
    affinities = evidence.affinities
    # The labels are the best that is known of the foreground that made them.
    foreground = np.asarray(labels.data > 0) if labels.data.shape == affinities.shape else None
    write_affinities(
        path,
        affinities,
        foreground=foreground,
        scale=labels.scale[-2:],
        units=labels.units[-2:],
        alpha=evidence.alpha,
    )

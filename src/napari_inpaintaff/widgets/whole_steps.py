"""The jobs of the dock widget "Whole data": a layer plane by plane, a folder file by file."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.images import Plane as ReadablePlane
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.pipeline.folders import FileUpdate, iterate_files
from napari_inpaintaff.pipeline.planewise import (
    PlaneIndex,
    PlaneUpdate,
    SegmentPlane,
    iterate_planes,
)
from napari_inpaintaff.widgets.engine import Engine
from napari_inpaintaff.widgets.planes import Plane
from napari_inpaintaff.widgets.settings import (
    Foreground,
    LabelSettings,
    NetworkSettings,
    SeparationRequest,
)


@dataclass(frozen=True)
class PlaneSettings:
    """How every plane is labelled.

    Attributes
    ----------
    network : NetworkSettings
        What the affinities are computed with.
    foreground : str or mapping of tuple of int to Plane
        The name of a method or network, or the planes of a mask by their position.
    labels : LabelSettings
        How the labels are built.
    """

    network: NetworkSettings
    foreground: str | Mapping[PlaneIndex, Plane]
    labels: LabelSettings

    def foreground_of(self, index: PlaneIndex) -> Foreground:
        """Return the foreground of a plane by its position."""
        return self.foreground if isinstance(self.foreground, str) else self.foreground[index]


def layer_steps(
    engine: Engine,
    planes: Mapping[PlaneIndex, ReadablePlane],
    settings: PlaneSettings,
    keeps: Callable[[PlaneIndex], bool],
) -> Generator[PlaneUpdate | Progress, None, None]:
    """Label the planes of a layer; see `iterate_planes`."""
    yield Progress(0, 0, "Loading the network…")
    yield from iterate_planes(planes, _segmenter(engine, settings), keeps=keeps)


def folder_steps(
    engine: Engine,
    targets: dict[Path, Path],
    settings: PlaneSettings,
    *,
    channel: int | str | None,
    replace: bool,
) -> Generator[FileUpdate | Progress, None, None]:
    """Label the images of a folder; see `iterate_files`."""
    yield Progress(0, 0, "Loading the network…")
    segment = _segmenter(engine, settings)
    yield from iterate_files(targets, segment, channel=channel, replace=replace)


def _segmenter(engine: Engine, settings: PlaneSettings) -> SegmentPlane:
    """Do with a plane what "Separate cells" does, so that the labels are the same."""

    def segment(
        index: PlaneIndex, image: NDArray[Any]
    ) -> Generator[Any, None, NDArray[np.integer[Any]]]:
        foreground = settings.foreground_of(index)
        request = SeparationRequest(
            plane=Plane(image, (), "the plane"),
            region=(slice(0, image.shape[0]), slice(0, image.shape[1])),
            foreground=foreground,
            network=settings.network,
            labels=settings.labels,
        )
        separation = yield from engine.separate(request, None)
        return engine.label(separation, foreground, settings.labels).labels

    return segment

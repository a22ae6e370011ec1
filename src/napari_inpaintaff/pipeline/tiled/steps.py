"""What the steps of the work on a plane in tiles have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images import Region, grown
from napari_inpaintaff.jobs import Job
from napari_inpaintaff.partition import OutlineParameters, PartitionParameters
from napari_inpaintaff.pipeline.planewise import PlaneIndex
from napari_inpaintaff.pipeline.segmentation import default_partition
from napari_inpaintaff.pipeline.tasks import Task
from napari_inpaintaff.pipeline.tiled.store import from_known_or_nan
from napari_inpaintaff.pipeline.tiled.tiles import Tile
from napari_inpaintaff.pipeline.tiled.work import AFFINITIES, FOREGROUND, Work, record_of

#: Labels of a tile are made with so many diameters of a cell around it.
_MARGIN = 3.0


@dataclass(frozen=True)
class PlaneStep(Task):
    """A step of the work on a plane; a plane that cannot be used is recorded as skipped."""

    work: Work
    index: PlaneIndex

    def is_done(self) -> bool:
        """Whether its record is there, or the plane is finished or skipped."""
        store = self.work.store
        return store.has(self.record) or store.has(record_of(self.index))

    def run(self) -> None:
        """Do it."""
        Job(self.updates(), name=self.title).run()

    def updates(self) -> Generator[Any, None, None]:
        """Do it in steps."""
        if self.work.skipped(self.index):
            return
        try:
            values = yield from self.steps()
        except ImageError as error:
            self.work.skip(self.index, error)
            return
        self.work.store.write(self.record, values)

    @property
    @abstractmethod
    def record(self) -> str:
        """Name of its record."""

    @abstractmethod
    def steps(self) -> Generator[Any, None, dict[str, Any]]:
        """Do it in steps, and return what is recorded."""

    @property
    def plane_name(self) -> str:
        """Of the plane, for people."""
        return self.work.plane(self.index).name


@dataclass(frozen=True)
class TileStep(PlaneStep):
    """A step of the work on a tile."""

    tile: Tile

    @property
    def place(self) -> str:
        """Which tile of which plane it is, for people."""
        rows, columns = self.work.grid().counts
        number = self.tile.row * columns + self.tile.column + 1
        return f"tile {number} of {rows * columns} of {self.plane_name}"


def label_parameters(work: Work) -> PartitionParameters | OutlineParameters:
    """Return how affinities or outlines become labels, at the scale of the cells."""
    recipe, model = work.recipe, work.recipe.load()
    if isinstance(recipe.partition, OutlineParameters):
        return recipe.partition
    assert model is not None
    chosen = default_partition(model) if recipe.partition is None else recipe.partition
    return chosen.at_scale(model.metadata.zoom(recipe.diameter).factor)


def label_window(work: Work, tile: Tile) -> Region:
    """Return the part of the plane in which a tile is labelled."""
    margin = round(_MARGIN * work.recipe.usual_diameter())
    return grown(tile.core, margin, work.grid().shape)


def evidence_in(
    work: Work, index: PlaneIndex, window: Region
) -> tuple[Affinities, NDArray[np.bool_]]:
    """Read affinities and foreground of a part of a plane."""
    values = work.store.get(AFFINITIES, index, window)
    mask = work.store.get(FOREGROUND, index, window).astype(bool)
    return from_known_or_nan(values, work.recipe.offsets()), mask

"""The tasks for single tiles: affinities, and labels with a margin."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.foreground.levels import ForegroundLevels
from napari_inpaintaff.images import ModelNormalisation, Region, size_of, within
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.partition import (
    MergeStatistics,
    OutlineParameters,
    partition,
    partition_outline,
)
from napari_inpaintaff.pipeline.tiled.steps import (
    TileStep,
    evidence_in,
    label_parameters,
    label_window,
)
from napari_inpaintaff.pipeline.tiled.store import known_or_nan
from napari_inpaintaff.pipeline.tiled.work import AFFINITIES, FOREGROUND, record_of
from napari_inpaintaff.pipeline.window_foreground import iterate_window_foreground
from napari_inpaintaff.separation.window_affinities import iterate_window_affinities


class AffinitiesTask(TileStep):
    """Find the foreground of a tile, and its affinities."""

    @property
    def title(self) -> str:
        """What is done, for people."""
        return f"affinities of {self.place}"

    @property
    def record(self) -> str:
        """Name of its record."""
        return record_of(self.index, "affinities", self.tile)

    def steps(self) -> Generator[Any, None, dict[str, Any]]:
        """Do it in steps, and return what is recorded."""
        work, recipe, core = self.work, self.work.recipe, self.tile.core
        plane = work.plane(self.index)
        known = work.store.read(record_of(self.index, "levels")) or {}
        model = recipe.load()
        mask = yield from iterate_window_foreground(
            plane,
            core,
            work.foreground(self.index),
            ForegroundLevels.from_json(known["levels"]),
            model=model,
            diameter=recipe.diameter,
            outlines=recipe.outlines,
        )
        mask &= _inside(recipe.region, core)
        work.store.put(FOREGROUND, self.index, core, mask)
        if model is not None:
            affinities = yield from iterate_window_affinities(
                plane,
                core,
                model,
                wanted=mask,
                normalisation=ModelNormalisation.from_json(known["normalisation"]),
                parameters=recipe.separation,
                diameter=recipe.diameter,
            )
            work.store.put(AFFINITIES, self.index, core, known_or_nan(affinities))
        return {"foreground": int(mask.sum())}


class LabelTask(TileStep):
    """Label a tile with a margin around it."""

    @property
    def title(self) -> str:
        """What is done, for people."""
        return f"labels of {self.place}"

    @property
    def record(self) -> str:
        """Name of its record."""
        return record_of(self.index, "labels", self.tile)

    def steps(self) -> Generator[Any, None, dict[str, Any]]:
        """Do it in steps, and return what is recorded."""
        yield Progress(0, 1)
        work = self.work
        window = label_window(work, self.tile)
        parameters = label_parameters(work)
        if isinstance(parameters, OutlineParameters):
            mask = work.store.get(FOREGROUND, self.index, window).astype(bool)
            diameter = work.recipe.usual_diameter()
            labels = partition_outline(mask, parameters, diameter=diameter)
        else:
            affinities, mask = evidence_in(work, self.index, window)
            learned = (work.store.read(record_of(self.index, "merging")) or {})["statistics"]
            labels = partition(
                affinities,
                foreground=mask,
                parameters=parameters,
                statistics=None if learned is None else MergeStatistics.from_json(learned),
            )
        work.store.write_labels_of_tile(self.record, labels)
        return {"labels": int(labels.max(initial=0))}


def _inside(region: Region | None, core: Region) -> NDArray[np.bool_]:
    """Return which pixels of a core lie in a region; None is everywhere."""
    inside = np.ones(size_of(core), bool)
    if region is not None:
        rows, columns = (
            slice(max(0, part.start), max(0, part.stop)) for part in within(region, core)
        )
        inside[:] = False
        inside[rows, columns] = True
    return inside

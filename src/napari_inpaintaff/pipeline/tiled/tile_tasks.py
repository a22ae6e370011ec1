"""The tasks for a plane that is cut into tiles.

What is known of the plane as a whole comes first; then every tile gets its affinities, and
labels with a margin; and in the end the labels of the tiles are stitched.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.foreground.levels import ForegroundLevels
from napari_inpaintaff.images import (
    ModelNormalisation,
    Region,
    grown,
    sample_windows,
    size_of,
    within,
)
from napari_inpaintaff.jobs import Job, Progress
from napari_inpaintaff.partition import (
    MergeStatistics,
    OutlineParameters,
    PartitionParameters,
    merge_statistics,
    partition,
    partition_outline,
)
from napari_inpaintaff.pipeline.planewise import PlaneIndex, check_contrast
from napari_inpaintaff.pipeline.segmentation import default_partition
from napari_inpaintaff.pipeline.tasks import Task
from napari_inpaintaff.pipeline.tiled.stitching import LabelledTile, stitch
from napari_inpaintaff.pipeline.tiled.store import from_known_or_nan, known_or_nan
from napari_inpaintaff.pipeline.tiled.tiles import Tile
from napari_inpaintaff.pipeline.tiled.work import (
    AFFINITIES,
    FOREGROUND,
    LABELS,
    Work,
    record_of,
)
from napari_inpaintaff.pipeline.window_foreground import (
    foreground_levels,
    iterate_window_foreground,
)
from napari_inpaintaff.separation.window_affinities import iterate_window_affinities

#: Labels of a tile are made with so many diameters of a cell around it.
_MARGIN = 3.0
#: How cells look in a plane is learned from windows of this side and number.
_LEARNED_SIDE, _LEARNED_COUNT = 1024, 4


@dataclass(frozen=True)
class _PlaneStep(Task):
    """A step of the work on a plane; a plane that cannot be used is recorded as skipped."""

    work: Work
    index: PlaneIndex

    def is_done(self) -> bool:
        """Whether its record is there, or the plane is finished or skipped."""
        store = self.work.store
        return store.has(self._record) or store.has(record_of(self.index))

    def run(self) -> None:
        """Do it."""
        Job(self.updates(), name=self.title).run()

    def updates(self) -> Generator[Any, None, None]:
        """Do it in steps."""
        if self.work.skipped(self.index):
            return
        try:
            values = yield from self._steps()
        except ImageError as error:
            self.work.skip(self.index, error)
            return
        self.work.store.write(self._record, values)

    @property
    def _record(self) -> str:
        raise NotImplementedError

    def _steps(self) -> Generator[Any, None, dict[str, Any]]:
        """Do it in steps, and return what is recorded."""
        raise NotImplementedError

    @property
    def _name(self) -> str:
        return self.work.plane(self.index).name


@dataclass(frozen=True)
class _TileStep(_PlaneStep):
    """A step of the work on a tile."""

    tile: Tile

    @property
    def _place(self) -> str:
        rows, columns = self.work.grid().counts
        number = self.tile.row * columns + self.tile.column + 1
        return f"tile {number} of {rows * columns} of {self._name}"


class LevelsTask(_PlaneStep):
    """Learn what tiles have to know of the plane: intensities of cells and background."""

    @property
    def title(self) -> str:
        """What is done, for people."""
        return f"looking at {self._name}"

    @property
    def _record(self) -> str:
        return record_of(self.index, "levels")

    def _steps(self) -> Generator[Any, None, dict[str, Any]]:
        work, recipe = self.work, self.work.recipe
        plane = work.plane(self.index)
        windows = sample_windows(plane)
        check_contrast(np.concatenate([window.ravel() for window in windows]), plane.name)
        model = recipe.load()
        foreground = work.foreground(self.index)
        yield Progress(0, 1)
        levels = foreground_levels(
            windows,
            foreground,
            model=model,
            diameter=recipe.diameter,
            outlines=recipe.outlines,
        )
        normalisation = None if model is None else model.normalisation_of(windows).to_json()
        return {"levels": levels.to_json(), "normalisation": normalisation}


class AffinitiesTask(_TileStep):
    """Find the foreground of a tile, and its affinities."""

    @property
    def title(self) -> str:
        """What is done, for people."""
        return f"affinities of {self._place}"

    @property
    def _record(self) -> str:
        return record_of(self.index, "affinities", self.tile)

    def _steps(self) -> Generator[Any, None, dict[str, Any]]:
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


class MergeTask(_PlaneStep):
    """Learn how the cells of a plane look: what `region_merging` has to know of it."""

    @property
    def title(self) -> str:
        """What is done, for people."""
        return f"looking at the cells of {self._name}"

    @property
    def _record(self) -> str:
        return record_of(self.index, "merging")

    def _steps(self) -> Generator[Any, None, dict[str, Any]]:
        yield Progress(0, 1)
        parameters = label_parameters(self.work)
        if not isinstance(parameters, PartitionParameters) or parameters.method != "region_merging":
            return {"statistics": None}
        parts = [_evidence(self.work, self.index, window) for window in self._windows()]
        found = merge_statistics(parts, diameter=parameters.diameter)
        return {"statistics": asdict(found)}

    def _windows(self) -> list[Region]:
        """Return the windows with the most foreground, of those that lie in a tile."""
        sums = []
        for tile in self.work.grid().tiles():
            foreground = self.work.store.get(FOREGROUND, self.index, tile.core)
            for row in range(0, foreground.shape[0], _LEARNED_SIDE):
                for column in range(0, foreground.shape[1], _LEARNED_SIDE):
                    part = foreground[row : row + _LEARNED_SIDE, column : column + _LEARNED_SIDE]
                    top, left = tile.core[0].start + row, tile.core[1].start + column
                    window = slice(top, top + part.shape[0]), slice(left, left + part.shape[1])
                    sums.append((-int(part.sum()), top, left, window))
        sums.sort(key=lambda one: one[:3])
        # In the middle of the crowded half: the most crowded ones need not be usual.
        with_cells = [window for pixels, _, _, window in sums if pixels]
        crowded = with_cells[: max(_LEARNED_COUNT, -(-len(with_cells) // 2))]
        step = max(1, len(crowded) // _LEARNED_COUNT)
        return crowded[::step][:_LEARNED_COUNT]


class LabelTask(_TileStep):
    """Label a tile with a margin around it."""

    @property
    def title(self) -> str:
        """What is done, for people."""
        return f"labels of {self._place}"

    @property
    def _record(self) -> str:
        return record_of(self.index, "labels", self.tile)

    def _steps(self) -> Generator[Any, None, dict[str, Any]]:
        yield Progress(0, 1)
        work = self.work
        window = label_window(work, self.tile)
        parameters = label_parameters(work)
        if isinstance(parameters, OutlineParameters):
            mask = work.store.get(FOREGROUND, self.index, window).astype(bool)
            diameter = work.recipe.usual_diameter()
            labels = partition_outline(mask, parameters, diameter=diameter)
        else:
            affinities, mask = _evidence(work, self.index, window)
            learned = (work.store.read(record_of(self.index, "merging")) or {})["statistics"]
            labels = partition(
                affinities,
                foreground=mask,
                parameters=parameters,
                statistics=None if learned is None else MergeStatistics(**learned),
            )
        work.store.write_labels_of_tile(self._record, labels)
        return {"labels": int(labels.max(initial=0))}


class StitchTask(_PlaneStep):
    """Make the labels of all tiles labels of the plane."""

    @property
    def title(self) -> str:
        """What is done, for people."""
        return f"joining the tiles of {self._name}"

    @property
    def _record(self) -> str:
        return record_of(self.index)

    def _steps(self) -> Generator[Any, None, dict[str, Any]]:
        tiles = list(self.work.grid().tiles())
        yield Progress(0, len(tiles) + 1)
        parameters = label_parameters(self.work)
        least = parameters.minimum_size if isinstance(parameters, PartitionParameters) else 1
        read = self._reader()
        numbers = stitch(tiles, read, minimum_size=least)
        largest = 0
        for done, tile in enumerate(tiles, 1):
            yield Progress(done, len(tiles) + 1)
            labels = numbers[tile][read(tile).part(tile.core)]
            self.work.store.put(LABELS, self.index, tile.core, labels)
            largest = max(largest, int(labels.max(initial=0)))
        levels = self.work.store.read(record_of(self.index, "levels")) or {}
        fit = ForegroundLevels.from_json(levels["levels"]).outlines
        moved = fit.distance if fit is not None and fit.better else 0.0
        return {"cells": largest, "largest": largest, "moved": moved}

    def _reader(self) -> Callable[[Tile], LabelledTile]:
        # A row of tiles and the one above it are asked for again and again.
        @lru_cache(maxsize=2 * self.work.grid().counts[1] + 1)
        def read(tile: Tile) -> LabelledTile:
            name = record_of(self.index, "labels", tile)
            labels = self.work.store.read_labels_of_tile(name)
            return LabelledTile(tile, label_window(self.work, tile), labels)

        return read


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


def _evidence(
    work: Work, index: PlaneIndex, window: Region
) -> tuple[Affinities, NDArray[np.bool_]]:
    """Read affinities and foreground of a part of a plane."""
    model = work.recipe.load()
    assert model is not None
    offsets = work.recipe.offsets()
    values = work.store.get(AFFINITIES, index, window)
    mask = work.store.get(FOREGROUND, index, window).astype(bool)
    return from_known_or_nan(values, offsets), mask


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

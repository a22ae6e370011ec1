"""The last task for a plane in tiles: its labels."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import lru_cache
from typing import Any

from napari_inpaintaff.foreground.levels import ForegroundLevels
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.partition import PartitionParameters
from napari_inpaintaff.pipeline.tiled.steps import PlaneStep, label_parameters, label_window
from napari_inpaintaff.pipeline.tiled.stitching import LabelledTile, stitch
from napari_inpaintaff.pipeline.tiled.tiles import Tile
from napari_inpaintaff.pipeline.tiled.work import LABELS, record_of


class StitchTask(PlaneStep):
    """Make the labels of all tiles labels of the plane."""

    @property
    def title(self) -> str:
        """What is done, for people."""
        return f"joining the tiles of {self.plane_name}"

    @property
    def record(self) -> str:
        """Name of its record."""
        return record_of(self.index)

    def steps(self) -> Generator[Any, None, dict[str, Any]]:
        """Do it in steps, and return what is recorded."""
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

"""The tasks that learn what tiles have to know of their plane as a whole."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np

from napari_inpaintaff.images import Region, sample_windows
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.partition import PartitionParameters, merge_statistics
from napari_inpaintaff.pipeline.planewise import check_contrast
from napari_inpaintaff.pipeline.tiled.steps import PlaneStep, evidence_in, label_parameters
from napari_inpaintaff.pipeline.tiled.work import FOREGROUND, record_of
from napari_inpaintaff.pipeline.window_foreground import foreground_levels

#: How cells look in a plane is learned from windows of this side and number.
_LEARNED_SIDE, _LEARNED_COUNT = 1024, 4


class LevelsTask(PlaneStep):
    """Learn what tiles have to know of the plane: intensities of cells and background."""

    @property
    def title(self) -> str:
        """What is done, for people."""
        return f"looking at {self.plane_name}"

    @property
    def record(self) -> str:
        """Name of its record."""
        return record_of(self.index, "levels")

    def steps(self) -> Generator[Any, None, dict[str, Any]]:
        """Do it in steps, and return what is recorded."""
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


class MergeTask(PlaneStep):
    """Learn how the cells of a plane look: what `region_merging` has to know of it."""

    @property
    def title(self) -> str:
        """What is done, for people."""
        return f"looking at the cells of {self.plane_name}"

    @property
    def record(self) -> str:
        """Name of its record."""
        return record_of(self.index, "merging")

    def steps(self) -> Generator[Any, None, dict[str, Any]]:
        """Do it in steps, and return what is recorded."""
        yield Progress(0, 1)
        parameters = label_parameters(self.work)
        if not isinstance(parameters, PartitionParameters) or parameters.method != "region_merging":
            return {"statistics": None}
        parts = [evidence_in(self.work, self.index, window) for window in self._windows()]
        found = merge_statistics(parts, diameter=parameters.diameter)
        return {"statistics": found.to_json()}

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

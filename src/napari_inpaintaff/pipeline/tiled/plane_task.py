"""The task for a plane that is a single tile: label it as a whole."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.jobs import Job
from napari_inpaintaff.pipeline.planewise import PlaneIndex, check_contrast
from napari_inpaintaff.pipeline.segmentation import iterate_segmentation
from napari_inpaintaff.pipeline.tasks import Task
from napari_inpaintaff.pipeline.tiled.store import known_or_nan
from napari_inpaintaff.pipeline.tiled.work import AFFINITIES, LABELS, Work, record_of


@dataclass(frozen=True)
class PlaneTask(Task):
    """Label a plane as `iterate_segmentation` does.

    Attributes
    ----------
    work : Work
        The run.
    index : tuple of int
        Position of the plane along the leading axes.
    """

    work: Work
    index: PlaneIndex

    @property
    def title(self) -> str:
        """What is done, for people."""
        return f"separating the cells of {self.work.plane(self.index).name}"

    def is_done(self) -> bool:
        """Whether labels are there, or are known not to come."""
        return self.work.store.has(record_of(self.index))

    def run(self) -> None:
        """Label the plane."""
        Job(self.updates(), name=self.title).run()

    def updates(self) -> Generator[Any, None, None]:
        """Label the plane in steps; one that cannot be used is recorded as skipped."""
        work, recipe = self.work, self.work.recipe
        plane = work.plane(self.index)
        try:
            image = plane.read()
            check_contrast(image, plane.name)
            foreground = work.foreground(self.index)
            result = yield from iterate_segmentation(
                image,
                model=recipe.load() or recipe.model,
                foreground=foreground if not hasattr(foreground, "read") else foreground.read(),
                diameter=recipe.diameter,
                region=recipe.region,
                separation=recipe.separation,
                partition=recipe.partition,
                outlines=recipe.outlines,
                drafts=False,
                device=recipe.device,
            )
        except ImageError as error:
            work.skip(self.index, error)
            return
        everywhere = slice(0, image.shape[0]), slice(0, image.shape[1])
        work.store.put(LABELS, self.index, everywhere, result.labels)
        if work.keeps_affinities:
            values = known_or_nan(result.affinities)
            work.store.put(AFFINITIES, self.index, everywhere, values)
        cells = int(np.count_nonzero(np.unique(result.labels)))
        record = {"cells": cells, "largest": int(result.labels.max()), "moved": result.moved}
        work.store.write(record_of(self.index), record)

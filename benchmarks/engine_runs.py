"""Runs of the engine that are counted and timed."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.inpainting import Inpainter
from napari_inpaintaff.separation import SeparationParameters, iterate_affinities


@dataclass
class Evaluations:
    """Counts what a network is asked: batches, and samples in units of whole patches."""

    inpainter: Inpainter
    patch: int
    count: float = 0.0
    batches: int = 0

    def __post_init__(self) -> None:
        errors = self.inpainter.errors

        def counted(values: Tensor, known: Tensor) -> Tensor:
            self.batches += 1
            self.count += values.numel() / self.patch**2
            return errors(values, known)

        self.inpainter.errors = counted  # type: ignore[method-assign]


def take_apart(
    image: NDArray[np.generic],
    inpainter: Inpainter,
    parameters: SeparationParameters,
    wanted: NDArray[np.bool_],
    *,
    diameter: float | None = None,
) -> tuple[Affinities, int, float]:
    """Return the affinities of an image, the number of its patches, and the seconds."""
    start, patches = time.perf_counter(), 0
    updates = iterate_affinities(image, inpainter, parameters, wanted=wanted, diameter=diameter)
    while True:
        try:
            patches = next(updates).total
        except StopIteration as end:
            return end.value, patches, time.perf_counter() - start

"""The jobs of the dock widgets: separate and label, label only, or load what is needed."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.widgets.affinity_colours import affinity_colours
from napari_inpaintaff.widgets.engine import Engine, Labelling, Separation
from napari_inpaintaff.widgets.settings import Foreground, LabelSettings, SeparationRequest


@dataclass(frozen=True)
class RunResult:
    """What a run found, ready to be shown.

    Attributes
    ----------
    separation : Separation
        Kept for later labels.
    labelling : Labelling
        The first labels.
    colours : ndarray of uint8, shape (Y, X, 4)
        The affinities of the region as colours.
    """

    separation: Separation
    labelling: Labelling
    colours: NDArray[np.uint8]


class WarmingUp(Protocol):
    """An engine that can load beforehand what its first run will need."""

    def warm_up(self) -> None:
        """Load it, in a worker thread."""


def warm_up_steps(engine: WarmingUp) -> Generator[Progress, None, None]:
    """Load what the first run will need."""
    yield Progress(0, 0, "Loading the network…")
    engine.warm_up()


def run_steps(
    engine: Engine, request: SeparationRequest, previous: Separation | None
) -> Generator[Any, None, RunResult]:
    """Compute affinities, and the labels and colours that belong to them."""
    separation = yield from engine.separate(request, previous)
    labelling = yield from label_steps(engine, separation, request.foreground, request.labels)
    colours = affinity_colours(separation.affinities)[separation.region]
    return RunResult(separation, labelling, np.ascontiguousarray(colours))


def label_steps(
    engine: Engine, separation: Separation, foreground: Foreground, settings: LabelSettings
) -> Generator[Progress, None, Labelling]:
    """Label kept affinities, as a job of one step."""
    yield Progress(0, 0, "Building the labels…")
    return engine.label(separation, foreground, settings)

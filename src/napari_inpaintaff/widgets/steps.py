"""The jobs of the dock widgets: separate and label, label only, or load what is needed."""

from __future__ import annotations

import importlib
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import InpaintAffError
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.widgets.affinity_colours import affinity_colours
from napari_inpaintaff.widgets.engine import Engine, Labelling, Separation, SeparationDraft
from napari_inpaintaff.widgets.settings import Foreground, LabelSettings, SeparationRequest

LabelWish = tuple[Foreground, LabelSettings]

#: Drafts of more pixels are not kept to be labelled again: each takes 100 bytes a pixel.
LARGE = 4_000_000


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


@dataclass(frozen=True)
class DraftLabels:
    """Labels to look at while a run goes on; no result.

    Attributes
    ----------
    labelling : Labelling
        What the patches until now give.
    done, total : int
        Patches.
    """

    labelling: Labelling
    done: int
    total: int


class LabelWishes:
    """How the labels of a run shall be built, by what the user said last.

    The interface's thread sets `newest` while the worker reads it.

    Parameters
    ----------
    foreground : str or Plane
        As it was when the run began.
    settings : LabelSettings
        As they were when the run began.
    """

    def __init__(self, foreground: Foreground, settings: LabelSettings) -> None:
        self.first: LabelWish = (foreground, settings)
        self.newest: LabelWish = self.first


class WarmingUp(Protocol):
    """An engine that can load beforehand what its first run will need."""

    def warm_up(self) -> None:
        """Load it, in a worker thread."""


def warm_up_steps(engine: WarmingUp) -> Generator[Progress, None, None]:
    """Load what the first run will need."""
    yield Progress(0, 0, "Loading the network…")
    # napari imports it with the first layer of labels, and the interface stood still for it.
    importlib.import_module("pandas")
    engine.warm_up()


def run_steps(
    engine: Engine,
    request: SeparationRequest,
    previous: Separation | None,
    wishes: LabelWishes,
) -> Generator[Any, None, RunResult]:
    """Compute affinities, and the labels and colours that belong to them.

    Drafts are labelled as they come, and again when the user wishes other labels.
    """
    updates = engine.separate(request, previous)
    draft: Separation | None = None
    labelled = wishes.first
    counts = (0, 0)
    with closing(updates):
        while True:
            try:
                update = next(updates)
            except StopIteration as end:
                separation: Separation = end.value
                break
            if is_new := isinstance(update, SeparationDraft):
                # The old one first makes room: affinities are large.
                draft = None
                draft, counts = update.separation(), (update.done, update.total)
            else:
                yield update
            wish = wishes.newest
            if draft is not None and (is_new or wish is not labelled):
                labelled = wish
                labelling = _label_as_wished(engine, draft, _quick(wish), _quick(wishes.first))
                yield DraftLabels(labelling, *counts)
                if draft.known.size > LARGE:
                    draft = None
    yield Progress(0, 0, "Building the labels…")
    labelling = _label_as_wished(engine, separation, wishes.newest, wishes.first)
    colours = affinity_colours(separation.affinities)[separation.region]
    return RunResult(separation, labelling, np.ascontiguousarray(colours))


def label_steps(
    engine: Engine, separation: Separation, foreground: Foreground, settings: LabelSettings
) -> Generator[Progress, None, Labelling]:
    """Label kept affinities, as a job of one step."""
    yield Progress(0, 0, "Building the labels…")
    return engine.label(separation, foreground, settings)


def _quick(wish: LabelWish) -> LabelWish:
    """Leave the outlines as they are: a draft must not wait for the whole plane to be read."""
    foreground, settings = wish
    return foreground, replace(settings, outlines="keep")


def _label_as_wished(
    engine: Engine, separation: Separation, wish: LabelWish, first: LabelWish
) -> Labelling:
    try:
        return engine.label(separation, *wish)
    except InpaintAffError:
        # A run must not fail because of what was changed meanwhile, such as another mask.
        # The user is told when the run is over and these labels are asked for again.
        if wish == first:
            raise
        return engine.label(separation, *first)

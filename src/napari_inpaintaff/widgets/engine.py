"""What the dock widget "Separate cells" needs of the core, as plain values and a protocol."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.images import Region
from napari_inpaintaff.widgets.model_cards import ModelCard
from napari_inpaintaff.widgets.settings import (
    Foreground,
    LabelSettings,
    NetworkSettings,
    SeparationRequest,
)


@dataclass(frozen=True)
class Separation:
    """The expensive half of a result, kept so that labels can change at once.

    Attributes
    ----------
    image : ndarray, shape (Y, X)
        The plane, as it was when the run began.
    network : NetworkSettings
        What the affinities were computed with.
    region : Region
        The part of the plane that was asked for.
    affinities : Affinities
        On the pixels of the plane.
    known : ndarray of bool, shape (Y, X)
        Pixels whose affinities were computed.
    model : str
        Tells the model's file from others, and from what it was before a training
        replaced it.
    denoised : ndarray, shape (Y, X), or None
        What foreground methods look at where the model takes the noise away first.
    """

    image: NDArray[Any]
    network: NetworkSettings
    region: Region
    affinities: Affinities
    known: NDArray[np.bool_]
    model: str = ""
    denoised: NDArray[Any] | None = None


@dataclass(frozen=True)
class SeparationDraft:
    """What a part of the patches gives: all wanted pixels are known, but less surely.

    Attributes
    ----------
    separation : callable
        Returns it. To be called before the next update is asked for.
    done, total : int
        Patches.
    """

    separation: Callable[[], Separation]
    done: int
    total: int


@dataclass(frozen=True)
class Labelling:
    """Labels of a plane.

    Attributes
    ----------
    labels : ndarray of uint32, shape (Y, X)
        0 is background and everything outside the region.
    missing : int
        Foreground pixels of the region without affinities, which were left out.
    moved : float
        By how many pixels the outlines of the foreground were moved to the edges of the image,
        on average; 0 if they stayed.
    """

    labels: NDArray[np.uint32]
    missing: int
    moved: float = 0.0

    @property
    def cells(self) -> str:
        """How many cells there are, for people."""
        count = int(self.labels.max(initial=0))
        return f"{count} cell{'' if count == 1 else 's'}"


class Engine(Protocol):
    """What the dock widget needs of the core; tests put a fast stand-in here."""

    def models(self) -> Sequence[ModelCard]:
        """List the models to choose from; must be quick."""

    def warm_up(self) -> None:
        """Load what the first run will need, in a worker thread."""

    def read_card(self, path: Path) -> ModelCard:
        """Read the card of a model file; must be quick."""

    def separate(
        self, request: SeparationRequest, previous: Separation | None
    ) -> Generator[Any, None, Separation]:
        """Yield `Progress`, `SplitUpdate`, `SeparationDraft`; return a plane's affinities."""

    def label(
        self, separation: Separation, foreground: Foreground, settings: LabelSettings
    ) -> Labelling:
        """Turn kept affinities into labels, without inference."""

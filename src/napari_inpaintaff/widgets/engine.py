"""All calls from the widgets into the core.

Everything here may run in a worker thread, and only the functions import the
heavy modules: torch takes seconds to load, during which the interface stays alive.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.images import Region
from napari_inpaintaff.widgets.settings import (
    Foreground,
    LabelSettings,
    NetworkSettings,
    SeparationRequest,
)


@dataclass(frozen=True)
class InpainterCard:
    """What the user sees of an inpainter.

    Attributes
    ----------
    name : str
        Name or path by which it is loaded.
    diameter : float
        Cell diameter in pixels that it was trained for.
    description : str
        Its model card in a few lines.
    """

    name: str
    diameter: float
    description: str = ""


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
    """

    image: NDArray[Any]
    network: NetworkSettings
    region: Region
    affinities: Affinities
    known: NDArray[np.bool_]


@dataclass(frozen=True)
class Labelling:
    """Labels of a plane.

    Attributes
    ----------
    labels : ndarray of uint32, shape (Y, X)
        0 is background and everything outside the region.
    missing : int
        Foreground pixels of the region without affinities, which were left out.
    """

    labels: NDArray[np.uint32]
    missing: int


class Engine(Protocol):
    """What the dock widget needs of the core; tests put a fast stand-in here."""

    def inpainters(self) -> Sequence[InpainterCard]:
        """List the inpainters to choose from; must be quick."""

    def read_card(self, path: Path) -> InpainterCard:
        """Read the card of a model file; must be quick."""

    def separate(
        self, request: SeparationRequest, previous: Separation | None
    ) -> Generator[Any, None, Separation]:
        """Yield `Progress` and `SplitUpdate`; return the affinities of a plane."""

    def label(
        self, separation: Separation, foreground: Foreground, settings: LabelSettings
    ) -> Labelling:
        """Turn kept affinities into labels, without inference."""


class CoreEngine:
    """The real engine."""

    def inpainters(self) -> Sequence[InpainterCard]:
        """List the shipped and the user's inpainters, the default first."""
        return []

    def read_card(self, path: Path) -> InpainterCard:
        """Read the card of a model file."""
        raise NotImplementedError

    def separate(
        self, request: SeparationRequest, previous: Separation | None
    ) -> Generator[Any, None, Separation]:
        """Compute the affinities of the region; use what is known already."""
        raise NotImplementedError

    def label(
        self, separation: Separation, foreground: Foreground, settings: LabelSettings
    ) -> Labelling:
        """Label kept affinities."""
        raise NotImplementedError

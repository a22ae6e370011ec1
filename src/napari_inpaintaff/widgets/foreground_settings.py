"""What the user asked a foreground to be learned from, as values that a worker thread may read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from napari_inpaintaff.images import NormalisationKind, Region
from napari_inpaintaff.widgets.planes import Plane


class LabelMeaning(Enum):
    """What is not painted; the value is what the user reads."""

    AUTOMATIC = "Automatic"
    STROKES = "is unknown: I painted strokes"
    EVERY_CELL = "is background: I painted every cell"


@dataclass(frozen=True)
class PaintedLabels:
    """The paint that a network learns from. Planes without paint say nothing.

    Attributes
    ----------
    data : array-like of int, shape (..., Y, X)
        Of the layer, with the axes of the image; read when the training begins. With fewer
        axes, or leading ones of length 1, it belongs to one plane of the image.
    index : tuple of int
        The plane of the image that labels of one plane belong to.
    name : str
        Of the layer, for messages.
    ours : bool
        Whether the layer was made to be painted in: 1 is background there.
    meaning : LabelMeaning
        What is not painted.
    box : Region or None
        Labels outside do not count; None for the whole image.
    """

    data: Any
    index: tuple[int, ...]
    name: str
    ours: bool
    meaning: LabelMeaning = LabelMeaning.AUTOMATIC
    box: Region | None = None


@dataclass(frozen=True)
class ForegroundSettings:
    """The fields.

    Attributes
    ----------
    name : str
        Of the foreground network to be.
    diameter : float
        Typical cell diameter in pixels.
    normalisation : {"fluorescence", "linear"}
        Kind of the image.
    steps : int
        How long to train.
    start_from : str or None
        Name or path of the model to begin with; None begins with random weights.
    seed : int
        Start of all random choices.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    """

    name: str
    diameter: float
    normalisation: NormalisationKind
    steps: int
    start_from: str | None
    seed: int
    device: str


@dataclass(frozen=True)
class ForegroundRequest:
    """One press of the Train button.

    Attributes
    ----------
    settings : ForegroundSettings
        The fields.
    plane : Plane
        Of the image, which the viewer shows: its foreground is looked for at the end.
    labels : PaintedLabels
        What to learn from, on this and other planes of the image.
    previous : object or None
        The network to train further, as the engine gave it; None for a new one.
    """

    settings: ForegroundSettings
    plane: Plane
    labels: PaintedLabels
    previous: Any = None


@dataclass(frozen=True)
class FindingRequest:
    """One press of the Find button.

    Attributes
    ----------
    source : str
        A key of `foreground.FOREGROUND_METHODS`, or a foreground network, by its name or file.
    title : str
        What the user reads for it.
    plane : Plane
        Of the image, which the viewer shows; perhaps in colour.
    diameter : float
        Typical cell diameter in pixels.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    """

    source: str
    title: str
    plane: Plane
    diameter: float
    device: str

"""What the user asked to be trained, as plain values that a worker thread may read."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_inpaintaff.images import NormalisationKind
from napari_inpaintaff.inpainting.parameters import LossName


@dataclass(frozen=True)
class TrainingSettings:
    """The fields of the dock widget.

    Attributes
    ----------
    name : str
        Of the model to be.
    minutes : float
        How long to train.
    diameter : float
        Typical cell diameter in pixels.
    normalisation : {"fluorescence", "linear"}
        Kind of the images.
    start_from : str or None
        Name or path of the inpainter that is trained on; None trains a new one.
    denoise : bool
        Whether a denoiser is trained first.
    network : str
        A key of `inpainting.ARCHITECTURES`; of no account with ``start_from``.
    loss : {"laplace", "l1", "liu2018"}
        What is minimised.
    vgg : str or None
        File with the weights of a VGG16, for ``liu2018``.
    seed : int
        Start of all random choices.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    channel : int, str or None
        Of files with several channels, from 0.
    """

    name: str
    minutes: float
    diameter: float
    normalisation: NormalisationKind
    start_from: str | None
    denoise: bool
    network: str
    loss: LossName
    vgg: str | None
    seed: int
    device: str
    channel: int | str | None


@dataclass(frozen=True)
class LayerImages:
    """The images of a layer, as they are when the training starts.

    Attributes
    ----------
    name : str
        Of the layer.
    data : array-like
        NumPy, dask or zarr array of shape (..., Y, X).
    """

    name: str
    data: Any


@dataclass(frozen=True)
class TrainingRequest:
    """One press of the Start button.

    Attributes
    ----------
    settings : TrainingSettings
        The fields.
    layers : tuple of LayerImages
        In the order of their names, so that a training can be resumed whatever the order
        of the layers is then.
    files : tuple of Path
        Files and folders.
    resume : bool
        Whether to go on where an interrupted training of this name ended.
    """

    settings: TrainingSettings
    layers: tuple[LayerImages, ...]
    files: tuple[Path, ...]
    resume: bool


@dataclass(frozen=True)
class TrainingControl:
    """How the interface's thread speaks to a training that runs in another.

    Attributes
    ----------
    stop : Event
        Set to end the training and keep what it has learnt.
    discard : Event
        Set before the job is cancelled, to leave no trace of the training.
    """

    stop: threading.Event = field(default_factory=threading.Event)
    discard: threading.Event = field(default_factory=threading.Event)

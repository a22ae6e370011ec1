"""What a training reports while it runs; importing this does not import torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.inpainting.quality import NearHoleError


@dataclass(frozen=True)
class TrainingPoint:
    """One measurement on held-out images.

    Attributes
    ----------
    step : int
        Steps taken.
    seconds : float
        Spent so far, those before a resume included.
    loss : float
        Average over about the last hundred steps.
    quality : NearHoleError
        Of the averaged weights, on held-out crops.
    """

    step: int
    seconds: float
    loss: float
    quality: NearHoleError


@dataclass(frozen=True)
class InpaintingExamples:
    """Held-out crops, what was hidden of them, and what the network makes of it.

    Attributes
    ----------
    image : ndarray of float32, shape (N, Y, X)
        Normalised.
    known : ndarray of bool, shape (N, Y, X)
        What the network saw.
    asked : ndarray of bool, shape (N, Y, X)
        Hidden pixels within 8 px of known ones: where the error is measured.
    prediction : ndarray of float32, shape (N, Y, X)
        Predicted mean of every pixel.
    """

    image: NDArray[np.float32]
    known: NDArray[np.bool_]
    asked: NDArray[np.bool_]
    prediction: NDArray[np.float32]


@dataclass(frozen=True)
class TrainingUpdate:
    """Where a training stands.

    Attributes
    ----------
    phase : str
        ``denoiser`` or ``inpainter``: which network is being trained.
    step : int
        Steps taken in this phase.
    loss : float
        Average over about the last hundred steps.
    progress : float
        Fraction of the whole budget that is spent, 0 to 1.
    seconds : float
        Spent so far, those before a resume included.
    seconds_left : float
        Estimate.
    crops_per_second : float
        Throughput.
    history : tuple of TrainingPoint
        All measurements of the inpainter so far, the newest last.
    examples : InpaintingExamples or None
        Of the newest measurement; None before the first.
    """

    phase: str
    step: int
    loss: float
    progress: float
    seconds: float
    seconds_left: float
    crops_per_second: float
    history: tuple[TrainingPoint, ...] = ()
    examples: InpaintingExamples | None = None

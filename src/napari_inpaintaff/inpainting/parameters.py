"""What to train, and how; importing this does not import torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.networks.architecture import UNetArchitecture
from napari_inpaintaff.networks.schedule import Schedule

LossName = Literal["laplace", "l1", "liu2018"]

#: Part of the budget that goes to the denoiser, where there is one to train.
DENOISER_SHARE = 0.25


def budget(
    *, minutes: float | None = None, steps: int | None = None, fine_tuning: bool = False
) -> Schedule:
    """Return a schedule of some length with the usual learning rate.

    Parameters
    ----------
    minutes, steps : float and int, optional
        Length; at least one of them. With both, whichever ends first.
    fine_tuning : bool, optional
        Whether it trains a trained network further: then the rate is half as high.
    """
    rate = Schedule.learning_rate / 2 if fine_tuning else Schedule.learning_rate
    return Schedule(steps=steps, minutes=minutes, learning_rate=rate)


def outputs_of(loss: LossName) -> int:
    """Return how many output channels a network needs for a loss."""
    return 2 if loss == "laplace" else 1


@dataclass(frozen=True)
class InpainterTraining:
    """What to train, and how.

    Attributes
    ----------
    architecture : UNetArchitecture
        Its output channels must fit the loss: two for ``laplace``, else one.
    schedule : Schedule
        Length and learning rate.
    batch : int
        Crops per step; halved when a step does not fit into memory.
    size : int
        Side of the crops in pixels.
    seed : int
        Initial weights, crops and masks are drawn from it.
    validation : float
        Fraction of the images, at most 32 of them, that is held out to measure the
        near-hole error; with fewer than four images it is measured on the training images.
    loss : {"laplace", "l1", "liu2018"}
        Negative log-likelihood of a Laplace distribution, plain absolute error, or the loss
        of Liu et al. 2018.
    vgg : Path or None
        Weights of a VGG16 for the perceptual and style terms of ``liu2018``.
    denoise : bool
        Whether a blind-spot denoiser is trained first, with a quarter of the budget, and
        becomes a part of the model.
    """

    architecture: UNetArchitecture
    schedule: Schedule
    batch: int = 32
    size: int = 64
    seed: int = 0
    validation: float = 0.1
    loss: LossName = "laplace"
    vgg: Path | None = None
    denoise: bool = False

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ParameterError(f"the batch must hold a crop, got {self.batch}")
        if self.size < 1 or self.size % self.architecture.stride:
            raise ParameterError(
                f"the crop size must be a positive multiple of {self.architecture.stride}, "
                f"got {self.size}"
            )
        if not 0 <= self.validation < 1:
            raise ParameterError(
                f"the fraction held out for validation must be in [0, 1), got {self.validation}"
            )
        if self.loss not in get_args(LossName):
            raise ParameterError(f"unknown loss {self.loss!r}; use one of {get_args(LossName)}")
        if self.architecture.outputs != outputs_of(self.loss):
            raise ParameterError(
                f"the loss {self.loss} needs a network of {outputs_of(self.loss)} output "
                f"channels, got {self.architecture.outputs}"
            )
        if self.vgg is not None and self.loss != "liu2018":
            raise ParameterError(f"VGG16 weights are of no use to the loss {self.loss}")
        if self.denoise and self.schedule.steps == 1:
            raise ParameterError("one step is not enough for a denoiser and an inpainter")

    @property
    def denoiser_schedule(self) -> Schedule:
        """The part of the budget that trains a denoiser."""
        steps = self.schedule.steps
        return self._part(DENOISER_SHARE, steps and math.ceil(DENOISER_SHARE * steps))

    @property
    def inpainter_schedule(self) -> Schedule:
        """What is left of the budget when a denoiser is trained, too."""
        steps = self.schedule.steps
        return self._part(1 - DENOISER_SHARE, steps and steps - math.ceil(DENOISER_SHARE * steps))

    def _part(self, share: float, steps: int | None) -> Schedule:
        minutes = self.schedule.minutes
        return replace(self.schedule, steps=steps, minutes=minutes and share * minutes)

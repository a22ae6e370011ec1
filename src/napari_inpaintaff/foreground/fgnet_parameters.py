"""How a foreground network is trained, and what it reports; torch-free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.inpainting.metadata import ARCHITECTURES
from napari_inpaintaff.networks.architecture import UNetArchitecture
from napari_inpaintaff.networks.schedule import Schedule

FGNetConfig = Literal["small", "paper"]

#: What is trained where no model gives its own: a small plain U-Net, and the network of Wolf
#: et al. 2020, section 3.3: pix2pix of depth six with 64 initial feature maps.
FGNET_ARCHITECTURES: dict[FGNetConfig, UNetArchitecture] = {
    "small": UNetArchitecture("plain", ARCHITECTURES["small"].widths, stem=2, outputs=1),
    "paper": UNetArchitecture("pix2pix", (64, 128, 256, 512, 512, 512), batch_norm=True, outputs=1),
}

_LEARNING_RATES: dict[FGNetConfig, float] = {"small": 1e-3, "paper": 2e-4}

#: Steps where neither steps nor minutes are given.
DEFAULT_STEPS = 1200


@dataclass(frozen=True)
class FGNetTraining:
    """How to train a foreground network.

    Attributes
    ----------
    steps : int or None
        Of the optimiser. With ``minutes`` as well, whichever ends first; with neither, 1200.
    minutes : float or None
        The training may take so long. Only a budget in steps is reproducible.
    seed : int
        Initial weights, crops and augmentation. Same seed and steps, same weights on one
        machine.
    batch : int
        Crops per step; halved when a step does not fit into memory.
    size : int
        Side of the crops, in pixels at the scale of the network.
    learning_rate : float or None
        Peak of the schedule; by default 1e-3 for ``small``, 2e-4 for ``paper``.
    config : {"small", "paper"}
        A plain U-Net, of the architecture of the model to start from where there is one; or the
        papers' network, which starts from random weights unless it starts from its like.
    """

    steps: int | None = None
    minutes: float | None = None
    seed: int = 0
    batch: int = 8
    size: int = 128
    learning_rate: float | None = None
    config: FGNetConfig = "small"

    def __post_init__(self) -> None:
        if self.config not in get_args(FGNetConfig):
            raise ParameterError(
                f"unknown foreground network {self.config!r}; use one of {get_args(FGNetConfig)}"
            )
        if self.batch < 1:
            raise ParameterError(f"the batch must hold a crop, got {self.batch}")
        if self.size < 64 or self.size % 64:
            raise ParameterError(
                f"the crop size must be a positive multiple of 64, got {self.size}"
            )
        if self.seed < 0:
            raise ParameterError(f"the seed must not be negative, got {self.seed}")
        self.schedule()

    def schedule(self) -> Schedule:
        """Return length and learning rate of the training."""
        steps = self.steps
        if steps is None and self.minutes is None:
            steps = DEFAULT_STEPS
        rate = self.learning_rate
        rate = _LEARNING_RATES[self.config] if rate is None else rate
        # A short memory: trainings are short.
        return Schedule(steps, self.minutes, rate, average=0.98)


@dataclass(frozen=True, eq=False)
class FGNetUpdate:
    """Where the training of a foreground network stands.

    Attributes
    ----------
    step : int
        Steps taken.
    loss : float
        Average over about the last hundred steps, in nats per labelled pixel.
    progress : float
        Fraction of the budget that is spent, 0 to 1.
    seconds : float
        Spent on the training so far.
    seconds_left : float
        Estimate; infinite before the first step.
    probability : ndarray of float32, shape (Y, X), or None
        What the network says about the first image, in [0, 1]: the newest map, the same array
        until there is a newer one. None before the first, after about two seconds.
    """

    step: int
    loss: float
    progress: float
    seconds: float
    seconds_left: float
    probability: NDArray[np.float32] | None = None

"""How an AffNet is trained; importing this does not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.inpainting.metadata import ARCHITECTURES
from napari_inpaintaff.networks.architecture import UNetArchitecture
from napari_inpaintaff.networks.schedule import Schedule

AffNetConfig = Literal["small", "paper"]
AffNetLoss = Literal["dice", "cross-entropy"]

#: Network, side of the patches, patches per step and learning rate of every configuration.
#: With 2e-3 the small network, from random weights, may end up cutting everywhere: saturated, Dice
#: has no gradient that leads back. ``paper``: pix2pix with a depth of six and 64 feature maps
#: (Wolf et al. 2020, section 3.3).
_CONFIGS: dict[str, tuple[UNetArchitecture, int, int, float]] = {
    "small": (ARCHITECTURES["small"], 96, 16, 1e-3),
    "paper": (
        UNetArchitecture("pix2pix", (64, 128, 256, 512, 512, 512), batch_norm=True),
        256,
        4,
        2e-4,
    ),
}

#: Where neither steps nor minutes are given.
_STEPS = 800
#: A network that predicts affinities already learns so much slower, lest it forget: on dense
#: HeLa frames SEG of the included student rises to 0.977 with 5e-4, to 0.971 with 2e-3.
_FINE_TUNING = 0.5


@dataclass(frozen=True)
class AffNetTraining:
    """How an AffNet learns from labels, and how long.

    Attributes
    ----------
    steps : int or None
        Of the training; None means 800, or as many as fit into ``minutes``. It ends earlier
        where the agreement in held-out parts of the images has stopped to rise.
    minutes : float or None
        The whole training may take so long.
    seed : int
        Patches, their order, and what is held out. Limited by steps alone, a training is
        reproducible on one machine.
    batch : int or None
        Patches per step, halved when a step does not fit into memory; None means 16, 4 of
        the paper's network.
    learning_rate : float or None
        Peak of the schedule; None means 1e-3, 2e-4 for the paper's network, and half of that
        where a student or an AffNet is fine-tuned.
    config : {"small", "paper"}
        A small U-Net, or the network of Wolf et al. 2020, which needs a GPU.
    validation : float
        Part of the images that is held out, if 64 cells or more are labelled.
    loss : {"dice", "cross-entropy"}
        Sørensen-Dice, as in Wolf et al. 2018, or what students are trained with; see
        `pair_questions`.
    """

    steps: int | None = None
    minutes: float | None = None
    seed: int = 0
    batch: int | None = None
    learning_rate: float | None = None
    config: AffNetConfig = "small"
    validation: float = 0.15
    loss: AffNetLoss = "dice"

    def __post_init__(self) -> None:
        if self.config not in get_args(AffNetConfig):
            raise ParameterError(
                f"unknown configuration {self.config!r}; use one of {', '.join(_CONFIGS)}"
            )
        if self.loss not in get_args(AffNetLoss):
            raise ParameterError(
                f"unknown loss {self.loss!r}; use one of {', '.join(get_args(AffNetLoss))}"
            )
        if self.batch is not None and self.batch < 1:
            raise ParameterError(f"batch must be at least 1, got {self.batch}")
        if not 0 <= self.validation < 1:
            raise ParameterError(
                f"the fraction held out for validation must be in [0, 1), got {self.validation}"
            )
        self.schedule(0.0)

    @property
    def architecture(self) -> UNetArchitecture:
        """Of the network, but for the number of outputs."""
        return _CONFIGS[self.config][0]

    @property
    def patch(self) -> int:
        """Side of the patches, in pixels of the model."""
        return _CONFIGS[self.config][1]

    @property
    def patches_per_step(self) -> int:
        """Those given, or the usual ones of the configuration."""
        return _CONFIGS[self.config][2] if self.batch is None else self.batch

    def schedule(self, seconds: float, *, fine_tuning: bool = False) -> Schedule:
        """Return how long and how fast to train.

        Parameters
        ----------
        seconds : float
            Spent so far.
        fine_tuning : bool, optional
            Whether the network predicts the same affinities before the training.

        Raises
        ------
        ParameterError
            If steps, minutes or the learning rate are not positive.
        """
        steps, minutes = self.steps, self.minutes
        if minutes is None:
            steps = _STEPS if steps is None else steps
        elif minutes > 0:
            minutes = max(minutes - seconds / 60, 1e-3)
        rate = self.learning_rate
        if rate is None:
            rate = _CONFIGS[self.config][3] * (_FINE_TUNING if fine_tuning else 1)
        # A short memory: trainings are short.
        return Schedule(steps=steps, minutes=minutes, learning_rate=rate, average=0.99)

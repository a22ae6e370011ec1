"""How a PerturbGAN is trained, and what the training reports; torch-free."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.foreground.perturbgan.architecture import FIRST_SIDE, LayeredArchitecture
from napari_inpaintaff.networks.schedule import Schedule

#: What the rows of Table 1 of the publication change in its default parameters, row a.
TABLE_ROWS: dict[str, dict[str, Any]] = {
    "a": {},
    "b": {"shift": 0.0},
    "c": {"shift": 0.25},
    "d": {"contrast_jitter": 0.3},
    "e": {"random_crops": False},
    "f": {"size_weight": 10.0},
    "g": {"generators": 1},
}
DEFAULT_ROW = "d"

#: Steps of the adversarial training where neither steps nor minutes are given.
DEFAULT_STEPS = 20_000

#: Part of a budget in minutes that the encoder gets.
ENCODER_SHARE = 0.2

ForegroundLayer = Literal["auto", "front", "back"]
Collapse = Literal["empty", "full"]
Phase = Literal["generator", "encoder"]


@dataclass(frozen=True)
class PerturbGANTraining:
    """How to train a PerturbGAN (Bielski and Favaro 2019, section 3).

    Attributes
    ----------
    side : int
        Side of the images that it sees, a power of two from 8 to 256.
    steps : int or None
        Of generator and critic. With ``minutes`` as well, whichever ends first; with neither,
        20,000.
    minutes : float or None
        The whole training may take so long; a fifth of it is the encoder's. Only a budget in
        steps is reproducible.
    encoder_steps : int
        Of the encoder, at most.
    seed : int
        Weights, codes, shifts and crops. Same seed and steps, same weights on one machine.
    batch : int
        Images per step. The publication has more at smaller sides, 256 at 8; here the same,
        since more steps are worth more than larger batches.
    shift : float
        Furthest random shift of foreground and mask, in parts of the side (0.125: rows a and d;
        0: row b; 0.25: row c).
    contrast_jitter : float
        Strength of the random contrast of the background (0.3: row d; 0: all others).
    random_crops : bool
        Whether real images are cropped at random out of slightly larger ones (not in row e).
    size_weight, binary_weight : float
        Weights of the losses of equations 3 and 4 (``size_weight`` 10: row f).
    minimum_size : float
        Part of the image that the mask is to cover on the average.
    generators : int
        2, or 1 for a single one of all layers (row g).
    penalty, drift : float
        Weights of gradient penalty and drift in equation 6.
    learning_rate : float
        Of generator and critic. The publication has 0.001; twice as much learns faster here.
    average : float
        Decay of the moving average of the generator's weights, which is what is kept.
    foreground_layer : {"auto", "front", "back"}
        Which layer is foreground: the one that covers less of the border, that of the mask, or
        the one behind it.
    """

    side: int = 32
    steps: int | None = None
    minutes: float | None = None
    encoder_steps: int = 2000
    seed: int = 0
    batch: int = 16
    shift: float = 0.125
    contrast_jitter: float = 0.3
    random_crops: bool = True
    size_weight: float = 2.0
    binary_weight: float = 2.0
    minimum_size: float = 0.15
    generators: int = 2
    penalty: float = 10.0
    drift: float = 1e-3
    learning_rate: float = 2e-3
    average: float = 0.995
    foreground_layer: ForegroundLayer = "auto"

    def __post_init__(self) -> None:
        if not 0 <= self.shift < 0.5:
            raise ParameterError(f"the shift must be at least 0 and below 0.5, got {self.shift}")
        if not 0 <= self.contrast_jitter < 1:
            raise ParameterError(
                f"the contrast jitter must be at least 0 and below 1, got {self.contrast_jitter}"
            )
        if not 0 < self.minimum_size < 1:
            raise ParameterError(
                f"the part that the mask covers must be between 0 and 1, got {self.minimum_size}"
            )
        if self.batch < 2:
            raise ParameterError(f"a batch must hold at least 2 images, got {self.batch}")
        if min(self.size_weight, self.binary_weight, self.penalty, self.drift) < 0:
            raise ParameterError("the weights of losses must not be negative")
        if self.seed < 0:
            raise ParameterError(f"the seed must not be negative, got {self.seed}")
        if self.foreground_layer not in ("auto", "front", "back"):
            raise ParameterError(
                f"the foreground is auto, front or back, got {self.foreground_layer!r}"
            )
        self.schedule()
        self.encoder_schedule()
        self.architecture(3)

    def architecture(self, channels: int) -> LayeredArchitecture:
        """Return the networks for images with so many channels."""
        return LayeredArchitecture(self.side, channels, generators=self.generators)

    def schedule(self) -> Schedule:
        """Return the length of the adversarial training; its learning rate is constant."""
        steps = self.steps
        if steps is None and self.minutes is None:
            steps = DEFAULT_STEPS
        minutes = None if self.minutes is None else self.minutes * (1 - ENCODER_SHARE)
        return Schedule(steps, minutes, self.learning_rate, self.average)

    def encoder_schedule(self) -> Schedule:
        """Return length and learning rate of the training of the encoder."""
        minutes = None if self.minutes is None else self.minutes * ENCODER_SHARE
        return Schedule(self.encoder_steps, minutes, 1e-3, average=0.99)

    def scale_at(self, progress: float) -> Scale:
        """Return what is trained after a part of the adversarial training.

        Every side gets twice the part of the one before, and is faded in during the first half
        of its part.

        Parameters
        ----------
        progress : float in [0, 1]
            Of the budget.
        """
        sides = [side for side in self.architecture(3).sides if side >= FIRST_SIDE]
        whole = 2 ** len(sides) - 1
        begin = 0.0
        for index, side in enumerate(sides):
            part = 2**index / whole
            if progress < begin + part or side == sides[-1]:
                within = (progress - begin) / part
                alpha = 1.0 if index == 0 else min(1.0, 2 * within)
                return Scale(side, alpha)
            begin += part
        raise AssertionError("the last side ends with the training")


@dataclass(frozen=True)
class Scale:
    """What the progressive training does at one step.

    Attributes
    ----------
    side : int
        Of the images.
    alpha : float
        How far it is faded in from half of it, 0 to 1.
    """

    side: int
    alpha: float


@dataclass(frozen=True, eq=False)
class LayeredSamples:
    """What a layered generator makes: the picture of a training.

    Attributes
    ----------
    images, backgrounds, foregrounds : ndarray of float32, shape (N, C, Y, X)
        Not shifted; in [0, 1].
    masks : ndarray of float32, shape (N, Y, X)
        In [0, 1].
    """

    images: NDArray[np.float32]
    backgrounds: NDArray[np.float32]
    foregrounds: NDArray[np.float32]
    masks: NDArray[np.float32]

    @property
    def rows(self) -> list[NDArray[np.float32]]:
        """Images, backgrounds, foregrounds and masks, for `sample_rows`."""
        return [self.images, self.backgrounds, self.foregrounds, self.masks[:, None]]


@dataclass(frozen=True, eq=False)
class PerturbGANUpdate:
    """Where the training of a PerturbGAN stands.

    Attributes
    ----------
    phase : {"generator", "encoder"}
        What is being trained.
    step : int
        Steps of this phase.
    side : int
        Of the images at present.
    loss : float
        Running average: while the generator is trained, the difference between the critic's
        scores of real and composed images (an estimate of their distance); then the
        encoder's loss.
    mask_share : float
        Part of the image that the masks of generated scenes cover on the average.
    collapse : {"empty", "full"} or None
        Whether the masks cover next to nothing or next to everything.
    progress : float
        Fraction of the whole budget that is spent, 0 to 1.
    seconds : float
        Spent so far.
    seconds_left : float
        Estimate; infinite before the first step.
    samples : LayeredSamples or None
        The newest; the same object until there are newer ones.
    """

    phase: Phase
    step: int
    side: int
    loss: float
    mask_share: float
    collapse: Collapse | None
    progress: float
    seconds: float
    seconds_left: float
    samples: LayeredSamples | None = field(default=None, repr=False)

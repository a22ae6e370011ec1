"""How ReDO is trained; torch-free."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.foreground.redo.architecture import (
    ReDOArchitecture,
    paper_architecture,
    small_architecture,
)
from napari_inpaintaff.networks.schedule import spent


@dataclass(frozen=True)
class LearningRates:
    """Step sizes of Adam for the four networks; all are constant.

    Attributes
    ----------
    masks, generators, discriminator, encoder : float
        In the publication 1e-5 for the mask network and 1e-4 for the others.
    """

    masks: float = 1e-4
    generators: float = 4e-4
    discriminator: float = 4e-4
    encoder: float = 1e-3

    def __post_init__(self) -> None:
        rates = (self.masks, self.generators, self.discriminator, self.encoder)
        if not all(math.isfinite(rate) and rate > 0 for rate in rates):
            raise ParameterError(f"learning rates must be above 0, got {rates}")


@dataclass(frozen=True)
class ReDOTraining:
    """How to train ReDO; the defaults are for images of 32 pixels and a CPU.

    Attributes
    ----------
    architecture : ReDOArchitecture
        Of the networks.
    steps : int or None
        Of discriminator and generators each. With ``minutes`` as well, whichever ends first.
    minutes : float or None
        The training may take so long. Only a budget in steps is reproducible.
    seed : int
        Of all random choices. Same seed and steps, same weights on one machine.
    batch : int
        Images that are redrawn in a step, and as many others that are not: a multiple of the
        regions, each of which is redrawn in its part of the batch. (In the publication the
        region is drawn at random for each image; in parts every step learns about all.)
    rates : LearningRates
        Step sizes.
    conservation : float
        Weight lambda_z of the information conservation, before it is divided by the number of
        regions times the length of the code: 5 in the publication, 15 for LFW. 0 leaves the
        term out.
    gain : float
        Of the orthogonal initialisation.
    contrast : float
        Standard deviation of the logits of the mask network before the first step, see
        `MaskNetwork.balance`; 0 leaves them as random weights have them, as in the publication.
    wait : int
        Steps before the mask network begins to learn: by then the encoder knows something, and
        keeps regions from becoming empty. 0 in the publication.
    weight_decay : float
        Of the mask network.
    average : float
        Decay of the moving average of the mask network, which is what a training leaves
        behind. The publication has none; 0 leaves it out.
    check_every : int
        Steps between two looks at the masks: has the run collapsed?
    patience : int
        Looks in a row that find it collapsed, before it is restarted.
    restarts : int
        How often a run that collapses begins anew, from another seed. The last one goes on,
        and reports that it has collapsed.
    """

    architecture: ReDOArchitecture = field(default_factory=small_architecture)
    steps: int | None = None
    minutes: float | None = None
    seed: int = 0
    batch: int = 16
    rates: LearningRates = field(default_factory=LearningRates)
    conservation: float = 10.0
    gain: float = 0.8
    contrast: float = 2.0
    wait: int = 300
    weight_decay: float = 1e-4
    average: float = 0.995
    check_every: int = 100
    patience: int = 5
    restarts: int = 3

    def __post_init__(self) -> None:
        if self.steps is None and self.minutes is None:
            raise ParameterError("a training needs a number of steps or of minutes")
        if self.steps is not None and self.steps < 1:
            raise ParameterError(f"the number of steps must be positive, got {self.steps}")
        if self.minutes is not None and not 0 < self.minutes < math.inf:
            raise ParameterError(f"the number of minutes must be positive, got {self.minutes}")
        if self.seed < 0:
            raise ParameterError(f"the seed must not be negative, got {self.seed}")
        regions = self.architecture.regions
        # Fewer than two have no spread, by which generators normalise.
        if self.batch < 2 * regions or self.batch % regions:
            raise ParameterError(
                f"the batch is a multiple of the {regions} regions, at least {2 * regions}, "
                f"got {self.batch}"
            )
        if not (math.isfinite(self.conservation) and self.conservation >= 0):
            raise ParameterError(
                f"the weight of the conservation must not be negative, got {self.conservation}"
            )
        if not (math.isfinite(self.gain) and self.gain > 0):
            raise ParameterError(f"the gain must be above 0, got {self.gain}")
        if not (math.isfinite(self.contrast) and self.contrast >= 0):
            raise ParameterError(f"the contrast is 0 or more, got {self.contrast}")
        if self.wait < 0:
            raise ParameterError(f"the mask network waits 0 steps or more, got {self.wait}")
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise ParameterError(f"the weight decay is 0 or more, got {self.weight_decay}")
        if not 0 <= self.average < 1:
            raise ParameterError(
                f"the decay of the averaged weights must be in [0, 1), got {self.average}"
            )
        if self.check_every < 1 or self.patience < 1 or self.restarts < 0:
            raise ParameterError(
                "looks are 1 step or more apart, patience is 1 or more, restarts are 0 or more, "
                f"got {self.check_every}, {self.patience} and {self.restarts}"
            )

    def progress(self, step: int, seconds: float) -> float:
        """Return the fraction of the budget that is spent, 0 to 1."""
        return spent(step, seconds, steps=self.steps, minutes=self.minutes)


def small_training(
    *,
    side: int = 32,
    channels: int = 3,
    regions: int = 2,
    steps: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
) -> ReDOTraining:
    """Return a training of narrow networks, for a CPU.

    Parameters
    ----------
    side, channels, regions : int, optional
        See `ReDOArchitecture`.
    steps, minutes, seed : optional
        See `ReDOTraining`.
    """
    shape = small_architecture(side=side, channels=channels, regions=regions)
    # 15 where 16 cannot be divided.
    return ReDOTraining(shape, steps, minutes, seed, batch=16 - 16 % regions)


def paper_training(
    *,
    side: int = 128,
    channels: int = 3,
    regions: int = 2,
    steps: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
) -> ReDOTraining:
    """Return the hyper-parameters of the publication, but for the batch: 24 instead of 25.

    Parameters
    ----------
    side, channels, regions : int, optional
        See `ReDOArchitecture`.
    steps, minutes, seed : optional
        See `ReDOTraining`. The publication does not say how long it trains.
    """
    return ReDOTraining(
        paper_architecture(side=side, channels=channels, regions=regions),
        steps,
        minutes,
        seed,
        batch=24,
        rates=LearningRates(masks=1e-5, generators=1e-4, discriminator=1e-4, encoder=1e-4),
        conservation=5.0,
        contrast=0.0,
        wait=0,
        average=0.0,
    )

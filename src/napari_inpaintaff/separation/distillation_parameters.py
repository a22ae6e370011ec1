"""How a student is trained; importing this does not import torch."""

from __future__ import annotations

from dataclasses import dataclass, field

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.networks.schedule import Schedule
from napari_inpaintaff.separation.parameters import SeparationParameters

#: Each patch is seen about so often where the number of steps is not given, ...
_VISITS = 7
#: ... but a network needs some steps however few patches there are.
_FEWEST_STEPS = 300

#: Part of the minutes after which no more patches are taken apart.
LABELLING_SHARE = 0.6


@dataclass(frozen=True)
class Distillation:
    """What a student learns from, and how long.

    Attributes
    ----------
    patches : int
        Patches of the images, at random places, that the inpainter takes apart.
    minutes : float or None
        The whole distillation may take so long; if need be it makes do with fewer patches
        and steps.
    steps : int or None
        Of the training; None means seven visits to every patch, at least 300 steps.
    seed : int
        Patches, their order, and what is held out. Limited by steps alone, a distillation is
        reproducible on one machine.
    batch : int
        Patches per step; halved when a step does not fit into memory.
    validation : float
        Part of the images, in blocks of the size of a patch, that is held out to measure the
        agreement.
    separation : SeparationParameters
        How patches are taken apart, and the offsets that the student learns.
    """

    patches: int = 1500
    minutes: float | None = None
    steps: int | None = None
    seed: int = 0
    batch: int = 32
    validation: float = 0.1
    separation: SeparationParameters = field(default_factory=SeparationParameters)

    def __post_init__(self) -> None:
        for name in ("patches", "batch"):
            if getattr(self, name) < 1:
                raise ParameterError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 <= self.validation < 1:
            raise ParameterError(
                f"the fraction held out for validation must be in [0, 1), got {self.validation}"
            )
        if self.minutes is not None and not self.minutes > 0:
            raise ParameterError(f"the number of minutes must be positive, got {self.minutes}")
        if self.steps is not None and self.steps < 1:
            raise ParameterError(f"the number of steps must be positive, got {self.steps}")

    def schedule(self, patches: int, seconds: float, *, twins: bool = False) -> Schedule:
        """Return how long to train.

        Parameters
        ----------
        patches : int
            There are to train on.
        seconds : float
            Spent so far.
        twins : bool, optional
            Whether two more students follow, which take half of the time that is left.
        """
        steps = self.steps or max(_FEWEST_STEPS, round(_VISITS * patches / self.batch))
        left = None
        if self.minutes is not None:
            left = max(self.minutes - seconds / 60, 1e-3) / (2 if twins else 1)
        # A short memory: trainings are short.
        return Schedule(steps=steps, minutes=left, average=0.99)

"""How long and how fast to train; importing this does not import torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from napari_inpaintaff.errors import ParameterError


def spent(step: int, seconds: float, *, steps: int | None, minutes: float | None) -> float:
    """Return the fraction of a budget of steps, minutes or both that is spent, 0 to 1."""
    by_steps = step / steps if steps is not None else 0.0
    by_time = seconds / (60 * minutes) if minutes is not None else 0.0
    return min(max(by_steps, by_time), 1.0)


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Attributes
    ----------
    steps : int or None
        Number of optimiser steps; None trains for ``minutes``.
    minutes : float or None
        Wall-clock budget. With both, whichever ends first. Only a budget in steps is
        reproducible.
    learning_rate : float
        Peak of the schedule: linear warm-up over the first hundredth, then cosine to zero.
    average : float
        Decay of the moving average of the weights, which is what the loop leaves behind.
    """

    steps: int | None = 20_000
    minutes: float | None = None
    learning_rate: float = 2e-3
    average: float = 0.999

    def __post_init__(self) -> None:
        if self.steps is None and self.minutes is None:
            raise ParameterError("a training needs a number of steps or of minutes")
        if self.steps is not None and self.steps < 1:
            raise ParameterError(f"the number of steps must be positive, got {self.steps}")
        if self.minutes is not None and not self.minutes > 0:
            raise ParameterError(f"the number of minutes must be positive, got {self.minutes}")
        if not self.learning_rate > 0:
            raise ParameterError(f"the learning rate must be positive, got {self.learning_rate}")
        if not 0 <= self.average < 1:
            raise ParameterError(
                f"the decay of the averaged weights must be in [0, 1), got {self.average}"
            )

    def progress(self, step: int, seconds: float) -> float:
        """Return the fraction of the budget that is spent, 0 to 1."""
        return spent(step, seconds, steps=self.steps, minutes=self.minutes)

    def rate(self, progress: float) -> float:
        """Return the learning rate after a fraction of the budget."""
        warm_up = 0.01
        if progress < warm_up:
            return self.learning_rate * (0.1 + 0.9 * progress / warm_up)
        phase = (progress - warm_up) / (1 - warm_up)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * phase))

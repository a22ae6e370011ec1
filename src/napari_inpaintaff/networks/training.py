"""The optimisation loop that all networks share."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from napari_inpaintaff.errors import ParameterError


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
        by_steps = step / self.steps if self.steps is not None else 0.0
        by_time = seconds / (60 * self.minutes) if self.minutes is not None else 0.0
        return min(max(by_steps, by_time), 1.0)


@dataclass(frozen=True)
class OptimiserStep:
    """One step of a training.

    Attributes
    ----------
    step : int
        Steps taken, from 1.
    loss : float
        Exponential average of the loss over about the last hundred steps.
    progress : float
        Fraction of the budget that is spent, 0 to 1.
    seconds : float
        Since the start.
    """

    step: int
    loss: float
    progress: float
    seconds: float


def optimise(
    network: nn.Module,
    draw_loss: Callable[[], Tensor],
    schedule: Schedule,
    *,
    report_every: int = 20,
) -> Generator[OptimiserStep, None, nn.Module]:
    """Minimise a loss with Adam, warm-up, cosine decay and averaged weights.

    Parameters
    ----------
    network : Module
        Trained in place.
    draw_loss : callable
        Draws a batch and returns its loss, a scalar tensor.
    schedule : Schedule
        Length and learning rate.
    report_every : int, optional
        Steps between two yields, if they take less than a second.

    Yields
    ------
    OptimiserStep
        Every ``report_every`` steps or second, and after the last step.

    Returns
    -------
    Module
        A copy of the network with the averaged weights, in evaluation mode. The caller can
        close the generator at any time; ``network`` then holds the last weights.

    Raises
    ------
    ParameterError
        If the loss is no longer finite: the learning rate is too high.
    """
    averaged = copy.deepcopy(network).eval()
    optimiser = torch.optim.Adam(network.parameters(), lr=schedule.learning_rate)
    network.train()
    start = reported = time.monotonic()
    smoothed = torch.zeros(())
    step = 0
    progress = 0.0
    while progress < 1.0:
        for group in optimiser.param_groups:
            group["lr"] = schedule.learning_rate * _rate(progress)
        loss = draw_loss()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        step += 1
        # A short memory at first: an average over random weights would never be forgotten.
        _average(averaged, network, min(schedule.average, step / (step + 10.0)))
        smoothed = torch.lerp(loss.detach(), smoothed.to(loss.device), min(0.99, 1 - 1 / step))
        now = time.monotonic()
        progress = schedule.progress(step, now - start)
        # Steps of a large network take seconds: closing the generator must not wait for many.
        if step % report_every == 0 or progress >= 1.0 or now - reported > 1.0:
            reported = now
            if not math.isfinite(average_loss := float(smoothed)):
                raise ParameterError(
                    f"the training diverged after {step} steps; use a learning rate "
                    f"below {schedule.learning_rate}"
                )
            yield OptimiserStep(step, average_loss, progress, now - start)
    return averaged


def _rate(progress: float) -> float:
    warm_up = 0.01
    if progress < warm_up:
        return 0.1 + 0.9 * progress / warm_up
    return 0.5 * (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up)))


@torch.no_grad()
def _average(averaged: nn.Module, network: nn.Module, decay: float) -> None:
    for mean, value in zip(averaged.parameters(), network.parameters(), strict=True):
        mean.lerp_(value, 1 - decay)
    for kept, buffer in zip(averaged.buffers(), network.buffers(), strict=True):
        kept.copy_(buffer)

"""The training of a network on pairs of pixels: steps, measurements, and when to stop."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from napari_inpaintaff.datatypes import Offset
from napari_inpaintaff.inpainting.checkpoint import Arrays, snapshot
from napari_inpaintaff.networks.devices import seeded
from napari_inpaintaff.networks.schedule import Schedule
from napari_inpaintaff.networks.training import (
    REPORT_EVERY,
    Optimisation,
    OptimiserStep,
    optimise,
)
from napari_inpaintaff.separation.held_out_pairs import HeldOutPairs
from napari_inpaintaff.separation.pair_questions import PairLoss, PatchSampler, to_device
from napari_inpaintaff.separation.training_updates import AffinityTrainingUpdate, AgreementPoint

UpdateT = TypeVar("UpdateT", bound=AffinityTrainingUpdate)

#: A network is measured so often in a training of full length.
_MEASUREMENTS = 20

_logger = logging.getLogger(__name__)


@dataclass(eq=False)
class PairTraining(Generic[UpdateT]):
    """A network while it is trained.

    Attributes
    ----------
    network : Module
        On its device.
    sampler : PatchSampler
        What it learns from.
    pairs : HeldOutPairs
        What it is measured on.
    offsets : tuple of (int, int)
        Of its outputs.
    loss : callable
        Of a network that answers questions, see `pair_questions.pair_loss`.
    update_type : type
        Of the reports.
    schedule : Schedule
        Length and learning rate.
    batch : int
        Patches per step; halved when memory is short.
    seconds_before : float
        Spent on the run before.
    more_to_come : float
        What follows takes so many times as long as this training; for the estimate.
    patience : int
        The training ends when the agreement has not risen in so many of twenty measurements.
    history : tuple of AgreementPoint
        All measurements so far.
    finished : bool
        Whether the budget is spent or the agreement has stopped to rise; otherwise somebody
        stopped the training.
    """

    network: nn.Module
    sampler: PatchSampler
    pairs: HeldOutPairs
    offsets: tuple[Offset, ...]
    loss: PairLoss
    update_type: type[UpdateT]
    schedule: Schedule
    batch: int
    seconds_before: float = 0.0
    more_to_come: float = 0.0
    patience: int = 7
    history: tuple[AgreementPoint, ...] = ()
    finished: bool = False
    optimisation: Optimisation = field(init=False)
    _best: Arrays = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.optimisation = Optimisation(self.network)

    @property
    def stalled(self) -> bool:
        """Whether the agreement has stopped to rise."""
        if not self.history:
            return False
        agreements = [point.agreement for point in self.history]
        return len(agreements) - 1 - agreements.index(max(agreements)) >= self.patience

    def measure(self) -> None:
        """Measure now, and keep the weights if they are the best."""
        state = self.optimisation
        agreement = self.pairs.measure(state.averaged)
        if agreement is None:
            return
        if all(agreement > point.agreement for point in self.history):
            self._best = snapshot(state.averaged.state_dict())
        seconds = self.seconds_before + state.seconds
        self.history += (AgreementPoint(state.step, seconds, state.loss, agreement),)

    def best_network(self) -> nn.Module:
        """Return the network that agreed best; the last one if that cannot be told."""
        network = self.optimisation.averaged
        if self._best:
            network.load_state_dict(
                {name: torch.from_numpy(value) for name, value in self._best.items()}
            )
        return network

    def record(self) -> dict[str, Any]:
        """Return what the model file says about the training."""
        agreements = [point.agreement for point in self.history]
        return {
            "steps": self.optimisation.step,
            "batch": self.batch,
            "stopped": not self.finished,
            "loss": round(self.optimisation.loss, 4),
            "agreement": round(max(agreements), 4) if agreements else None,
        }

    def update(self, step: OptimiserStep) -> UpdateT:
        """Return the report of a step."""
        whole = step.seconds / step.progress if step.progress else math.inf
        left = (1 + self.more_to_come) * whole - step.seconds
        return self.update_type(
            step=step.step,
            loss=step.loss,
            progress=step.progress,
            seconds=self.seconds_before + step.seconds,
            seconds_left=left,
            agreement=self.history[-1].agreement if self.history else None,
            history=self.history,
        )


def train_on_pairs(
    training: PairTraining[UpdateT], *, stop: Callable[[], bool] = lambda: False
) -> Generator[UpdateT, None, None]:
    """Train until the agreement no longer rises, the budget is spent or somebody stops it.

    Parameters
    ----------
    training : PairTraining
        Changed in place.
    stop : callable, optional
        Asked before every step.

    Yields
    ------
    AffinityTrainingUpdate
        Of the training's type, every twenty steps, or every second.
    """
    device = next(training.network.parameters()).device

    def draw_loss(step: int) -> Tensor:
        questions = to_device(training.sampler.draw(step, training.batch), device)
        with seeded(training.sampler.seed_of(step), device):  # of dropout
            return training.loss(training.network, questions, training.offsets)

    def shrink() -> bool:
        if training.batch == 1:
            return False
        training.batch //= 2
        _logger.warning("out of memory: the training goes on with batches of %d", training.batch)
        return True

    state = training.optimisation
    measured = 0
    steps = optimise(
        state,
        draw_loss,
        training.schedule,
        stop=lambda: stop() or training.stalled,
        shrink=shrink,
    )
    for step in steps:
        between = time.monotonic()
        due = int(step.progress * _MEASUREMENTS + 1e-9)
        # Only steps that come at every speed: which weights are the best must not depend on
        # how busy the machine is.
        if due > measured and (step.step % REPORT_EVERY == 0 or step.progress >= 1):
            training.measure()
            measured = due
        state.seconds += time.monotonic() - between
        yield training.update(step)
    training.finished = training.stalled or (
        training.schedule.progress(state.step, state.seconds) >= 1
    )
    if not training.history or training.history[-1].step < state.step:
        training.measure()

"""The loop of a training: crops, steps, measurements, checkpoints."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from napari_inpaintaff.inpainting.checkpoint import Arrays, snapshot
from napari_inpaintaff.inpainting.crops import CropLoader, CropSampler
from napari_inpaintaff.inpainting.near_hole import HeldOutCrops
from napari_inpaintaff.inpainting.quality import NearHoleError
from napari_inpaintaff.inpainting.updates import (
    InpaintingExamples,
    TrainingPoint,
    TrainingUpdate,
)
from napari_inpaintaff.networks.devices import step_seed
from napari_inpaintaff.networks.schedule import Schedule
from napari_inpaintaff.networks.training import (
    REPORT_EVERY,
    Optimisation,
    OptimiserStep,
    optimise,
)

#: Fractions of the budget after which the inpainter is measured: often at first, when it
#: changes fast, then evenly.
MILESTONES = (0.01, 0.02, 0.04, 0.07, *(0.05 * k for k in range(2, 20)), 1.0)
_SECONDS_BETWEEN_EXAMPLES = 3.0

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Phase:
    """One of the networks that a training trains, and its part of the budget.

    Attributes
    ----------
    name : str
        ``denoiser`` or ``inpainter``.
    schedule : Schedule
        Length and learning rate.
    loss : callable
        Called with the network, crops (B, Y, X) on its device, and a generator there.
    begin, end : float
        The part of the whole budget, 0 to 1.
    seconds_before : float
        Spent on earlier phases.
    """

    name: str
    schedule: Schedule
    loss: Callable[[nn.Module, Tensor, torch.Generator], Tensor]
    begin: float = 0.0
    end: float = 1.0
    seconds_before: float = 0.0


@dataclass
class Watch:
    """Measures an inpainter while it is trained, and keeps its best weights.

    Attributes
    ----------
    crops : HeldOutCrops
        What it is measured on.
    history : tuple of TrainingPoint
        All measurements, those before a resume included.
    best : dict of str to ndarray
        Weights at the best of them.
    examples : InpaintingExamples or None
        The newest ones.
    """

    crops: HeldOutCrops
    history: tuple[TrainingPoint, ...] = ()
    best: Arrays = field(default_factory=dict)
    examples: InpaintingExamples | None = None
    _examples_at: float = -math.inf

    def look(self, phase: Phase, optimisation: Optimisation, step: OptimiserStep) -> None:
        """Measure if a milestone was passed; renew the examples every few seconds.

        Only steps that come at every speed are measured: which weights are the best must
        not depend on how busy the machine is.
        """
        measured = 0.0
        if self.history:
            last = self.history[-1]
            measured = phase.schedule.progress(last.step, last.seconds - phase.seconds_before)
        regular = step.step % REPORT_EVERY == 0 or step.progress >= 1.0
        if regular and _milestones(step.progress) > _milestones(measured):
            self.measure(phase, optimisation, step.loss)
        elif time.monotonic() - self._examples_at > _SECONDS_BETWEEN_EXAMPLES:
            self._renew_examples(optimisation)

    def measure(self, phase: Phase, optimisation: Optimisation, loss: float) -> None:
        """Measure now, and keep the weights if there are no better ones."""
        quality = self.crops.measure(optimisation.averaged)
        if all(_score(quality) <= _score(point.quality) for point in self.history):
            self.best = snapshot(optimisation.averaged.state_dict())
        seconds = phase.seconds_before + optimisation.seconds
        self.history += (TrainingPoint(optimisation.step, seconds, loss, quality),)
        self._renew_examples(optimisation)

    def _renew_examples(self, optimisation: Optimisation) -> None:
        self.examples = self.crops.examples(optimisation.averaged)
        self._examples_at = time.monotonic()


def _milestones(progress: float) -> int:
    return sum(progress >= milestone - 1e-9 for milestone in MILESTONES)


def _score(quality: NearHoleError) -> float:
    return quality.l1 if quality.nll is None else quality.nll


def run_phase(
    phase: Phase,
    optimisation: Optimisation,
    sampler: CropSampler,
    *,
    batch: int,
    seed: int,
    watch: Watch | None = None,
    save: Callable[[int], None] = lambda batch: None,
    save_every: float = 60.0,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[TrainingUpdate, None, bool]:
    """Train one network until its budget is spent or somebody stops it.

    Parameters
    ----------
    phase : Phase
        What to train.
    optimisation : Optimisation
        Fresh or restored; changed in place.
    sampler : CropSampler
        Where crops come from.
    batch : int
        Crops per step; halved when memory is short.
    seed : int
        Of the masks.
    watch : Watch, optional
        Measures the inpainter.
    save : callable, optional
        Writes a checkpoint; called with the present size of a batch.
    save_every : float, optional
        Seconds between two checkpoints. One more is written when the training is stopped.
    stop : callable, optional
        Asked before every step; True ends the training.

    Yields
    ------
    TrainingUpdate
        Every twenty steps, or every second.

    Returns
    -------
    bool
        Whether the budget was spent; otherwise the training was stopped.
    """
    device = next(optimisation.network.parameters()).device
    generator = torch.Generator(device)
    crops, rate, saved = 0, 0.0, time.monotonic()
    with CropLoader(sampler, batch) as loader:

        def draw_loss(step: int) -> Tensor:
            values = loader.get(step).to(device, non_blocking=True)
            generator.manual_seed(step_seed(seed, step))
            return phase.loss(optimisation.network, values, generator)

        def shrink() -> bool:
            if loader.batch == 1:
                return False
            loader.batch //= 2
            _logger.warning("out of memory: the training goes on with batches of %d", loader.batch)
            return True

        steps = optimise(optimisation, draw_loss, phase.schedule, stop=stop, shrink=shrink)
        before = optimisation.step
        seconds = optimisation.seconds
        for step in steps:
            crops += (step.step - before) * loader.batch
            rate = crops / max(step.seconds - seconds, 1e-9)
            before = step.step
            between = time.monotonic()
            if watch is not None:
                watch.look(phase, optimisation, step)
            if between - saved > save_every:
                save(loader.batch)
                saved = time.monotonic()
            optimisation.seconds += time.monotonic() - between
            yield _update(phase, step, rate, watch)
        finished = phase.schedule.progress(optimisation.step, optimisation.seconds) >= 1.0
        if not finished:
            # Saved before it is measured: a resumed training must not know what an
            # uninterrupted one would not have measured.
            save(loader.batch)
            if watch is not None:
                watch.measure(phase, optimisation, optimisation.loss)
                yield _update(phase, _present(phase, optimisation), rate, watch)
    return finished


def _present(phase: Phase, optimisation: Optimisation) -> OptimiserStep:
    progress = phase.schedule.progress(optimisation.step, optimisation.seconds)
    return OptimiserStep(optimisation.step, optimisation.loss, progress, optimisation.seconds)


def _update(phase: Phase, step: OptimiserStep, rate: float, watch: Watch | None) -> TrainingUpdate:
    progress = phase.begin + (phase.end - phase.begin) * step.progress
    seconds = phase.seconds_before + step.seconds
    return TrainingUpdate(
        phase=phase.name,
        step=step.step,
        loss=step.loss,
        progress=progress,
        seconds=seconds,
        seconds_left=seconds * (1 / progress - 1) if progress else math.inf,
        crops_per_second=rate,
        history=watch.history if watch else (),
        examples=watch.examples if watch else None,
    )

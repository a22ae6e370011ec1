"""The optimisation loop that all networks share; it can be stopped and resumed at any step."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_inpaintaff.errors import DeviceError, ModelFileError, ParameterError
from napari_inpaintaff.networks.devices import is_out_of_memory, release_memory
from napari_inpaintaff.networks.schedule import Schedule

Arrays = dict[str, NDArray[np.generic]]

#: Steps between two reports; slow steps are reported in between.
REPORT_EVERY = 20


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
        Spent on steps so far, those before a resume included.
    """

    step: int
    loss: float
    progress: float
    seconds: float


class Optimisation:
    """All that a training changes: weights, their average, Adam's moments and counters.

    Parameters
    ----------
    network : Module
        Trained in place, on its device.

    Attributes
    ----------
    network : Module
        The weights of the last step.
    averaged : Module
        A copy with the moving average of the weights, in evaluation mode: what a training
        leaves behind.
    step : int
        Steps taken.
    seconds : float
        Spent so far; whoever works between two steps adds that time.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.averaged = copy.deepcopy(network).eval()
        self.adam = torch.optim.Adam(network.parameters())
        self.step = 0
        self.seconds = 0.0
        self._loss = torch.zeros((), device=next(network.parameters()).device)

    @property
    def loss(self) -> float:
        """Exponential average of the loss over about the last hundred steps."""
        return float(self._loss)

    def descend(self, loss: Tensor, *, learning_rate: float, average: float) -> None:
        """Take one step of Adam down the gradient of a loss, and average the weights.

        Parameters
        ----------
        loss : Tensor
            Scalar, from ``network``.
        learning_rate : float
            Of this step.
        average : float
            Decay of the moving average of the weights.
        """
        for group in self.adam.param_groups:
            group["lr"] = learning_rate
        self.adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.adam.step()
        self.step += 1
        # A short memory at first: an average over random weights would never be forgotten.
        _average(self.averaged, self.network, min(average, self.step / (self.step + 10.0)))
        memory = min(0.99, 1 - 1 / self.step)
        self._loss = torch.lerp(loss.detach().float(), self._loss, memory)

    def arrays(self) -> Arrays:
        """Return everything that changes as arrays by name, to be stored exactly."""
        arrays: Arrays = {
            "loss": self._loss.cpu().numpy(),
            "step": np.array(self.step),
            "seconds": np.array(self.seconds),
        }
        for prefix, module in (("network", self.network), ("averaged", self.averaged)):
            for name, value in module.state_dict().items():
                arrays[f"{prefix}.{name}"] = value.cpu().numpy()
        for index, parameter in enumerate(self.network.parameters()):
            for name, value in self.adam.state[parameter].items():
                arrays[f"adam.{index}.{name}"] = value.cpu().numpy()
        return arrays

    @torch.no_grad()
    def restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over what `arrays` returned; the training goes on bit for bit.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            Of an optimisation of the same network.

        Raises
        ------
        ModelFileError
            If arrays are missing or belong to another network.
        """
        try:
            self._loss.copy_(_tensor(arrays["loss"]))
            self.step, self.seconds = int(arrays["step"]), float(arrays["seconds"])
            for prefix, module in (("network", self.network), ("averaged", self.averaged)):
                for name, value in module.state_dict().items():
                    _fill(value, arrays[f"{prefix}.{name}"])
            for index, parameter in enumerate(self.network.parameters()):
                self._restore_moments(parameter, f"adam.{index}.", arrays)
        except (KeyError, RuntimeError) as error:
            raise ModelFileError("the checkpoint belongs to another network") from error

    def _restore_moments(
        self, parameter: nn.Parameter, prefix: str, arrays: Mapping[str, NDArray[np.generic]]
    ) -> None:
        if f"{prefix}step" not in arrays:  # before the first step
            return
        moments = {name: torch.empty_like(parameter) for name in ("exp_avg", "exp_avg_sq")}
        for name, value in moments.items():
            _fill(value, arrays[prefix + name])
        self.adam.state[parameter] = {"step": _tensor(arrays[f"{prefix}step"]), **moments}


def optimise(
    optimisation: Optimisation,
    draw_loss: Callable[[int], Tensor],
    schedule: Schedule,
    *,
    report_every: int = REPORT_EVERY,
    stop: Callable[[], bool] = lambda: False,
    shrink: Callable[[], bool] = lambda: False,
) -> Generator[OptimiserStep, None, None]:
    """Minimise a loss with Adam, warm-up, cosine decay and averaged weights.

    Parameters
    ----------
    optimisation : Optimisation
        Changed in place; a fresh one, or one that was restored.
    draw_loss : callable
        Draws the batch of a step (from 0) and returns its loss, a scalar tensor. What it
        draws must depend on the step alone: then a resumed training repeats nothing and
        leaves nothing out.
    schedule : Schedule
        Length and learning rate.
    report_every : int, optional
        Steps between two yields, if they take less than a second.
    stop : callable, optional
        Asked before every step; True ends the training early.
    shrink : callable, optional
        Called when a step did not fit into memory: makes the batches smaller and returns
        True, or returns False when they cannot be smaller.

    Yields
    ------
    OptimiserStep
        Every ``report_every`` steps or second, and after the last step. The time until the
        next one is asked for does not count. The generator can be closed at any time;
        ``optimisation`` then holds the state after the last step.

    Raises
    ------
    ParameterError
        If the loss is no longer finite: the learning rate is too high.
    DeviceError
        If not even the smallest batch fits into memory.
    """
    state = optimisation
    state.network.train()
    started = reported = time.monotonic()
    before = state.seconds
    progress = schedule.progress(state.step, state.seconds)
    unreported = False
    while progress < 1.0 and not stop():
        if not _step(state, draw_loss, schedule.rate(progress), schedule.average):
            # Here, not where the error is caught: its traceback still holds the batch.
            release_memory()
            if not shrink():
                raise DeviceError(
                    "the training does not fit into the memory of this device: "
                    "choose a smaller network"
                )
            continue
        now = time.monotonic()
        state.seconds = before + now - started
        progress = schedule.progress(state.step, state.seconds)
        unreported = True
        # Steps of a large network take seconds: closing the generator must not wait for many.
        if state.step % report_every == 0 or progress >= 1.0 or now - reported > 1.0:
            yield _report(state, schedule, progress)
            unreported = False
            started = reported = time.monotonic()
            before = state.seconds
    if unreported:
        yield _report(state, schedule, progress)


def _report(state: Optimisation, schedule: Schedule, progress: float) -> OptimiserStep:
    if not math.isfinite(loss := state.loss):
        raise ParameterError(
            f"the training diverged after {state.step} steps; use a learning rate "
            f"below {schedule.learning_rate}"
        )
    return OptimiserStep(state.step, loss, progress, state.seconds)


def _step(
    state: Optimisation, draw_loss: Callable[[int], Tensor], learning_rate: float, average: float
) -> bool:
    """Take one step; False if it did not fit into memory."""
    try:
        state.descend(draw_loss(state.step), learning_rate=learning_rate, average=average)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        state.adam.zero_grad(set_to_none=True)
        return False
    return True


@torch.no_grad()
def _average(averaged: nn.Module, network: nn.Module, decay: float) -> None:
    for mean, value in zip(averaged.parameters(), network.parameters(), strict=True):
        mean.lerp_(value, 1 - decay)
    for kept, buffer in zip(averaged.buffers(), network.buffers(), strict=True):
        kept.copy_(buffer)


def _tensor(array: NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(np.array(array))


def _fill(tensor: Tensor, array: NDArray[np.generic]) -> None:
    """Copy exactly: broadcasting would hide that a shape is another."""
    if tuple(array.shape) != tuple(tensor.shape):
        raise RuntimeError(f"{array.shape} is not {tuple(tensor.shape)}")
    tensor.copy_(_tensor(array))

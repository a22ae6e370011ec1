"""A training of ReDO while it goes on: batches, steps, looks, restarts."""

from __future__ import annotations

import math
import time

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.foreground.redo.checkpoint import ReDOCheckpoint
from napari_inpaintaff.foreground.redo.looks import coverage, is_collapsed, look
from napari_inpaintaff.foreground.redo.networks import ReDONetworks
from napari_inpaintaff.foreground.redo.parameters import ReDOTraining
from napari_inpaintaff.foreground.redo.steps import Batch, take_step
from napari_inpaintaff.foreground.redo.updates import ReDOLosses, ReDOSamples, ReDOUpdate

#: Images that are looked at; a region may be small, and empty in single ones.
_SEEN = 64
#: Apart from the numbers of steps, which count up.
_CODES_OF_LOOKS = 2**31


class ReDORun:
    """The networks of a training and where it stands.

    Parameters
    ----------
    images : ndarray of float32, shape (N, C, Y, X)
        In [0, 1].
    training : ReDOTraining
        Settings.
    device : torch.device
        Where.
    watched : ndarray of float32, shape (M, C, Y, X), optional
        Images that are looked at; by default the first of the training.

    Attributes
    ----------
    networks : ReDONetworks
        Of the present run.
    run, step : int
        Restarts so far, and steps since the last one.
    seconds : float
        Spent so far, on all runs.
    covered : tuple of float
        See `ReDOUpdate`.
    samples : ReDOSamples or None
        See `ReDOUpdate`.
    """

    def __init__(
        self,
        images: NDArray[np.float32],
        training: ReDOTraining,
        device: torch.device,
        watched: NDArray[np.float32] | None = None,
    ) -> None:
        self.images = _centred(images, device)
        self.watched = self.images[:_SEEN] if watched is None else _centred(watched, device)
        self.training = training
        self.device = device
        self.run = 0
        self.seconds = 0.0
        self._begin()

    def _begin(self) -> None:
        self.step = 0
        self.covered: tuple[float, ...] = ()
        self.samples: ReDOSamples | None = None
        self._looks = 0
        self._losses = torch.zeros(3, device=self.device)
        self.networks = ReDONetworks(
            self.training, self._seed("weights"), self.device, self.images[:_SEEN]
        )

    @property
    def progress(self) -> float:
        """Fraction of the budget that is spent, 0 to 1."""
        return self.training.progress(self.step, self.seconds)

    @property
    def collapsed(self) -> bool:
        """Whether the last look found a region empty."""
        return bool(self.covered) and is_collapsed(self.covered)

    def advance(self) -> None:
        """Take one step.

        Raises
        ------
        ParameterError
            If the losses are no longer finite.
        """
        began = time.monotonic()
        batch = self._draw(self.step)
        learning = self.step >= self.training.wait
        losses = take_step(self.networks, batch, self.training, masks_learn=learning)
        self.step += 1
        # A short memory at first: an average over random weights would never be forgotten.
        self.networks.average(min(self.training.average, self.step / (self.step + 10.0)))
        self._losses = torch.lerp(losses, self._losses, min(0.99, 1 - 1 / self.step))
        self.seconds += time.monotonic() - began

    def look(self) -> None:
        """Draw samples and measure what the regions cover.

        Raises
        ------
        ParameterError
            If the losses are no longer finite.
        """
        if not torch.isfinite(self._losses).all():
            raise ParameterError(
                f"the training diverged after {self.step} steps; use smaller learning rates"
            )
        began = time.monotonic()
        length = self.training.architecture.code
        # The same ones every time, so that people see the networks change and nothing else.
        codes = np.random.default_rng((self.training.seed, _CODES_OF_LOOKS)).standard_normal(
            (len(self.watched), length), np.float32
        )
        self.samples = look(self.networks, self.watched, torch.from_numpy(codes).to(self.device))
        self.covered = coverage(self.samples.masks)
        self._looks = self._looks + 1 if self.collapsed else 0
        self.seconds += time.monotonic() - began

    def restart_if_collapsed(self) -> bool:
        """Begin anew if the run has been collapsed for too long; tell whether it was."""
        hopeless = self._looks >= self.training.patience
        if not hopeless or self.run == self.training.restarts:
            return False
        self.run += 1
        self._begin()
        return True

    def update(self, *, restarted: bool = False) -> ReDOUpdate:
        """Return where the training stands."""
        progress = self.progress
        whole = self.seconds / progress if progress else math.inf
        return ReDOUpdate(
            step=self.step,
            run=self.run,
            losses=ReDOLosses(*self._losses.tolist()),
            coverage=self.covered,
            collapsed=self.collapsed,
            restarted=restarted,
            progress=progress,
            seconds=self.seconds,
            seconds_left=max(0.0, whole - self.seconds),
            samples=self.samples,
        )

    def checkpoint(self) -> ReDOCheckpoint:
        """Return the state, to be stored."""
        losses = tuple(self._losses.tolist())
        arrays = self.networks.arrays()
        return ReDOCheckpoint(self.run, self.step, self.seconds, self._looks, losses, arrays)

    def restore(self, checkpoint: ReDOCheckpoint) -> None:
        """Go on from a stored state.

        Raises
        ------
        ModelFileError
            If it belongs to other networks.
        """
        self.networks.restore(checkpoint.arrays)
        self.run, self.step = checkpoint.run, checkpoint.step
        self.seconds, self._looks = checkpoint.seconds, checkpoint.looks
        self._losses = torch.tensor(checkpoint.losses, device=self.device)

    def _seed(self, purpose: str) -> int:
        sequence = np.random.SeedSequence([self.training.seed, self.run, *purpose.encode()])
        return int(sequence.generate_state(1, np.uint64)[0] >> 1)

    def _draw(self, step: int) -> Batch:
        """Draw what depends on seed, run and step alone, on any device."""
        rng = np.random.default_rng((self.training.seed, self.run, step))
        batch = self.training.batch
        chosen = torch.from_numpy(rng.integers(len(self.images), size=2 * batch))
        images = self.images[chosen.to(self.device)]
        codes = rng.standard_normal((batch, self.training.architecture.code), np.float32)
        real, redrawn = _mirrored(images, rng).chunk(2)
        return Batch(real, redrawn, torch.from_numpy(codes).to(self.device))


def _centred(images: NDArray[np.float32], device: torch.device) -> Tensor:
    """Return images as the networks see them, in [-1, 1]."""
    values = torch.from_numpy(2 * images - 1).to(device)
    return values.contiguous(memory_format=torch.channels_last)


def _mirrored(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Mirror all images of a batch, or none, from left to right."""
    return images.flip(-1) if rng.random() < 0.5 else images

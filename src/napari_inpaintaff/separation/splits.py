"""A batch of splits that evolve together, each at its own iteration."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_inpaintaff.errors import DeviceError
from napari_inpaintaff.inpainting.inpainter import Inpainter
from napari_inpaintaff.networks.cuda_graph import graphed
from napari_inpaintaff.networks.devices import is_out_of_memory, release_memory
from napari_inpaintaff.networks.morphology import band
from napari_inpaintaff.separation.batch_size import suitable_batch
from napari_inpaintaff.separation.information_gain import (
    reassign,
    relative_information_gain,
    smoothing_matrices,
    split_evidence,
)
from napari_inpaintaff.separation.parameters import SeparationParameters

_logger = logging.getLogger(__name__)

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class SplitResult:
    """How a split ended.

    Attributes
    ----------
    slot : int
        Place in the batch.
    sides : tuple of two ndarrays of bool, shape (Y, X), or None
        M and its complement; None if the region was not split: a side ran empty or the
        evidence was too weak.
    """

    slot: int
    sides: tuple[Mask, Mask] | None


class SplitBatch:
    """The splits in flight: tensors of a fixed batch size on the inpainter's device.

    Free slots hold what was there before; it is ignored. A GPU computes them all the same:
    it would gain little, and a graph has one shape. On a CPU a batch that is not full takes
    less time; a split's result does not depend on its neighbours but for rounding. Between
    two steps the host and the device exchange three small messages, however many splits
    there are: those that begin, how far all of them are, and those that ended.

    Parameters
    ----------
    inpainter : Inpainter
        Predicts the bands.
    parameters : SeparationParameters
        Schedule and thresholds.
    size : int, optional
        Side of the windows; by default that of a patch. Of smaller windows there are as
        many more slots as keep the number of pixels.

    Attributes
    ----------
    side, other, hidden : Tensor of bool, shape (slots, Y, X)
        M, its complement, and the band that was predicted last.
    iteration : list of int
        Updates done; -1 for a free slot.
    evidence : list of float
        In nats per pixel of the band.
    """

    def __init__(
        self,
        inpainter: Inpainter,
        parameters: SeparationParameters,
        size: int | None = None,
    ) -> None:
        self.size = parameters.patch if size is None else size
        batch = parameters.batch or suitable_batch(inpainter, parameters.patch)
        self.slots = batch * parameters.patch**2 // self.size**2
        self._together = self.slots
        self._parameters = parameters
        self._distances = (*parameters.band_distances(), max(1, parameters.distance // 2))
        shape = (self.slots, self.size, self.size)
        device = inpainter.device
        smoothing = smoothing_matrices(self.size, parameters.sigmas).to(device)
        limit = max(self._distances)
        lattices = spaced_lattices(self.size, parameters.spacing).to(device)

        def advance(*state: Tensor) -> tuple[Tensor, ...]:
            return advance_splits(inpainter, smoothing, lattices, limit, *state)

        self._advance = graphed(advance) if device.type == "cuda" else advance
        self._values = torch.zeros(shape, device=device)
        self._observed = torch.zeros(shape, dtype=torch.bool, device=device)
        self.side = torch.zeros(shape, dtype=torch.bool, device=device)
        self.other = torch.zeros(shape, dtype=torch.bool, device=device)
        self.hidden = torch.zeros(shape, dtype=torch.bool, device=device)
        self.iteration = [-1] * self.slots
        self.evidence = [0.0] * self.slots

    def free_slots(self) -> list[int]:
        """Return the slots that hold no split."""
        return [slot for slot, iteration in enumerate(self.iteration) if iteration < 0]

    def start(
        self,
        slots: Sequence[int],
        values: NDArray[np.float32],
        observed: Mask,
        regions: Mask,
        horizontal: Sequence[bool],
    ) -> None:
        """Begin to split some regions.

        Parameters
        ----------
        slots : sequence of int
            N free slots.
        values : ndarray of float32, shape (N, Y, X)
            Normalised windows, without NaN.
        observed, regions : ndarray of bool, shape (N, Y, X)
            Pixels with a value, and pixels to split.
        horizontal : sequence of N bool
            Cut at the median row instead of the median column.
        """
        first = np.stack(
            [
                first_half(region, horizontal=cut)
                for region, cut in zip(regions, horizontal, strict=True)
            ]
        )
        device = self.side.device
        where = torch.tensor(slots, device=device)
        masks = torch.from_numpy(np.stack([observed, first, regions & ~first])).to(device)
        self._values[where] = torch.from_numpy(values).to(device)
        self._observed[where], self.side[where], self.other[where] = masks
        for slot in slots:
            self.iteration[slot] = 0

    def step(self) -> list[SplitResult]:
        """Advance every split by one iteration.

        Returns
        -------
        list of SplitResult
            The splits that ended; their slots are free afterwards.
        """
        last = self._parameters.iterations
        slots = self._slots_to_compute()
        lattices = self._parameters.spacing**2
        plan = [
            # Wide and narrow bands take turns: a lattice stays for one of each.
            (self._distances[max(iteration, 0)], 0 <= iteration < last, iteration // 2 % lattices)
            for iteration in (self.iteration[slot] for slot in slots)
        ]
        where = torch.tensor(slots, device=self.side.device)
        state: tuple[Tensor, ...] = (self._values, self._observed, self.side, self.other)
        if len(slots) < self.slots:
            state = tuple(tensor[where] for tensor in state)
        plans = torch.tensor(plan, device=self.side.device)
        while (advanced := self._try_to_advance((*state, plans))) is None:
            # Here, not where the error is caught: its traceback still holds the batch.
            release_memory()
            if self._together == 1:
                raise DeviceError(
                    "a single patch does not fit into the memory of this device: "
                    "choose a smaller network, or --device cpu"
                )
            self._together = (min(self._together, len(slots)) + 1) // 2
            _logger.warning("out of memory: going on with batches of %d windows", self._together)
        *masks, report = advanced
        if len(slots) == self.slots:
            self.side, self.other, self.hidden = masks
        else:
            self.side[where], self.other[where], self.hidden[where] = masks
        return self._finish(dict(zip(slots, report.tolist(), strict=True)))

    def _slots_to_compute(self) -> list[int]:
        """Return the slots of the next step: those in use, and a few of the others."""
        if self.side.device.type != "cpu":
            return list(range(self.slots))
        used = sum(iteration >= 0 for iteration in self.iteration)
        # Few different sizes: the kernels for each have to be prepared.
        size = min(1 << max(0, used - 1).bit_length(), self.slots)
        slots = sorted(range(self.slots), key=lambda slot: self.iteration[slot] < 0)
        return sorted(slots[:size])

    def _try_to_advance(self, state: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        """Advance as many splits at a time as fit into memory; None if they did not fit."""
        chunks = zip(*(torch.split(tensor, self._together) for tensor in state), strict=True)
        try:
            parts = [self._advance(*chunk) for chunk in chunks]
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return None
        if len(parts) == 1:
            return parts[0]
        return tuple(torch.cat(tensors) for tensors in zip(*parts, strict=True))

    def _finish(self, report: dict[int, list[float]]) -> list[SplitResult]:
        minimum = self._parameters.minimum_side
        ended, accepted = [], []
        for slot, (side, other, evidence) in report.items():
            if self.iteration[slot] < 0:
                continue
            self.evidence[slot] = evidence
            self.iteration[slot] += 1
            empty = min(side, other) < minimum
            complete = self.iteration[slot] > self._parameters.iterations
            if complete and not empty and evidence >= self._parameters.minimum_gain:
                accepted.append(slot)
            if empty or complete:
                ended.append(slot)
                self.iteration[slot] = -1
        sides = dict(zip(accepted, self._sides(accepted), strict=True))
        return [SplitResult(slot, sides.get(slot)) for slot in ended]

    def _sides(self, slots: list[int]) -> list[tuple[Mask, Mask]]:
        if not slots:
            return []
        both = torch.stack([self.side[slots], self.other[slots]], dim=1).cpu().numpy()
        return [(side, other) for side, other in both]


@torch.no_grad()
def advance_splits(
    inpainter: Inpainter,
    smoothing: Tensor,
    lattices: Tensor,
    limit: int,
    values: Tensor,
    observed: Tensor,
    side: Tensor,
    other: Tensor,
    plan: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Predict the bands of a batch of splits from both sides, and move what can be moved.

    Parameters
    ----------
    inpainter : Inpainter
        Predicts the bands.
    smoothing : Tensor of float32, shape (S, Y, Y)
        See `information_gain.smoothing_matrices`.
    lattices : Tensor of bool, shape (L, Y, X)
        See `spaced_lattices`.
    limit : int
        Largest half width of a band that occurs.
    values : Tensor of float32, shape (B, Y, X)
        Normalised, without NaN.
    observed, side, other : Tensor of bool, shape (B, Y, X)
        Pixels with a value, M, and its complement.
    plan : Tensor of int, shape (B, 3)
        Half width of the band, whether M may move, and which lattice of the band it is.

    Returns
    -------
    side, other, hidden : Tensor of bool, shape (B, Y, X)
        The new M, its complement, and the band.
    report : Tensor of float32, shape (B, 3)
        Pixels of the new M and of its complement, and the evidence for the old ones.
    """
    hidden = band(side, other, plan[:, 0], limit)
    if len(lattices) > 1:
        hidden &= lattices[plan[:, 2]]
    gain = relative_information_gain(inpainter, values, observed, side, other, hidden)
    evidence = split_evidence(gain, side, hidden & observed)
    moved = reassign(gain, side, hidden, smoothing)
    region = side | other
    side = torch.where(plan[:, 1].bool()[:, None, None], moved, side)
    other = region & ~side
    report = torch.stack([side.sum((1, 2)), other.sum((1, 2)), evidence], dim=1)
    return side, other, hidden, report


def spaced_lattices(size: int, spacing: int) -> Tensor:
    """Return the lattices of pixels that are a spacing apart.

    Parameters
    ----------
    size : int
        Side of a window, in pixels.
    spacing : int
        Distance of neighbours along y and x.

    Returns
    -------
    Tensor of bool, shape (spacing * spacing, size, size)
        Every pixel is in one of them. Those that follow each other are far apart.
    """
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    # Diagonally first: the next lattice fills the gaps of the last one.
    phases = [(k % spacing, (k + k // spacing) % spacing) for k in range(spacing**2)]
    return torch.stack([(y % spacing == row) & (x % spacing == column) for row, column in phases])


def first_half(region: Mask, *, horizontal: bool) -> Mask:
    """Cut a region in two at its median coordinate.

    Parameters
    ----------
    region : ndarray of bool, shape (Y, X)
        Pixels to cut.
    horizontal : bool
        Cut between two rows instead of two columns.

    Returns
    -------
    ndarray of bool, shape (Y, X)
        The upper or left part: as close to half of the pixels as whole rows or columns get.
    """
    if not horizontal:
        return first_half(region.T, horizontal=True).T
    upto = np.cumsum(region.sum(axis=1))
    half = region.copy()
    half[np.abs(upto - upto[-1] / 2).argmin() + 1 :] = False
    return half


def orientation(seed: int, origin: Sequence[int], depth: int) -> bool:
    """Draw whether a first half is cut horizontally.

    Parameters
    ----------
    seed : int
        Of the whole run.
    origin : sequence of two int
        (y, x) of the patch.
    depth : int
        Of the region in the hierarchy of its patch.

    Returns
    -------
    bool
        A fair coin that depends on nothing but the arguments (SplitMix64 of them).
    """
    state = 0
    for word in (seed, origin[0], origin[1], depth):
        state = (state ^ (word & _WORD)) + 0x9E3779B97F4A7C15 & _WORD
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & _WORD
        state = (state ^ state >> 27) * 0x94D049BB133111EB & _WORD
        state ^= state >> 31
    return bool(state & 1)


_WORD = (1 << 64) - 1

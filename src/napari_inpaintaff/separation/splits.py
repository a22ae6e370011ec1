"""A batch of splits that evolve together, each at its own iteration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from napari_inpaintaff.inpainting.inpainter import Inpainter
from napari_inpaintaff.networks.morphology import band
from napari_inpaintaff.separation.information_gain import (
    reassign,
    relative_information_gain,
    smoothing_matrices,
    split_evidence,
)
from napari_inpaintaff.separation.parameters import SeparationParameters


@dataclass(frozen=True)
class SplitResult:
    """How a split ended.

    Attributes
    ----------
    slot : int
        Place in the batch.
    sides : tuple of two Tensors of bool, shape (Y, X), or None
        M and its complement; None if the region was not split: a side ran empty or the
        evidence was too weak.
    """

    slot: int
    sides: tuple[Tensor, Tensor] | None


class SplitBatch:
    """The splits in flight: tensors of a fixed batch size on the inpainter's device.

    The size of the batch never changes, whatever it holds, so that a split's result does
    not depend on its neighbours. Free slots hold what was there before; it is ignored.

    Parameters
    ----------
    inpainter : Inpainter
        Predicts the bands.
    parameters : SeparationParameters
        Schedule and thresholds.
    size : int, optional
        Side of the windows; by default that of a patch. Of smaller windows there are as
        many more slots as keep the number of pixels.
    """

    def __init__(
        self, inpainter: Inpainter, parameters: SeparationParameters, size: int | None = None
    ) -> None:
        self.size = parameters.patch if size is None else size
        self.slots = parameters.batch * parameters.patch**2 // self.size**2
        self._inpainter = inpainter
        self._parameters = parameters
        self._distances = (*parameters.band_distances(), max(1, parameters.distance // 2))
        shape = (self.slots, self.size, self.size)
        device = inpainter.device
        self._smoothing = smoothing_matrices(self.size, parameters.sigmas).to(device)
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
        self, slot: int, values: Tensor, observed: Tensor, region: Tensor, *, horizontal: bool
    ) -> None:
        """Begin to split a region.

        Parameters
        ----------
        slot : int
            A free slot.
        values : Tensor of float32, shape (Y, X)
            Normalised window, without NaN.
        observed, region : Tensor of bool, shape (Y, X)
            Pixels with a value, and pixels to split.
        horizontal : bool
            Cut at the median row instead of the median column.
        """
        first = first_half(region, horizontal=horizontal)
        self._values[slot] = values
        self._observed[slot] = observed
        self.side[slot] = first
        self.other[slot] = region & ~first
        self.iteration[slot] = 0

    def step(self) -> list[SplitResult]:
        """Advance every split by one iteration.

        Returns
        -------
        list of SplitResult
            The splits that ended; their slots are free afterwards.
        """
        distances = [self._distances[max(iteration, 0)] for iteration in self.iteration]
        device = self.side.device
        distance = torch.tensor(distances, device=device)
        self.hidden = band(self.side, self.other, distance, max(distances))
        gain = relative_information_gain(
            self._inpainter, self._values, self._observed, self.side, self.other, self.hidden
        )
        evidence = split_evidence(gain, self.side, self.hidden & self._observed)
        updates = [0 <= iteration < self._parameters.iterations for iteration in self.iteration]
        moved = reassign(gain, self.side, self.hidden, self._smoothing)
        update = torch.tensor(updates, device=device)[:, None, None]
        region = self.side | self.other
        self.side = torch.where(update, moved, self.side)
        self.other = region & ~self.side
        sizes = torch.stack([self.side.sum((1, 2)), self.other.sum((1, 2))]).float()
        report = torch.cat([sizes, evidence[None]]).cpu()
        return self._finish(report)

    def _finish(self, report: Tensor) -> list[SplitResult]:
        minimum = self._parameters.minimum_side
        results = []
        for slot, (side, other, evidence) in enumerate(report.T.tolist()):
            if self.iteration[slot] < 0:
                continue
            self.evidence[slot] = evidence
            self.iteration[slot] += 1
            empty = min(side, other) < minimum
            complete = self.iteration[slot] > self._parameters.iterations
            if not (empty or complete):
                continue
            accepted = complete and not empty and evidence >= self._parameters.minimum_gain
            sides = (self.side[slot].clone(), self.other[slot].clone()) if accepted else None
            results.append(SplitResult(slot, sides))
            self.iteration[slot] = -1
        return results


def first_half(region: Tensor, *, horizontal: bool) -> Tensor:
    """Cut a region in two at its median coordinate.

    Parameters
    ----------
    region : Tensor of bool, shape (Y, X)
        Pixels to cut.
    horizontal : bool
        Cut between two rows instead of two columns.

    Returns
    -------
    Tensor of bool, shape (Y, X)
        The upper or left part: as close to half of the pixels as whole rows or columns get.
    """
    counts = region.sum(1 if horizontal else 0)
    upto = counts.cumsum(0)
    rows = torch.arange(len(counts), device=region.device)
    cut = (upto - upto[-1] / 2).abs().argmin()
    first = rows <= cut
    return region & (first[:, None] if horizontal else first[None, :])


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

"""Parts of the images that a student is not trained on, and how well it does there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from napari_inpaintaff.datatypes import Offset
from napari_inpaintaff.separation.distillation_pairs import PatchSampler, pair_logits, to_device
from napari_inpaintaff.separation.distillation_patches import Patches

_Block = tuple[int, int, int]

#: On at most so many patches a student is measured, ...
_MOST_PATCHES = 256
#: ... so many at a time.
_BATCH = 32
#: Affinities are compared as if they had so many different values.
_LEVELS = 4096


def held_out_pixels(
    patches: Patches, part: float, seed: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Choose blocks of the images, with the side of a patch, that are held out.

    Parameters
    ----------
    patches : Patches
        Where they may be: in blocks that hold the middle of a patch, and nothing that the user
        has labelled.
    part : float
        Of these blocks, that is held out; at least one of two or more, unless it is 0.
    seed : int
        Same seed, same blocks.

    Returns
    -------
    pixels : ndarray of bool, shape (N, P, P)
        What of the patches lies in held-out blocks.
    inside : ndarray of bool, shape (N,)
        Patches with their middle in such a block.
    """
    middles = [_block(patches, index, patches.side // 2) for index in range(len(patches))]
    labelled = {
        block
        for index in np.flatnonzero(patches.labels.any((1, 2))).tolist()
        for block, pixels in _blocks_of(patches, index)
        if patches.labels[index][pixels].any()
    }
    free = sorted(set(middles) - labelled)
    count = min(max(1, round(part * len(free))), len(free) - 1) if part > 0 else 0
    random = np.random.default_rng([seed, 0])
    chosen = {free[index] for index in random.permutation(len(free))[: max(count, 0)]}
    held = np.zeros(patches.wanted.shape, bool)
    for index in range(len(patches)):
        for block, pixels in _blocks_of(patches, index):
            if block in chosen:
                held[index][pixels] = True
    return held, np.array([block in chosen for block in middles], bool)


def _block(patches: Patches, index: int, offset: int) -> _Block:
    y, x = (int(start) + offset for start in patches.origin[index])
    return int(patches.image[index]), y // patches.side, x // patches.side


def _blocks_of(patches: Patches, index: int) -> Iterator[tuple[_Block, tuple[slice, slice]]]:
    """Yield the blocks that a patch touches, and which of its pixels lie in each."""
    side = patches.side
    cuts = [int(-start % side) for start in patches.origin[index]]
    first = _block(patches, index, 0)
    for down, rows in enumerate((slice(0, cuts[0] or side), slice(cuts[0] or side, side))):
        for right, columns in enumerate((slice(0, cuts[1] or side), slice(cuts[1] or side, side))):
            if rows.start < side and columns.start < side:
                yield (first[0], first[1] + down, first[2] + right), (rows, columns)


class HeldOutPairs:
    """Measures how far a student agrees with the inpainter, where it was not trained.

    The *agreement* is the probability that of two pairs of foreground pixels, one in two
    leaves and one in the same, the student gives the first the lower affinity (the area under
    the ROC curve). 1 is perfect order, 0.5 is guessing. It does not depend on how rare pairs in
    different leaves are, nor on whether the affinities are systematically too high, which
    alpha makes up for. The leaves of single patches contradict each other: a student that
    knows their average perfectly stays below 1.

    Parameters
    ----------
    sampler : PatchSampler
        Of the patches, with the pixels allowed that are measured on.
    chosen : ndarray of int
        The patches; of many, 256 are taken.
    offsets : sequence of (int, int)
        Of the student.
    device : torch.device
        Of the student.
    """

    def __init__(
        self,
        sampler: PatchSampler,
        chosen: NDArray[np.integer],
        offsets: Sequence[Offset],
        device: torch.device,
    ) -> None:
        self._offsets = tuple(offsets)
        self._batches = [
            to_device(sampler.take(chosen[start : start + _BATCH], inner=True), device)
            for start in range(0, min(len(chosen), _MOST_PATCHES), _BATCH)
        ]

    @torch.inference_mode()
    def measure(self, network: nn.Module) -> float | None:
        """Return the agreement of a network; None if all pairs have the same answer.

        Parameters
        ----------
        network : Module
            In evaluation mode, on the device.
        """
        counts = torch.zeros(2, _LEVELS, dtype=torch.float64)
        for questions in self._batches:
            same, weight = questions.answers(self._offsets)
            affinities = pair_logits(network, questions).sigmoid()
            for answer in (0, 1):
                chosen = affinities[(same == answer) & (weight > 0)]
                counts[answer] += torch.histc(chosen.cpu(), _LEVELS, 0, 1)
        different, together = counts
        pairs = different.sum() * together.sum()
        if not pairs:
            return None
        below = different.cumsum(0) - different / 2
        return float((together * below).sum() / pairs)

"""How well a network tells pairs that belong together from others, where it was not trained."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from napari_inpaintaff.datatypes import Offset
from napari_inpaintaff.separation.pair_questions import PatchSampler, pair_logits, to_device

#: On at most so many patches a network is measured, ...
_MOST_PATCHES = 256
#: ... so many at a time.
_BATCH = 32
#: Affinities are compared as if they had so many different values.
_LEVELS = 4096


class HeldOutPairs:
    """Measures how far a network agrees with its teacher, where it was not trained.

    The *agreement* is the probability that of two pairs of foreground pixels, one in two
    segments and one in the same, the network gives the first the lower affinity (the area
    under the ROC curve). 1 is perfect order, 0.5 is guessing. It does not depend on how rare
    pairs in different segments are, nor on whether the affinities are systematically too high,
    which alpha makes up for. The leaves of single patches contradict each other: a student
    that knows their average perfectly stays below 1.

    Parameters
    ----------
    sampler : PatchSampler
        Of the patches, with the pixels allowed that are measured on.
    chosen : ndarray of int
        The patches; of many, 256 are taken.
    offsets : sequence of (int, int)
        Of the network.
    device : torch.device
        Of the network.
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

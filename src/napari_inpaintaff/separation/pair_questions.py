"""What a network has to answer: pairs of pixels, and who of them belongs together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from napari_inpaintaff.datatypes import Offset
from napari_inpaintaff.networks.devices import autocast
from napari_inpaintaff.separation.affinities import pair_slices
from napari_inpaintaff.separation.training_patches import Patches

#: Of a network that answers questions for offsets: a scalar.
PairLoss = Callable[[nn.Module, "Questions", Sequence[Offset]], Tensor]

#: What a pair of pixels that the user has labelled weighs: as much as so many others.
_LABEL_WEIGHT = 10.0
#: Patches are multiplied by up to this factor, and its inverse.
_CONTRAST = 1.2


@dataclass(frozen=True, eq=False)
class Questions:
    """A batch of patches, and which pairs of their pixels count.

    Attributes
    ----------
    values : Tensor of float32, shape (B, Y, X)
        Normalised; 0 where unknown.
    known : Tensor of bool, shape (B, Y, X)
        Pixels with a value.
    segments, labels : Tensor of float32, shape (B, Y, X)
        Whole numbers: leaves or cells, and what the user has labelled (0 where nothing).
    first, second : Tensor of bool, shape (B, Y, X)
        Pixels whose pairs count, and pixels that may be their partners.
    """

    values: Tensor
    known: Tensor
    segments: Tensor
    labels: Tensor
    first: Tensor
    second: Tensor

    def answers(self, offsets: Sequence[Offset], *, either: bool = False) -> tuple[Tensor, Tensor]:
        """Return whether the pixels of pairs belong together, and how much each pair counts.

        What the user says counts more than what the inpainter found.

        Parameters
        ----------
        offsets : sequence of (int, int)
            K offsets from pixel to partner.
        either : bool, optional
            Whether pairs count, too, in which only the partner is one of ``first``.

        Returns
        -------
        same, weight : Tensor of float32, shape (B, K, Y, X)
            1 or 0; weight 0 where a pixel has no partner.
        """
        batch, height, width = self.values.shape
        same = torch.zeros(batch, len(offsets), height, width, device=self.values.device)
        weight = torch.zeros_like(same)
        for k, offset in enumerate(offsets):
            here, there = ((slice(None), *part) for part in pair_slices((height, width), offset))
            together = self.segments[here] == self.segments[there]
            counted = self.first[here] & self.second[there]
            if either:
                counted = counted | (self.second[here] & self.first[there])
            counts = counted.float()
            both = (self.labels[here] > 0) & (self.labels[there] > 0)
            told = self.labels[here] == self.labels[there]
            same[:, k][here] = torch.where(both, told, together).float()
            weight[:, k][here] = torch.where(both, _LABEL_WEIGHT * counts, counts)
        return same, weight


class PatchSampler:
    """Draws batches of patches with flips, quarter turns and another contrast.

    A batch depends on the seed and the step only.

    Parameters
    ----------
    patches : Patches
        With segments.
    allowed : ndarray of bool, shape (N, P, P)
        Pixels whose pairs may be asked for; others are in no pair.
    stride : int
        Of the network: patches are padded with unknown pixels to a multiple of it.
    seed : int
        Same seed, same batches.
    """

    def __init__(
        self, patches: Patches, allowed: NDArray[np.bool_], *, stride: int, seed: int
    ) -> None:
        self._patches = patches
        self._allowed = allowed
        self._side = math.ceil(patches.side / stride) * stride
        self._seed = seed

    def __len__(self) -> int:
        return len(self._patches)

    def seed_of(self, step: int) -> int:
        """Return a seed of its own for every step."""
        return int(np.random.SeedSequence([self._seed, step]).generate_state(1)[0])

    def draw(self, step: int, batch: int) -> Questions:
        """Draw the batch of a step.

        Parameters
        ----------
        step : int
            Each step has patches of its own.
        batch : int
            Number of patches.
        """
        random = np.random.default_rng([self._seed, step])
        chosen = random.integers(len(self._patches), size=batch)
        turns = random.integers(2, size=(batch, 3))
        factors = _CONTRAST ** random.uniform(-1, 1, batch).astype(np.float32)
        drawn = self._stack(chosen)
        for maps, (transposed, upside_down, mirrored) in zip(drawn, turns, strict=True):
            turned = maps.transpose(0, 2, 1) if transposed else maps
            turned = turned[:, :: -1 if upside_down else 1, :: -1 if mirrored else 1]
            maps[:] = turned.copy()
        drawn[:, 0] *= factors[:, None, None]
        return _questions(drawn)

    def take(self, chosen: NDArray[np.integer], *, inner: bool) -> Questions:
        """Return patches as they are.

        Parameters
        ----------
        chosen : ndarray of int
            Their indices.
        inner : bool
            Whether only pairs of two wanted pixels count.
        """
        questions = _questions(self._stack(chosen))
        if not inner:
            return questions
        return Questions(**{**vars(questions), "second": questions.first})

    def _stack(self, chosen: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the maps of patches, (B, 6, Y, X), in the order of `Questions`."""
        patches = self._patches
        values = patches.values[chosen]
        known = np.isfinite(values)
        allowed = self._allowed[chosen] & known
        maps = (
            np.where(known, values, 0),
            known,
            patches.leaves[chosen],
            patches.labels[chosen],
            patches.wanted[chosen] & allowed,
            allowed,
        )
        result = np.zeros((len(chosen), len(maps), self._side, self._side), np.float32)
        for place, one in enumerate(maps):
            result[:, place, : patches.side, : patches.side] = one
        return result


def _questions(maps: NDArray[np.float32]) -> Questions:
    values, known, segments, labels, first, second = torch.from_numpy(maps).unbind(1)
    return Questions(values, known > 0, segments, labels, first > 0, second > 0)


def to_device(questions: Questions, device: torch.device) -> Questions:
    """Return questions on a device."""
    return Questions(
        **{name: value.to(device, non_blocking=True) for name, value in vars(questions).items()}
    )


def pair_logits(network: nn.Module, questions: Questions) -> Tensor:
    """Return what a network says about all pairs: float32, shape (B, K, Y, X)."""
    with autocast(questions.values.device):
        logits: Tensor = network(questions.values[:, None], questions.known[:, None].float())
    return logits.float()


def pair_loss(network: nn.Module, questions: Questions, offsets: Sequence[Offset]) -> Tensor:
    """Return the cross-entropy of the answers of a network.

    Pairs are not weighted by how rare their answer is: the affinities are to be
    probabilities, between which the mutex watershed weighs.

    Parameters
    ----------
    network : Module
        Gives a logit for every offset.
    questions : Questions
        On the network's device.
    offsets : sequence of (int, int)
        Of its outputs.

    Returns
    -------
    Tensor
        Scalar: nats per pair.
    """
    same, weight = questions.answers(offsets)
    losses = functional.binary_cross_entropy_with_logits(
        pair_logits(network, questions), same, weight, reduction="sum"
    )
    loss: Tensor = losses / weight.sum().clamp(min=1)
    return loss


def dice_loss(network: nn.Module, questions: Questions, offsets: Sequence[Offset]) -> Tensor:
    """Return 1 - Dice of the cuts that a network makes, the mean over all offsets.

    The Sørensen-Dice coefficient of every channel (Wolf et al. 2018, "The mutex watershed",
    section 5.1) does not depend on how rare cuts are. It is that of the complement of the
    affinities, ``2 * sum(c * t) / sum(c ** 2 + t ** 2)`` for predicted cuts c and true cuts t.
    Pairs with a pixel of a cell count; whether two pixels of the background belong together is
    nobody's question, since the foreground is found elsewhere.

    Parameters
    ----------
    network : Module
        Gives a logit for every offset.
    questions : Questions
        On the network's device.
    offsets : sequence of (int, int)
        Of its outputs.

    Returns
    -------
    Tensor
        Scalar in [0, 1]. Offsets without any true cut in the batch have no part in it.
    """
    same, weight = questions.answers(offsets, either=True)
    cuts = (1 - same) * weight
    predicted = (-pair_logits(network, questions)).sigmoid() * weight
    both = (cuts * predicted).sum((0, 2, 3))
    sizes = (cuts**2 + predicted**2).sum((0, 2, 3))
    told = cuts.sum((0, 2, 3)) > 0
    dice = 2 * both / sizes.clamp(min=1e-6)
    loss: Tensor = ((1 - dice) * told).sum() / told.sum().clamp(min=1)
    return loss

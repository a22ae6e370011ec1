"""What the students of a distillation learn from, and their trainings."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from napari_inpaintaff.datatypes import Offset
from napari_inpaintaff.inpainting.inpainter import Inpainter
from napari_inpaintaff.inpainting.metadata import ARCHITECTURES
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks.architecture import UNetArchitecture
from napari_inpaintaff.networks.devices import place
from napari_inpaintaff.networks.schedule import Schedule
from napari_inpaintaff.networks.unet import seeded_unet
from napari_inpaintaff.separation.distillation_held_out import held_out_pixels
from napari_inpaintaff.separation.distillation_parameters import Distillation
from napari_inpaintaff.separation.held_out_pairs import HeldOutPairs
from napari_inpaintaff.separation.pair_questions import PatchSampler, pair_loss
from napari_inpaintaff.separation.pair_training import PairTraining, train_on_pairs
from napari_inpaintaff.separation.starting_weights import Start, starting_weights
from napari_inpaintaff.separation.student import Student
from napari_inpaintaff.separation.training_patches import Patches
from napari_inpaintaff.separation.training_updates import DistillationUpdate


@dataclass(frozen=True, eq=False)
class Lesson:
    """What all students of a distillation learn from.

    Attributes
    ----------
    patches : Patches
        Taken apart.
    architecture : UNetArchitecture
        Of the students: that of the model they start from; else that of the teacher, if it is
        a plain U-Net, or that of the small one.
    start : dict of str to ndarray
        Weights that they begin with: see `starting_weights`.
    offsets : tuple of (int, int)
        Of their outputs.
    held_out : ndarray of bool, shape (N, P, P)
        Pixels that are not learned.
    learned, measured : ndarray of int
        The patches to train on, and those with their middle in a held-out block.
    batch, seed : int
        See `Distillation`.
    device : torch.device
        Where to train.
    """

    patches: Patches
    architecture: UNetArchitecture
    start: Mapping[str, NDArray[np.float32]]
    offsets: tuple[Offset, ...]
    held_out: NDArray[np.bool_]
    learned: NDArray[np.int64]
    measured: NDArray[np.int64]
    batch: int
    seed: int
    device: torch.device

    @classmethod
    def of(
        cls,
        patches: Patches,
        inpainter: Inpainter,
        distillation: Distillation,
        device: torch.device,
        start: Student | None = None,
    ) -> Self:
        """Part the patches into those that are learned and those that are held out.

        Raises
        ------
        ParameterError
            If the student cannot begin with the weights of ``start``.
        """
        offsets = distillation.separation.offsets
        model: Start = inpainter if start is None else start
        architecture = model.metadata.architecture
        if start is None and architecture.kind != "plain":
            architecture = ARCHITECTURES["small"]
        architecture = replace(architecture, outputs=len(offsets))
        pixels, inside = held_out_pixels(patches, distillation.validation, distillation.seed)
        return cls(
            patches,
            architecture,
            starting_weights(model, architecture, offsets),
            offsets,
            pixels,
            np.flatnonzero(~inside),
            np.flatnonzero(inside),
            distillation.batch,
            distillation.seed,
            device,
        )

    @property
    def holds_out(self) -> bool:
        """Whether there are patches to measure on that are not learned."""
        return len(self.measured) > 0

    def training(self, schedule: Schedule) -> PairTraining[DistillationUpdate]:
        """Begin to train a student, which is measured."""
        if self.holds_out:
            sampler = self._sampler(self.measured, self.held_out, self.seed)
        else:
            sampler = self._sampler(self.learned, ~self.held_out, self.seed)
        everything = np.arange(len(sampler))
        pairs = HeldOutPairs(sampler, everything, self.offsets, self.device)
        return self._training(self.learned, pairs, schedule, self.seed)

    def twin_training(self, which: int, schedule: Schedule) -> PairTraining[DistillationUpdate]:
        """Begin to train a student of one half of the patches, 0 or 1, which is not measured."""
        chosen = self.learned[which::2]
        sampler = self._sampler(chosen, ~self.held_out, self.seed)
        pairs = HeldOutPairs(sampler, np.arange(0), self.offsets, self.device)
        return self._training(chosen, pairs, schedule, self.seed + 1 + which)

    def _training(
        self, chosen: NDArray[np.int64], pairs: HeldOutPairs, schedule: Schedule, seed: int
    ) -> PairTraining[DistillationUpdate]:
        network = seeded_unet(self.architecture, self.seed)
        tensors = {name: torch.from_numpy(value) for name, value in self.start.items()}
        network.load_state_dict(tensors, strict=False)
        return PairTraining(
            network=place(network, self.device),
            sampler=self._sampler(chosen, ~self.held_out, seed),
            pairs=pairs,
            offsets=self.offsets,
            loss=pair_loss,
            update_type=DistillationUpdate,
            schedule=schedule,
            batch=self.batch,
        )

    def _sampler(
        self, chosen: NDArray[np.int64], allowed: NDArray[np.bool_], seed: int
    ) -> PatchSampler:
        stride = self.architecture.stride
        return PatchSampler(self.patches[chosen], allowed[chosen], stride=stride, seed=seed)


def train_twins(
    lesson: Lesson, schedule: Schedule, *, stop: Callable[[], bool] = lambda: False
) -> Generator[Progress, None, tuple[nn.Module, nn.Module] | None]:
    """Train two students, each on one half of the patches.

    Parameters
    ----------
    lesson : Lesson
        What to learn from.
    schedule : Schedule
        Steps of each, and minutes of both.
    stop : callable, optional
        Asked before every step; True ends it, and there are none.

    Yields
    ------
    Progress
        Every twenty steps.

    Returns
    -------
    tuple of two Modules, or None
        None as well if there is one patch only.
    """
    networks: list[nn.Module] = []
    if len(lesson.learned) < 2:
        return None
    if schedule.minutes is not None:
        schedule = replace(schedule, minutes=schedule.minutes / 2)
    for which in (0, 1):
        training = lesson.twin_training(which, schedule)
        for update in train_on_pairs(training, stop=stop):
            done = round(50 * (which + update.progress))
            yield Progress(done, 100, "Two students of half the patches, to choose alpha")
        if not training.finished:
            return None
        networks.append(training.best_network())
    return networks[0], networks[1]

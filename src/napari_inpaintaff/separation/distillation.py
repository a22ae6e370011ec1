"""Distillation: a student learns what an inpainter's information gain finds in patches."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from napari_inpaintaff.datatypes import Offset
from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images import Plane
from napari_inpaintaff.inpainting.inpainter import Inpainter
from napari_inpaintaff.inpainting.metadata import ARCHITECTURES
from napari_inpaintaff.inpainting.training_images import as_planes
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks.architecture import UNetArchitecture
from napari_inpaintaff.networks.devices import pick_device, place
from napari_inpaintaff.networks.schedule import Schedule
from napari_inpaintaff.networks.unet import seeded_unet
from napari_inpaintaff.separation.distillation_held_out import HeldOutPairs, held_out_pixels
from napari_inpaintaff.separation.distillation_pairs import PatchSampler
from napari_inpaintaff.separation.distillation_parameters import (
    LABELLING_SHARE,
    Distillation,
    DistillationUpdate,
)
from napari_inpaintaff.separation.distillation_patches import (
    Patches,
    StudyImage,
    sample_patches,
    take_apart,
)
from napari_inpaintaff.separation.distillation_training import Training, train_student
from napari_inpaintaff.separation.student import Student
from napari_inpaintaff.separation.student_metadata import StudentMetadata

#: What the record says about the patches that the agreement was measured on.
_MEASURED_ON = {True: "held-out parts of the images", False: "the training patches"}


ChooseAlpha = Callable[[Student, Student], Generator[Progress, None, float]]


def distill(
    images: Sequence[Plane | NDArray[Any]],
    inpainter: Inpainter,
    distillation: Distillation | None = None,
    *,
    name: str = "student",
    foregrounds: Sequence[NDArray[np.bool_] | None] | None = None,
    labels: Sequence[NDArray[np.integer] | None] | None = None,
    diameter: float | None = None,
    notes: Mapping[str, Any] | None = None,
    choose_alpha: ChooseAlpha | None = None,
    device: str = "auto",
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Progress | DistillationUpdate, None, Student]:
    """Train a student on the images that it is to take apart.

    The inpainter takes patches of the images apart, and a plain U-Net learns to predict in one
    pass which pairs of pixels it left together. It starts from the weights of the inpainter, if
    that is a plain U-Net, too.

    Parameters
    ----------
    images : sequence of Plane or ndarray, shape (Y, X)
        Raw intensities; NaN and infinite ones are unknown. Images that cannot be read are
        left out.
    inpainter : Inpainter
        The teacher.
    distillation : Distillation, optional
        How many patches, and how long.
    name : str, optional
        Of the student.
    foregrounds : sequence of ndarray of bool, shape (Y, X), or None, optional
        Where the cells are in every image; None means everywhere. Patches are drawn there,
        and the pixels of its pairs are learned.
    labels : sequence of ndarray of int, shape (Y, X), or None, optional
        Cells that the user has labelled in every image, as few as there are; 0 is unlabelled.
        What they say about pairs of labelled pixels outweighs the inpainter.
    diameter : float, optional
        Typical diameter of the cells in these images, in pixels, if it is not the
        inpainter's. The student, too, has to be told it.
    notes : mapping, optional
        Data and licence, for the model file.
    choose_alpha : callable, optional
        Is given two students that learned from one half of the patches each; yields `Progress`
        and returns the alpha of the student. Without it, and if the training is stopped, alpha
        is 1.5.
    device : str, optional
        Where to train: ``auto``, ``cpu``, ``cuda`` or ``mps``. The inpainter stays where it is.
    stop : callable, optional
        Asked before every step; True ends the training and keeps the best weights so far.

    Yields
    ------
    Progress or DistillationUpdate
        The first while images are read and patches are taken apart, the second every twenty
        steps of the training. Not asking for the next one cancels the distillation.

    Returns
    -------
    Student
        With the best agreement on held-out parts of the images; see `HeldOutPairs`.

    Raises
    ------
    ImageError
        If there is no image or no foreground, or a foreground does not fit its image.
    ParameterError
        If the numbers of images, foregrounds and labels differ, the diameter is too far from
        the inpainter's, or nothing was learned before the end.
    DeviceError
        If the device is not available or its memory too small.
    """
    distillation = Distillation() if distillation is None else distillation
    where = pick_device(device)
    started = time.monotonic()
    studied = _studied(as_planes(images), foregrounds, labels)
    patches = yield from sample_patches(studied, inpainter, distillation, diameter=diameter)

    def labelled_enough() -> bool:
        minutes = (time.monotonic() - started) / 60
        limit = distillation.minutes
        return stop() or (limit is not None and minutes > LABELLING_SHARE * limit)

    patches = yield from take_apart(patches, inpainter, distillation, stop=labelled_enough)
    if stop():
        raise ParameterError(
            "the distillation was stopped before the student had begun to learn: there is "
            "nothing to keep"
        )
    if not len(patches):
        raise ParameterError(
            f"{distillation.minutes:g} minutes are too few to take a single patch apart; allow more"
        )
    lesson = _Lesson.of(patches, inpainter, distillation, where)
    seconds = time.monotonic() - started
    twins = choose_alpha is not None
    training = lesson.training(distillation.schedule(len(lesson.learned), seconds, twins=twins))
    training.seconds_before, training.more_to_come = seconds, 2.0 if twins else 0.0
    yield from train_student(training, stop=stop)

    def student(network: nn.Module, alpha: float, record: Mapping[str, Any]) -> Student:
        metadata = StudentMetadata(
            name,
            lesson.architecture,
            inpainter.metadata.normalisation,
            inpainter.metadata.diameter,
            training=dict(record),
            denoiser=inpainter.metadata.denoiser,
            offsets=lesson.offsets,
            alpha=alpha,
        )
        return Student(network.cpu(), metadata, denoiser=inpainter.denoiser, device=device)

    alpha = StudentMetadata.alpha
    if choose_alpha is not None and training.finished:
        schedule = distillation.schedule(len(lesson.learned), time.monotonic() - started)
        schedule = replace(schedule, steps=training.optimisation.step)
        networks = yield from _train_twins(lesson, schedule, stop)
        if len(networks) == 2:
            first, second = (student(network, alpha, {}) for network in networks)
            alpha = yield from choose_alpha(first, second)
    record = {
        **(notes or {}),
        "teacher": inpainter.metadata.name,
        "images": len(np.unique(patches.image)),
        "patches": len(patches),
        "patch": patches.side,
        "iterations": distillation.separation.iterations,
        "cell_diameter": diameter or inpainter.metadata.diameter,
        "labelled_cells": sum(_cells(image.labels) for image in studied),
        "seed": distillation.seed,
        "agreement_on": _MEASURED_ON[lesson.holds_out],
        **training.record(),
        "minutes": round((time.monotonic() - started) / 60, 2),
    }
    return student(training.best_network(), alpha, record)


def _studied(
    planes: Sequence[Plane],
    foregrounds: Sequence[NDArray[np.bool_] | None] | None,
    labels: Sequence[NDArray[np.integer] | None] | None,
) -> list[StudyImage]:
    nothing = [None] * len(planes)
    foregrounds = nothing if foregrounds is None else foregrounds
    labels = nothing if labels is None else labels
    for what, given in (("foregrounds", foregrounds), ("label images", labels)):
        if len(given) != len(planes):
            raise ParameterError(
                f"there are {len(planes)} images, but {len(given)} {what}: give one for each"
            )
    return [StudyImage(*one) for one in zip(planes, foregrounds, labels, strict=True)]


def _cells(labels: NDArray[np.integer] | None) -> int:
    return 0 if labels is None else len(np.unique(labels[labels != 0]))


@dataclass(frozen=True, eq=False)
class _Lesson:
    """What all students of a distillation learn from."""

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
    ) -> Self:
        """Part the patches into those that are learned and those that are held out."""
        own = inpainter.metadata.architecture
        offsets = distillation.separation.offsets
        plain = own.kind == "plain"
        body = {name: w for name, w in inpainter.weights.items() if not name.startswith("head.")}
        pixels, inside = held_out_pixels(patches, distillation.validation, distillation.seed)
        return cls(
            patches,
            replace(own if plain else ARCHITECTURES["small"], outputs=len(offsets)),
            body if plain else {},
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

    def training(self, schedule: Schedule) -> Training:
        """Begin to train a student, which is measured."""
        if self.holds_out:
            sampler = self._sampler(self.measured, self.held_out, self.seed)
        else:
            sampler = self._sampler(self.learned, ~self.held_out, self.seed)
        everything = np.arange(len(sampler))
        pairs = HeldOutPairs(sampler, everything, self.offsets, self.device)
        return self._training(self.learned, pairs, schedule, self.seed)

    def twin_training(self, which: int, schedule: Schedule) -> Training:
        """Begin to train a student of one half of the patches, 0 or 1, which is not measured."""
        chosen = self.learned[which::2]
        sampler = self._sampler(chosen, ~self.held_out, self.seed)
        pairs = HeldOutPairs(sampler, np.arange(0), self.offsets, self.device)
        return self._training(chosen, pairs, schedule, self.seed + 1 + which)

    def _training(
        self, chosen: NDArray[np.int64], pairs: HeldOutPairs, schedule: Schedule, seed: int
    ) -> Training:
        network = seeded_unet(self.architecture, self.seed)
        tensors = {name: torch.from_numpy(value) for name, value in self.start.items()}
        network.load_state_dict(tensors, strict=False)
        return Training(
            network=place(network, self.device),
            sampler=self._sampler(chosen, ~self.held_out, seed),
            pairs=pairs,
            offsets=self.offsets,
            schedule=schedule,
            batch=self.batch,
        )

    def _sampler(
        self, chosen: NDArray[np.int64], allowed: NDArray[np.bool_], seed: int
    ) -> PatchSampler:
        stride = self.architecture.stride
        return PatchSampler(self.patches[chosen], allowed[chosen], stride=stride, seed=seed)


def _train_twins(
    lesson: _Lesson, schedule: Schedule, stop: Callable[[], bool]
) -> Generator[Progress, None, list[nn.Module]]:
    """Train a student of each half of the patches; return both, or none if stopped."""
    networks: list[nn.Module] = []
    if len(lesson.learned) < 2:
        return networks
    if schedule.minutes is not None:
        schedule = replace(schedule, minutes=schedule.minutes / 2)
    for which in (0, 1):
        training = lesson.twin_training(which, schedule)
        for update in train_student(training, stop=stop):
            done = round(50 * (which + update.progress))
            yield Progress(done, 100, "Two students of half the patches, to choose alpha")
        if not training.finished:
            return []
        networks.append(training.best_network())
    return networks

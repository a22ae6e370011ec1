"""Distillation: a student learns what an inpainter's information gain finds in patches."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images import Plane
from napari_inpaintaff.inpainting.inpainter import Inpainter
from napari_inpaintaff.inpainting.training_images import as_planes
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks.devices import pick_device
from napari_inpaintaff.separation.distillation_lesson import Lesson, train_twins
from napari_inpaintaff.separation.distillation_parameters import LABELLING_SHARE, Distillation
from napari_inpaintaff.separation.distillation_patches import (
    StudyImage,
    sample_patches,
    take_apart,
)
from napari_inpaintaff.separation.pair_training import train_on_pairs
from napari_inpaintaff.separation.starting_weights import check_same_input
from napari_inpaintaff.separation.student import Student
from napari_inpaintaff.separation.student_metadata import StudentMetadata
from napari_inpaintaff.separation.training_updates import DistillationUpdate

#: What the record says about the patches that the agreement was measured on.
_MEASURED_ON = {True: "held-out parts of the images", False: "the training patches"}


ChooseAlpha = Callable[[Student, Student], Generator[Progress, None, float]]


def distill(
    images: Sequence[Plane | NDArray[Any]],
    inpainter: Inpainter,
    distillation: Distillation | None = None,
    *,
    start: Student | None = None,
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
    pass which pairs of pixels it left together. It starts from the weights of ``start`` or,
    without it, of the inpainter, if that is a plain U-Net, too.

    Parameters
    ----------
    images : sequence of Plane or ndarray, shape (Y, X)
        Raw intensities; NaN and infinite ones are unknown. Images that cannot be read are
        left out.
    inpainter : Inpainter
        The teacher.
    distillation : Distillation, optional
        How many patches, and how long.
    start : Student, optional
        A student or an AffNet whose weights, and whose network, the student begins with.
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
        the inpainter's, ``start`` sees images at another scale or normalised otherwise than
        the inpainter, or nothing was learned before the end.
    DeviceError
        If the device is not available or its memory too small.
    """
    distillation = Distillation() if distillation is None else distillation
    where = pick_device(device)
    if start is not None:
        check_same_input(start, inpainter)
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
    lesson = Lesson.of(patches, inpainter, distillation, where, start)
    seconds = time.monotonic() - started
    twins = choose_alpha is not None
    training = lesson.training(distillation.schedule(len(lesson.learned), seconds, twins=twins))
    training.seconds_before, training.more_to_come = seconds, 2.0 if twins else 0.0
    yield from train_on_pairs(training, stop=stop)
    alpha = StudentMetadata.alpha
    if choose_alpha is not None and training.finished:
        schedule = distillation.schedule(len(lesson.learned), time.monotonic() - started)
        networks = yield from train_twins(
            lesson, replace(schedule, steps=training.optimisation.step), stop=stop
        )
        if networks is not None:
            first, second = (_student(network, lesson, inpainter, device) for network in networks)
            alpha = yield from choose_alpha(first, second)
    record = {
        **(notes or {}),
        "teacher": inpainter.metadata.name,
        "started_from": None if start is None else start.metadata.name,
        **_facts(lesson, studied, distillation),
        **training.record(),
        "minutes": round((time.monotonic() - started) / 60, 2),
    }
    student = _student(training.best_network(), lesson, inpainter, device)
    student.metadata = replace(
        student.metadata,
        name=name,
        alpha=alpha,
        training=record,
        image_diameter=diameter or inpainter.metadata.image_diameter,
    )
    return student


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


def _student(network: nn.Module, lesson: Lesson, inpainter: Inpainter, device: str) -> Student:
    """Make a student of a trained network, with nothing said yet about how it was trained."""
    teacher = inpainter.metadata
    metadata = StudentMetadata(
        "student",
        lesson.architecture,
        teacher.normalisation,
        teacher.diameter,
        denoiser=teacher.denoiser,
        offsets=lesson.offsets,
    )
    return Student(network.cpu(), metadata, denoiser=inpainter.denoiser, device=device)


def _facts(
    lesson: Lesson, studied: Sequence[StudyImage], distillation: Distillation
) -> dict[str, Any]:
    """Return what the model file says about what was learned."""
    labels = [image.labels for image in studied if image.labels is not None]
    return {
        "images": len(np.unique(lesson.patches.image)),
        "patches": len(lesson.patches),
        "patch": lesson.patches.side,
        "iterations": distillation.separation.iterations,
        "labelled_cells": sum(len(np.unique(given[given != 0])) for given in labels),
        "seed": distillation.seed,
        "agreement_on": _MEASURED_ON[lesson.holds_out],
    }

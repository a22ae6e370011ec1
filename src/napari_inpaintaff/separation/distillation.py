"""Distillation: a student learns what an inpainter's information gain finds in patches."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images import Plane
from napari_inpaintaff.inpainting.inpainter import Inpainter
from napari_inpaintaff.inpainting.metadata import ARCHITECTURES
from napari_inpaintaff.inpainting.training_images import as_planes
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks.architecture import UNetArchitecture
from napari_inpaintaff.networks.devices import pick_device, place
from napari_inpaintaff.networks.unet import PlainUNet, seeded_unet
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
    training, held_out = _training(patches, inpainter, distillation, where, started)
    yield from train_student(training, stop=stop)
    metadata = StudentMetadata(
        name,
        training.architecture,
        inpainter.metadata.normalisation,
        inpainter.metadata.diameter,
        training={
            **(notes or {}),
            "teacher": inpainter.metadata.name,
            "images": len(np.unique(patches.image)),
            "patches": len(patches),
            "patch": patches.side,
            "iterations": distillation.separation.iterations,
            "cell_diameter": diameter or inpainter.metadata.diameter,
            "labelled_cells": sum(_cells(image.labels) for image in studied),
            "seed": distillation.seed,
            "agreement_on": _MEASURED_ON[held_out],
            **training.record(),
            "minutes": round((time.monotonic() - started) / 60, 2),
        },
        denoiser=inpainter.metadata.denoiser,
        offsets=distillation.separation.offsets,
    )
    return Student(
        training.best_network().cpu(), metadata, denoiser=inpainter.denoiser, device=device
    )


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


def _training(
    patches: Patches,
    inpainter: Inpainter,
    distillation: Distillation,
    device: torch.device,
    started: float,
) -> tuple[Training, bool]:
    """Prepare a training; return it, and whether it is measured on held-out pixels."""
    architecture = _architecture(inpainter, len(distillation.separation.offsets))
    network = seeded_unet(architecture, distillation.seed)
    if isinstance(network, PlainUNet) and inpainter.metadata.architecture.kind == "plain":
        body = {name: w for name, w in inpainter.weights.items() if not name.startswith("head.")}
        tensors = {name: torch.from_numpy(value) for name, value in body.items()}
        network.load_state_dict(tensors, strict=False)
    pixels, inside = held_out_pixels(patches, distillation.validation, distillation.seed)
    held_out = bool(inside.any())
    learned, measured = np.flatnonzero(~inside), np.flatnonzero(inside if held_out else ~inside)

    def sampler(chosen: NDArray[np.integer], allowed: NDArray[np.bool_]) -> PatchSampler:
        return PatchSampler(
            patches[chosen], allowed[chosen], stride=architecture.stride, seed=distillation.seed
        )

    pairs = HeldOutPairs(
        sampler(measured, pixels if held_out else ~pixels),
        np.arange(len(measured)),
        distillation.separation.offsets,
        device,
    )
    seconds = time.monotonic() - started
    training = Training(
        network=place(network, device),
        architecture=architecture,
        sampler=sampler(learned, ~pixels),
        pairs=pairs,
        offsets=distillation.separation.offsets,
        schedule=distillation.schedule(len(learned), seconds),
        batch=distillation.batch,
        seconds_before=seconds,
    )
    return training, held_out


def _architecture(inpainter: Inpainter, outputs: int) -> UNetArchitecture:
    """Return the shape of the teacher, if it is a plain U-Net, else that of the small one."""
    own = inpainter.metadata.architecture
    return replace(own if own.kind == "plain" else ARCHITECTURES["small"], outputs=outputs)

"""The training of an AffNet: it learns from labels which pixels belong together."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS, Offset
from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.images import Plane
from napari_inpaintaff.images.normalise import NormalisationKind
from napari_inpaintaff.inpainting.training_images import as_planes
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks.devices import pick_device, place
from napari_inpaintaff.networks.unet import seeded_unet
from napari_inpaintaff.separation.affnet import AffNet
from napari_inpaintaff.separation.affnet_labels import held_out_blocks, labelled_images
from napari_inpaintaff.separation.affnet_metadata import AffNetMetadata
from napari_inpaintaff.separation.affnet_parameters import AffNetTraining
from napari_inpaintaff.separation.affnet_patches import (
    PreparedImage,
    cut_patches,
    prepare_images,
)
from napari_inpaintaff.separation.held_out_pairs import HeldOutPairs
from napari_inpaintaff.separation.pair_questions import PatchSampler, dice_loss, pair_loss
from napari_inpaintaff.separation.pair_training import PairTraining, train_on_pairs
from napari_inpaintaff.separation.starting_weights import Start, predicts_same, starting_weights
from napari_inpaintaff.separation.student import Student
from napari_inpaintaff.separation.student_metadata import StudentMetadata
from napari_inpaintaff.separation.training_updates import AffNetUpdate

#: Patches of so many pixels altogether are cut for the training, ...
_PIXELS = 768 * 96**2
#: ... and of so many to measure on.
_MEASURED_PIXELS = 96 * 96**2

#: From random weights a network learns to tell cells from background before it tells cells from
#: one another: of twenty measurements so many may pass without a better one.
_PATIENCE = 12

_LOSSES = {"dice": dice_loss, "cross-entropy": pair_loss}

#: What the record says about the labels that alpha was chosen, the agreement was measured on.
_MEASURED_ON = {True: "held-out parts of the labels", False: "the training labels"}

#: Is given the AffNet, and what was held out of every image (None: nothing).
ChooseAlpha = Callable[
    [AffNet, Sequence[NDArray[np.bool_]] | None], Generator[Progress, None, float]
]


def train_affnet(
    images: Sequence[Plane | NDArray[Any]],
    labels: Sequence[NDArray[Any]],
    training: AffNetTraining | None = None,
    *,
    start: Start | None = None,
    name: str = "affnet",
    diameter: float | None = None,
    normalisation: NormalisationKind | None = None,
    offsets: Sequence[Offset] = PUBLISHED_OFFSETS,
    notes: Mapping[str, Any] | None = None,
    choose_alpha: ChooseAlpha | None = None,
    device: str = "auto",
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Progress | AffNetUpdate, None, AffNet]:
    """Train an AffNet on labelled images.

    Two pixels belong together if they have the same label above 0. Pairs of two background
    pixels are not asked for (see `pair_questions.dice_loss`), and unlabelled pixels are in no
    pair. Patches are flipped, turned by quarters and given another contrast; half of them are
    also bent, scaled and turned by any angle.

    Parameters
    ----------
    images : sequence of Plane or ndarray, shape (Y, X)
        Raw intensities; NaN and infinite ones are unknown.
    labels : sequence of ndarray of int, shape (Y, X)
        Of every image: cells have numbers above 0, of any size; 0 is background. In signed
        types, -1 is unlabelled.
    training : AffNetTraining, optional
        How long, and which network.
    start : Inpainter, Student or AffNet, optional
        Its weights are what the network begins with, as far as they are of its kind; its
        normalisation, scale and denoiser become those of the AffNet. Without it the weights
        are random.
    name : str, optional
        Of the AffNet.
    diameter : float, optional
        Typical diameter of the cells in these images, in pixels, if it is not that of
        ``start``, or 25 without one: the images are resampled to fit.
    normalisation : {"fluorescence", "linear"}, optional
        Rule by which images become network input; default: that of ``start``, else
        ``fluorescence``.
    offsets : sequence of (int, int), optional
        Pairs of pixels to learn, the two local ones first.
    notes : mapping, optional
        Data and licence, for the model file.
    choose_alpha : callable, optional
        Is given the AffNet and masks of what was held out of every image, or None; yields
        `Progress` and returns alpha. Without it alpha is 1; see
        `pipeline.iterate_affnet_training`.
    device : str, optional
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    stop : callable, optional
        Asked before every step; True ends the training and keeps the best weights so far.

    Yields
    ------
    Progress or AffNetUpdate
        The first while images are read and alpha is chosen, the second every twenty steps of
        the training. Not asking for the next one cancels it.

    Returns
    -------
    AffNet
        With the best agreement on held-out parts of the images; with fewer than 64 labelled
        cells, which are all learned, on the training patches.

    Raises
    ------
    ImageError
        If an image cannot be read, no labelled cell has a known intensity, or labels do not
        fit their image, are no whole numbers or below -1, or say nothing that can be learned.
    ParameterError
        If the diameter is too far from the model's, ``start`` has another network than the
        configuration, or nothing was learned before the end.
    DeviceError
        If the device is not available or its memory too small.
    """
    training = AffNetTraining() if training is None else training
    where = pick_device(device)
    started = time.monotonic()
    network, untrained = _untrained(training, start, normalisation, tuple(offsets), device)
    zoom = untrained.metadata.zoom(diameter)
    labelled = labelled_images(as_planes(images), labels)
    held_out = held_out_blocks(
        labelled,
        side=round(training.patch * zoom.factor),
        part=training.validation,
        seed=training.seed,
    )
    prepared = yield from prepare_images(labelled, held_out, untrained.normalise, zoom)
    if stop():
        raise ParameterError(
            "the training was stopped before the network had begun to learn: there is nothing "
            "to keep"
        )
    holds_out = held_out is not None
    run = _run(place(network, where), untrained.metadata, prepared, training, holds_out)
    run.seconds_before = time.monotonic() - started
    fine_tuning = isinstance(start, Student) and predicts_same(start, untrained.metadata)
    run.schedule = training.schedule(run.seconds_before, fine_tuning=fine_tuning)
    yield from train_on_pairs(run, stop=stop)
    affnet = AffNet(
        run.best_network().cpu(), untrained.metadata, denoiser=untrained.denoiser, device=device
    )
    alpha, chosen_on = affnet.metadata.alpha, None
    if choose_alpha is not None and run.finished:
        alpha = yield from choose_alpha(affnet, held_out)
        chosen_on = _MEASURED_ON[holds_out]
    record = {
        **(notes or {}),
        "started_from": None if start is None else start.metadata.name,
        "images": len(labelled),
        "labelled_cells": sum(image.cells for image in labelled),
        "labelled_pixels": sum(int((image.labels >= 0).sum()) for image in labelled),
        "config": training.config,
        "loss_kind": training.loss,
        "seed": training.seed,
        **run.record(),
        "agreement_on": _MEASURED_ON[holds_out],
        "alpha_chosen_on": chosen_on,
        "minutes": round((time.monotonic() - started) / 60, 2),
    }
    affnet.metadata = replace(
        affnet.metadata,
        name=name,
        alpha=alpha,
        training=record,
        image_diameter=diameter or affnet.metadata.image_diameter,
    )
    return affnet


def _untrained(
    training: AffNetTraining,
    start: Start | None,
    normalisation: NormalisationKind | None,
    offsets: tuple[Offset, ...],
    device: str,
) -> tuple[nn.Module, AffNet]:
    """Return a network to be trained, in float32, and an AffNet with a copy of it."""
    architecture = training.architecture
    if start is not None:
        own = start.metadata.architecture
        if own.kind == architecture.kind:
            architecture = own
        elif training.config == "paper":
            raise ParameterError(
                f"the paper's network cannot start from {start.metadata.name}, whose network is "
                f"of the kind {own.kind!r}: start from none, or train the small one"
            )
    architecture = replace(architecture, outputs=len(offsets))
    metadata = AffNetMetadata("affnet", architecture, offsets=offsets)
    network = seeded_unet(architecture, training.seed)
    if start is not None:
        metadata = replace(
            metadata,
            normalisation=start.metadata.normalisation,
            diameter=start.metadata.diameter,
            image_diameter=start.metadata.image_diameter,
            denoiser=start.metadata.denoiser,
        )
        weights = starting_weights(start, architecture, offsets)
        tensors = {name: torch.from_numpy(value) for name, value in weights.items()}
        network.load_state_dict(tensors, strict=False)
    if normalisation is not None:
        metadata = replace(metadata, normalisation=normalisation)
    denoiser = None if start is None else start.denoiser
    affnet = AffNet(copy.deepcopy(network), metadata, denoiser=denoiser, device=device)
    return network, affnet


def _run(
    network: nn.Module,
    metadata: StudentMetadata,
    images: Sequence[PreparedImage],
    training: AffNetTraining,
    holds_out: bool,
) -> PairTraining[AffNetUpdate]:
    """Cut the patches, and begin to train."""
    side, seed, stride = training.patch, training.seed, metadata.architecture.stride
    device = next(network.parameters()).device
    count, measured_count = (-(-pixels // side**2) for pixels in (_PIXELS, _MEASURED_PIXELS))
    patches, allowed = cut_patches(images, count=count, side=side, seed=seed, held_out=False)
    if not len(patches):
        raise ImageError("no pixel of a labelled cell has a known intensity")
    sampler = PatchSampler(patches, allowed, stride=stride, seed=seed)
    measured = sampler
    if holds_out:
        measured = PatchSampler(
            *cut_patches(images, count=measured_count, side=side, seed=seed, held_out=True),
            stride=stride,
            seed=seed,
        )
    chosen = np.arange(min(measured_count, len(measured)))
    return PairTraining(
        network=network,
        sampler=sampler,
        pairs=HeldOutPairs(measured, chosen, metadata.offsets, device),
        offsets=metadata.offsets,
        loss=_LOSSES[training.loss],
        update_type=AffNetUpdate,
        schedule=training.schedule(0.0),
        batch=training.patches_per_step,
        patience=_PATIENCE,
    )

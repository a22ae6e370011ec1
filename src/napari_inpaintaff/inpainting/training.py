"""Training an inpainter on unlabelled images."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.images.normalise import NormalisationKind, estimate_normalisation
from napari_inpaintaff.inpainting.crops import CropSampler
from napari_inpaintaff.inpainting.inpainter import Inpainter
from napari_inpaintaff.inpainting.masks import random_conditionals
from napari_inpaintaff.inpainting.metadata import InpainterMetadata
from napari_inpaintaff.inpainting.near_hole import NearHoleError, measure_near_hole
from napari_inpaintaff.inpainting.objectives import conditional_loss
from napari_inpaintaff.networks.architecture import UNetArchitecture
from napari_inpaintaff.networks.devices import pick_device, place
from napari_inpaintaff.networks.training import Schedule, optimise
from napari_inpaintaff.networks.unet import build_unet


@dataclass(frozen=True)
class InpainterTraining:
    """What to train, and how.

    Attributes
    ----------
    architecture : UNetArchitecture
        Two output channels give a Laplace head (mean and scale), one a plain L1 loss.
    schedule : Schedule
        Length and learning rate.
    batch : int
        Crops per step.
    size : int
        Side of the crops in pixels.
    seed : int
        Initial weights, crops and masks are drawn from it.
    validation : float
        Fraction of the images that is held out to measure the near-hole error; with fewer
        than four images it is measured on the training images.
    """

    architecture: UNetArchitecture
    schedule: Schedule
    batch: int = 32
    size: int = 64
    seed: int = 0
    validation: float = 0.1

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ParameterError(f"the batch must hold a crop, got {self.batch}")
        if self.size < 1 or self.size % self.architecture.stride:
            raise ParameterError(
                f"the crop size must be a positive multiple of {self.architecture.stride}, "
                f"got {self.size}"
            )
        if not 0 <= self.validation < 1:
            raise ParameterError(
                f"the fraction held out for validation must be in [0, 1), got {self.validation}"
            )


@dataclass(frozen=True)
class TrainingUpdate:
    """Where a training stands.

    Attributes
    ----------
    step : int
        Steps taken.
    loss : float
        Average over about the last hundred steps.
    progress : float
        Fraction of the budget that is spent, 0 to 1.
    seconds_left : float
        Estimate.
    crops_per_second : float
        Throughput.
    """

    step: int
    loss: float
    progress: float
    seconds_left: float
    crops_per_second: float


def train_network(
    images: Sequence[NDArray[np.float32]],
    training: InpainterTraining,
    *,
    device: str = "auto",
) -> Generator[TrainingUpdate, None, tuple[nn.Module, NearHoleError]]:
    """Train an inpainting network on normalised images.

    Parameters
    ----------
    images : sequence of ndarray of float32, shape (Y, X)
        Normalised planes (see `images.estimate_normalisation`).
    training : InpainterTraining
        Architecture, schedule and seed.
    device : str, optional
        ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Yields
    ------
    TrainingUpdate
        Every twenty steps, or every second.

    Returns
    -------
    network : Module
        With averaged weights, in evaluation mode, on the CPU.
    near_hole : NearHoleError
        On the held-out images.

    Raises
    ------
    ImageError
        If there is no image.
    ParameterError
        If the training diverges.
    """
    if not images:
        raise ImageError("there is no image to train on; give at least one")
    where = pick_device(device)
    network = place(_seeded_unet(training), where)
    held_out, trained_on = _hold_out(images, training)
    sampler = CropSampler(trained_on, training.size, training.seed)
    generator = torch.Generator(where).manual_seed(training.seed)

    def draw_loss() -> Tensor:
        values = sampler.draw(training.batch).to(where, non_blocking=True)
        masks = random_conditionals(training.batch, training.size, generator)
        return conditional_loss(network, values, masks)

    averaged = network
    steps = optimise(network, draw_loss, training.schedule)
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            averaged = end.value.cpu()
            break
        yield TrainingUpdate(
            step=step.step,
            loss=step.loss,
            progress=step.progress,
            seconds_left=step.seconds * (1 / step.progress - 1),
            crops_per_second=step.step * training.batch / max(step.seconds, 1e-9),
        )
    near = measure_near_hole(averaged, held_out, size=training.size, seed=training.seed)
    return averaged, near


def _seeded_unet(training: InpainterTraining) -> nn.Module:
    # The caller's own random numbers go on as if nothing had been drawn here.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(training.seed)
        return build_unet(training.architecture)


def _holds_out(images: int, training: InpainterTraining) -> bool:
    return images >= 4 and training.validation > 0


def _near_hole_images(images: int, training: InpainterTraining) -> str:
    held_out = _holds_out(images, training)
    return "images held out from the training" if held_out else "the training images"


def _hold_out(
    images: Sequence[NDArray[np.float32]], training: InpainterTraining
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    if not _holds_out(len(images), training):
        return list(images), list(images)
    order = np.random.default_rng(training.seed).permutation(len(images))
    count = min(max(1, round(training.validation * len(images))), len(images) - 1)
    return [images[i] for i in order[:count]], [images[i] for i in order[count:]]


def _normalised_planes(
    images: Sequence[NDArray[np.generic]], normalisation: NormalisationKind
) -> list[NDArray[np.float32]]:
    planes = []
    for image in images:
        if image.ndim != 2:
            raise ImageError(f"training images must be planes (Y, X), got {image.shape}")
        values = image[np.isfinite(image)]
        if values.size and values.min() < values.max():
            planes.append(estimate_normalisation(image, normalisation).apply(image))
    if not planes:
        raise ImageError("nothing varies in the training images; give others")
    return planes


def train_inpainter(
    images: Sequence[NDArray[np.generic]],
    training: InpainterTraining,
    *,
    name: str = "inpainter",
    diameter: float = 25.0,
    normalisation: NormalisationKind = "fluorescence",
    notes: Mapping[str, Any] | None = None,
    device: str = "auto",
) -> Generator[TrainingUpdate, None, Inpainter]:
    """Train an inpainter on unlabelled images.

    Parameters
    ----------
    images : sequence of ndarray, shape (Y, X)
        Raw intensities; NaN and infinite ones are filled with the median. Images
        in which nothing varies are left out.
    training : InpainterTraining
        Architecture, schedule and seed.
    name : str, optional
        Of the model.
    diameter : float, optional
        Typical diameter of a cell in these images, in pixels.
    normalisation : {"fluorescence", "linear"}, optional
        Rule by which images become network input.
    notes : mapping, optional
        Data and licence, for the model file.
    device : str, optional
        ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Yields
    ------
    TrainingUpdate
        Every twenty steps, or every second. Not asking for the next one cancels the training.

    Returns
    -------
    Inpainter
        With its near-hole error in the metadata.

    Raises
    ------
    ImageError
        If no image can be trained on.
    ParameterError
        If the training diverges.
    """
    start = time.monotonic()
    planes = _normalised_planes(images, normalisation)
    steps = 0
    updates = train_network(planes, training, device=device)
    while True:
        try:
            update = next(updates)
        except StopIteration as end:
            network, near = end.value
            break
        steps = update.step
        yield update
    record = {
        **(notes or {}),
        "images": len(planes),
        "steps": steps,
        "batch": training.batch,
        "crop": training.size,
        "seed": training.seed,
        "minutes": round((time.monotonic() - start) / 60, 2),
        "near_hole_images": _near_hole_images(len(planes), training),
        "near_hole_l1": round(near.l1, 4),
        "near_hole_prior_l1": round(near.prior_l1, 4),
        "near_hole_l1_over_prior": None if math.isnan(near.ratio) else round(near.ratio, 4),
        "near_hole_nll": None if near.nll is None else round(near.nll, 4),
    }
    metadata = InpainterMetadata(name, training.architecture, normalisation, diameter, record)
    return Inpainter(network, metadata, device=device)

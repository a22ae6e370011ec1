"""Training an inpainter on unlabelled images."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_inpaintaff.errors import OutputError, ParameterError
from napari_inpaintaff.images import Plane, SkippedImage
from napari_inpaintaff.images.normalise import NormalisationKind
from napari_inpaintaff.images.zoom import Zoom
from napari_inpaintaff.inpainting.checkpoint import (
    TrainingCheckpoint,
    fingerprint,
    read_checkpoint,
    write_checkpoint,
)
from napari_inpaintaff.inpainting.crops import CropSampler
from napari_inpaintaff.inpainting.denoising import (
    DENOISER_ARCHITECTURE,
    Denoiser,
    denoising_loss,
)
from napari_inpaintaff.inpainting.inpainter import Inpainter
from napari_inpaintaff.inpainting.masks import random_conditionals
from napari_inpaintaff.inpainting.metadata import InpainterMetadata
from napari_inpaintaff.inpainting.near_hole import HeldOutCrops
from napari_inpaintaff.inpainting.objectives import Objective, build_objective
from napari_inpaintaff.inpainting.parameters import DENOISER_SHARE, InpainterTraining
from napari_inpaintaff.inpainting.plane_pool import PlanePool
from napari_inpaintaff.inpainting.quality import NearHoleError
from napari_inpaintaff.inpainting.training_images import (
    as_planes,
    hold_out,
    holds_out,
    noise_preparation,
    preparation,
)
from napari_inpaintaff.inpainting.training_run import Phase, Watch, run_phase
from napari_inpaintaff.inpainting.updates import TrainingUpdate
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks.devices import pick_device, place
from napari_inpaintaff.networks.training import Optimisation
from napari_inpaintaff.networks.unet import seeded_unet

#: How many of the images that cannot be used are named.
_NAMED = 5
#: What the record says about the images that were measured on: held out or not.
_MEASURED_ON = {True: "images held out from the training", False: "the training images"}

_logger = logging.getLogger(__name__)


def train_inpainter(
    images: Sequence[Plane | NDArray[Any]],
    training: InpainterTraining,
    *,
    name: str = "inpainter",
    diameter: float | None = None,
    normalisation: NormalisationKind = "fluorescence",
    notes: Mapping[str, Any] | None = None,
    device: str = "auto",
    start_from: Inpainter | None = None,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = 60.0,
    resume: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Progress | TrainingUpdate, None, Inpainter]:
    """Train an inpainter on unlabelled images.

    Parameters
    ----------
    images : sequence of Plane or ndarray, shape (Y, X)
        Raw intensities; NaN and infinite ones are filled with the median. Images
        that cannot be read, and those in which nothing varies, are left out.
    training : InpainterTraining
        Architecture, schedule, loss and seed.
    name : str, optional
        Of the model.
    diameter : float, optional
        Typical diameter of a cell in these images, in pixels. They are resampled to the scale
        of ``start_from``, or to one at which cells have 25 pixels, the default: patches, bands
        and offsets are made for these.
    normalisation : {"fluorescence", "linear"}, optional
        Rule by which images become network input.
    notes : mapping, optional
        Data and licence, for the model file.
    device : str, optional
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    start_from : Inpainter, optional
        Its weights are fine-tuned; it must have the architecture of the training. Its
        denoiser, if it has one, is taken over as it is.
    checkpoint : Path, optional
        Where the state is kept, so that the training can be resumed: written atomically now
        and then and when the training is stopped. Remove it when the model has been saved.
        Where that fails, a warning is logged and the training goes on.
    checkpoint_seconds : float, optional
        How often.
    resume : bool, optional
        Whether to go on from ``checkpoint``. With a budget in steps the result is, on the
        same machine, bit for bit that of a training that was never interrupted.
    stop : callable, optional
        Asked before every step; True ends the training and keeps the best weights so far.

    Yields
    ------
    Progress or TrainingUpdate
        While images are read, and then every twenty steps, or every second. Not asking for
        the next one cancels the training.

    Returns
    -------
    Inpainter
        With its near-hole error and the two baselines in the metadata.

    Raises
    ------
    ImageError
        If there is no image, or none can be trained on.
    ParameterError
        If the training diverges, does not fit ``start_from`` or the checkpoint, or is stopped
        before the inpainter has begun; or if the diameter is too far from that scale.
    ModelFileError
        If the checkpoint is missing or damaged, or the VGG16 weights cannot be used.
    DeviceError
        If the device is not available, or a batch of one crop does not fit into its memory.
    """
    planes = as_planes(images)
    if start_from is not None and start_from.metadata.architecture != training.architecture:
        raise ParameterError(
            f"the model {start_from.metadata.name} has another architecture than the training: "
            "to fine-tune a model, train its own architecture with its own loss"
        )
    where = pick_device(device)
    scale = InpainterMetadata.diameter if start_from is None else start_from.metadata.diameter
    zoom = Zoom.between(scale, diameter)
    start = {} if start_from is None else start_from.weights
    mark = fingerprint(planes, training, normalisation, start, zoom.factor)
    saved = _saved(checkpoint, mark) if resume else None

    def save(state: TrainingCheckpoint) -> None:
        if checkpoint is None:
            return
        try:
            write_checkpoint(checkpoint, state, mark)
        except OutputError as error:
            # Hours of training are worth more than the means to interrupt it.
            _logger.warning("the training goes on without a new checkpoint: %s", error)

    objective = build_objective(training.loss, vgg=training.vgg, device=where)
    context = _Context(
        planes, training, normalisation, zoom, where, objective, save, checkpoint_seconds, stop, []
    )
    denoiser = None if start_from is None else start_from.denoiser
    seconds = 0.0
    if training.denoise and denoiser is None:
        denoiser, seconds = yield from _train_denoiser(context, saved)
    network, record = yield from _train_network(context, saved, start, denoiser, seconds)
    if start_from is not None:
        record["started_from"] = start_from.metadata.name
    metadata = InpainterMetadata(
        name,
        training.architecture,
        normalisation,
        scale,
        training={**(notes or {}), **record},
        denoiser=None if denoiser is None else denoiser.architecture,
        image_diameter=diameter,
    )
    return Inpainter(network, metadata, denoiser=denoiser, device=device)


@dataclass(frozen=True)
class _Context:
    """What all phases of a training share."""

    planes: Sequence[Plane]
    training: InpainterTraining
    normalisation: NormalisationKind
    zoom: Zoom
    device: torch.device
    objective: Objective
    save: Callable[[TrainingCheckpoint], None]
    save_every: float
    stop: Callable[[], bool]
    skipped: list[SkippedImage]

    def skip(self, image: SkippedImage) -> None:
        """Note that an image cannot be used; the first few are named in the log."""
        self.skipped.append(image)
        if len(self.skipped) <= _NAMED:
            _logger.warning("skipped %s: %s", image.path_or_name, image.reason)


def _train_denoiser(
    context: _Context, saved: TrainingCheckpoint | None
) -> Generator[Progress | TrainingUpdate, None, tuple[Denoiser, float]]:
    """Train the denoiser, or take it from the checkpoint; return it and the seconds spent."""
    training = context.training
    network = place(seeded_unet(DENOISER_ARCHITECTURE, training.seed), context.device)
    if saved is not None and saved.denoiser:
        _load(network, saved.denoiser)
        denoiser = Denoiser(network, DENOISER_ARCHITECTURE, device=context.device)
        return denoiser, saved.denoiser_seconds
    optimisation = Optimisation(network)
    batch = training.batch
    if saved is not None:
        optimisation.restore(saved.optimisation)
        batch = saved.batch

    def save(batch: int) -> None:
        context.save(TrainingCheckpoint("denoiser", batch, optimisation.arrays()))

    phase = Phase("denoiser", training.denoiser_schedule, denoising_loss, 0.0, DENOISER_SHARE)
    # What cannot be used is told when the inpainter meets it.
    with PlanePool(
        context.planes, noise_preparation, seed=training.seed, on_skip=lambda image: None
    ) as pool:
        yield from pool.load(optimisation.step)
        # Resampled noise is correlated: a neighbour would give a hidden pixel away.
        sampler = CropSampler(
            pool,
            training.size,
            training.seed,
            background_level=-math.inf,
            zoom=1.0,
            contrast=0.0,
        )
        finished = yield from run_phase(
            phase,
            optimisation,
            sampler,
            batch=batch,
            seed=training.seed,
            save=save,
            save_every=context.save_every,
            stop=context.stop,
        )
    if not finished:
        raise ParameterError(
            "the training was stopped before the inpainter had begun: there is nothing to keep"
        )
    averaged = optimisation.averaged
    denoiser = Denoiser(averaged, DENOISER_ARCHITECTURE, device=context.device)
    return denoiser, optimisation.seconds


def _train_network(
    context: _Context,
    saved: TrainingCheckpoint | None,
    start: Mapping[str, NDArray[Any]],
    denoiser: Denoiser | None,
    seconds: float,
) -> Generator[Progress | TrainingUpdate, None, tuple[nn.Module, dict[str, Any]]]:
    """Train the inpainter; return the best network and the record for its metadata."""
    training = context.training
    network = place(seeded_unet(training.architecture, training.seed), context.device)
    if start:
        _load(network, start)
    optimisation = Optimisation(network)
    zoom = context.zoom
    prepare = preparation(context.normalisation, denoiser, zoom)
    held_out, trained_on = yield from hold_out(context.planes, training, prepare, context.skip)
    watch = Watch(HeldOutCrops.draw(held_out, size=training.size, seed=training.seed))
    batch = training.batch
    if saved is not None and saved.phase == "inpainter":
        optimisation.restore(saved.optimisation)
        watch.history, watch.best, batch = saved.history, saved.best, saved.batch

    def save(batch: int) -> None:
        finished_denoiser = {} if denoiser is None else denoiser.weights
        state = TrainingCheckpoint(
            "inpainter",
            batch,
            optimisation.arrays(),
            denoiser=finished_denoiser,
            denoiser_seconds=seconds,
            best=watch.best,
            history=watch.history,
        )
        context.save(state)

    def loss(network: nn.Module, values: Tensor, generator: torch.Generator) -> Tensor:
        batch, size = values.shape[:2]
        return context.objective(network, values, random_conditionals(batch, size, generator))

    trains_denoiser = seconds > 0
    phase = Phase(
        "inpainter",
        training.inpainter_schedule if trains_denoiser else training.schedule,
        loss,
        begin=DENOISER_SHARE if trains_denoiser else 0.0,
        seconds_before=seconds,
    )
    with PlanePool(
        trained_on, prepare, seed=training.seed, zoom=zoom.factor, on_skip=context.skip
    ) as pool:
        yield from pool.load(optimisation.step)
        finished = yield from run_phase(
            phase,
            optimisation,
            CropSampler(pool, training.size, training.seed),
            batch=batch,
            seed=training.seed,
            watch=watch,
            save=save,
            save_every=context.save_every,
            stop=context.stop,
        )
    best = optimisation.averaged
    _load(best, watch.best)
    near = HeldOutCrops.draw(held_out, size=training.size, count=512, seed=training.seed)
    record = {
        "images": len(context.planes) - len(context.skipped),
        "skipped": len(context.skipped),
        "steps": optimisation.step,
        "stopped": not finished,
        "batch": batch,
        "crop": training.size,
        "seed": training.seed,
        "loss": training.loss,
        "minutes": round((seconds + optimisation.seconds) / 60, 2),
        "near_hole_images": _MEASURED_ON[holds_out(context.planes, training)],
        **_figures(near.measure(best)),
    }
    return best.cpu(), record


def _figures(near: NearHoleError) -> dict[str, float | None]:
    figures = {
        "near_hole_l1": near.l1,
        "near_hole_prior_l1": near.prior_l1,
        "near_hole_gaussian_l1": near.gaussian_l1,
        "near_hole_l1_over_prior": near.ratio,
        "near_hole_nll": near.nll,
        "near_hole_prior_nll": near.prior_nll,
        "near_hole_gaussian_nll": near.gaussian_nll,
    }
    # JSON has no infinity: where a baseline is never wrong there is no figure.
    return {
        name: round(value, 4) if value is not None and math.isfinite(value) else None
        for name, value in figures.items()
    }


def _load(network: nn.Module, weights: Mapping[str, NDArray[Any]]) -> None:
    tensors = {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}
    # Model files hold no counters of batches.
    network.load_state_dict(tensors, strict=False)


def _saved(checkpoint: Path | None, mark: str) -> TrainingCheckpoint:
    if checkpoint is None:
        raise ParameterError("a training can only be resumed from a checkpoint; name its file")
    return read_checkpoint(checkpoint, mark)

"""Training an inpainter on unlabelled images."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.images import Plane, SkippedImage, planes_of
from napari_inpaintaff.images.normalise import NormalisationKind, estimate_normalisation
from napari_inpaintaff.inpainting.checkpoint import (
    TrainingCheckpoint,
    fingerprint,
    read_checkpoint,
    write_checkpoint,
)
from napari_inpaintaff.inpainting.crops import CropSampler
from napari_inpaintaff.inpainting.inpainter import Inpainter
from napari_inpaintaff.inpainting.masks import random_conditionals
from napari_inpaintaff.inpainting.metadata import InpainterMetadata
from napari_inpaintaff.inpainting.near_hole import HeldOutCrops
from napari_inpaintaff.inpainting.objectives import conditional_loss
from napari_inpaintaff.inpainting.parameters import DENOISER_SHARE, InpainterTraining
from napari_inpaintaff.inpainting.plane_pool import PlanePool
from napari_inpaintaff.inpainting.quality import NearHoleError
from napari_inpaintaff.inpainting.training_run import Phase, Watch, run_phase
from napari_inpaintaff.inpainting.updates import TrainingUpdate
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks.architecture import UNetArchitecture
from napari_inpaintaff.networks.devices import pick_device, place
from napari_inpaintaff.networks.training import Optimisation
from napari_inpaintaff.networks.unet import build_unet

_MOST_HELD_OUT = 32
Prepare = Callable[[NDArray[Any]], NDArray[np.float32] | None]


def train_inpainter(
    images: Sequence[Plane | NDArray[Any]],
    training: InpainterTraining,
    *,
    name: str = "inpainter",
    diameter: float = 25.0,
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
        Typical diameter of a cell in these images, in pixels.
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
        and then and when the training is stopped, removed when it is finished.
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
        before the inpainter has begun.
    ModelFileError
        If the checkpoint is missing or damaged, or the VGG16 weights cannot be used.
    DeviceError
        If the device is not available, or a batch of one crop does not fit into its memory.
    OutputError
        If a checkpoint cannot be written.
    """
    planes = _as_planes(images)
    if start_from is not None and start_from.metadata.architecture != training.architecture:
        raise ParameterError(
            f"the model {start_from.metadata.name} has another architecture than the training: "
            "to fine-tune a model, train its own architecture with its own loss"
        )
    where = pick_device(device)
    start = {} if start_from is None else start_from._weights
    mark = fingerprint(planes, training, normalisation, start)
    saved = _saved(checkpoint, mark) if resume else None

    def save(state: TrainingCheckpoint) -> None:
        if checkpoint is not None:
            write_checkpoint(checkpoint, state, mark)

    context = _Context(planes, training, normalisation, where, save, checkpoint_seconds, stop, {})
    denoiser, seconds = None, 0.0
    network, record = yield from _train_network(context, saved, start, denoiser, seconds)
    if start_from is not None:
        record["started_from"] = start_from.metadata.name
    metadata = InpainterMetadata(
        name,
        training.architecture,
        normalisation,
        diameter,
        training={**(notes or {}), **record},
    )
    if checkpoint is not None and not record["stopped"]:
        checkpoint.unlink(missing_ok=True)
    return Inpainter(network, metadata, device=device)


@dataclass(frozen=True)
class _Context:
    """What all phases of a training share."""

    planes: Sequence[Plane]
    training: InpainterTraining
    normalisation: NormalisationKind
    device: torch.device
    save: Callable[[TrainingCheckpoint], None]
    save_every: float
    stop: Callable[[], bool]
    #: Images that could not be used, by name.
    skipped: dict[str, SkippedImage]

    def skip(self, image: SkippedImage) -> None:
        """Note that an image cannot be used."""
        self.skipped[image.path_or_name] = image


def _train_network(
    context: _Context,
    saved: TrainingCheckpoint | None,
    start: Mapping[str, NDArray[Any]],
    denoiser: Any,
    seconds: float,
) -> Generator[Progress | TrainingUpdate, None, tuple[nn.Module, dict[str, Any]]]:
    """Train the inpainter; return the best network and the record for its metadata."""
    training = context.training
    network = place(_seeded_unet(training.architecture, training.seed), context.device)
    if start:
        _load(network, start)
    optimisation = Optimisation(network)
    prepare = _preparation(context.normalisation, denoiser)
    held_out, trained_on = yield from _hold_out(context, prepare)
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

    objective = conditional_loss

    def loss(network: nn.Module, values: Tensor, generator: torch.Generator) -> Tensor:
        batch, size = values.shape[:2]
        return objective(network, values, random_conditionals(batch, size, generator))

    trains_denoiser = seconds > 0
    phase = Phase(
        "inpainter",
        training.inpainter_schedule if trains_denoiser else training.schedule,
        loss,
        begin=DENOISER_SHARE if trains_denoiser else 0.0,
        seconds_before=seconds,
    )
    with PlanePool(trained_on, prepare, seed=training.seed, on_skip=context.skip) as pool:
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
        "near_hole_images": _near_hole_images(context.planes, training),
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


def _seeded_unet(architecture: UNetArchitecture, seed: int) -> nn.Module:
    # The caller's own random numbers go on as if nothing had been drawn here.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return build_unet(architecture)


def _load(network: nn.Module, weights: Mapping[str, NDArray[Any]]) -> None:
    tensors = {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}
    # Model files hold no counters of batches.
    network.load_state_dict(tensors, strict=False)


def _saved(checkpoint: Path | None, mark: str) -> TrainingCheckpoint:
    if checkpoint is None:
        raise ParameterError("a training can only be resumed from a checkpoint; name its file")
    return read_checkpoint(checkpoint, mark)


def _as_planes(images: Sequence[Plane | NDArray[Any]]) -> list[Plane]:
    planes: list[Plane] = []
    for index, image in enumerate(images):
        if isinstance(image, Plane):
            planes.append(image)
            continue
        if image.ndim != 2:
            raise ImageError(f"training images must be planes (Y, X), got {image.shape}")
        planes += planes_of(image, f"image {index}")
    if not planes:
        raise ImageError("there is no image to train on; give at least one")
    return planes


def _preparation(normalisation: NormalisationKind, denoiser: Any) -> Prepare:
    def prepare(image: NDArray[Any]) -> NDArray[np.float32] | None:
        values = image[np.isfinite(image)]
        if not values.size or values.min() == values.max():
            return None
        if denoiser is not None:
            image = denoiser(image)
        return estimate_normalisation(image, normalisation).apply(image)

    return prepare


def _holds_out(planes: Sequence[Plane], training: InpainterTraining) -> bool:
    return len(planes) >= 4 and training.validation > 0


def _near_hole_images(planes: Sequence[Plane], training: InpainterTraining) -> str:
    held_out = _holds_out(planes, training)
    return "images held out from the training" if held_out else "the training images"


def _hold_out(
    context: _Context, prepare: Prepare
) -> Generator[Progress, None, tuple[list[NDArray[np.float32]], list[Plane]]]:
    """Read the planes to measure on; return them and those to train on.

    Planes that cannot be used are noted, and the next one takes their place.
    """
    planes, training = context.planes, context.training
    order = np.random.default_rng(training.seed).permutation(len(planes))
    holds_out = _holds_out(planes, training)
    count = len(planes)
    if holds_out:
        count = min(max(1, round(training.validation * count)), count - 1)
    count = min(count, _MOST_HELD_OUT)
    usable: dict[int, NDArray[np.float32]] = {}
    for index in order.tolist():
        if len(usable) == count:
            break
        yield Progress(len(usable), count, "Reading the images…")
        prepared = _read(context, planes[index], prepare)
        if prepared is not None:
            usable[index] = prepared
    if not usable:
        raise ImageError("nothing varies in the training images; give others")
    left = [
        plane
        for index, plane in enumerate(planes)
        if plane.name not in context.skipped and not (holds_out and index in usable)
    ]
    return list(usable.values()), left


def _read(context: _Context, plane: Plane, prepare: Prepare) -> NDArray[np.float32] | None:
    try:
        prepared = prepare(plane.read())
        reason = "nothing varies in it"
    except ImageError as error:
        prepared, reason = None, str(error)
    if prepared is None:
        context.skip(SkippedImage(plane.name, reason))
    return prepared

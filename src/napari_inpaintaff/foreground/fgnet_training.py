"""The training of a foreground network from few labels."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.foreground.fgnet import FGNet, enlarge, iterate_tiles
from napari_inpaintaff.foreground.fgnet_crops import CropSampler, LabelledImage
from napari_inpaintaff.foreground.fgnet_loss import labelled_risk
from napari_inpaintaff.foreground.fgnet_metadata import FGNetMetadata
from napari_inpaintaff.foreground.fgnet_parameters import (
    FGNET_ARCHITECTURES,
    FGNetTraining,
    FGNetUpdate,
)
from napari_inpaintaff.foreground.positive_unlabelled import iterate_implied_targets
from napari_inpaintaff.foreground.targets import (
    BACKGROUND,
    FEWEST_PIXELS,
    FOREGROUND,
    UNLABELLED,
    check_shape,
)
from napari_inpaintaff.images import Plane
from napari_inpaintaff.images.normalise import NormalisationKind, estimate_normalisation
from napari_inpaintaff.images.zoom import Zoom
from napari_inpaintaff.inpainting.inpainter import Inpainter
from napari_inpaintaff.inpainting.training_images import as_planes
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks.devices import autocast, pick_device, place, seeded
from napari_inpaintaff.networks.training import Optimisation, OptimiserStep, optimise
from napari_inpaintaff.networks.unet import seeded_unet
from napari_inpaintaff.separation.student import Student

#: Seconds of training before the first map of the first image, ...
_FIRST_MAP = 1.5
#: ... and the part of the time that maps may take after it.
_MAP_SHARE = 0.1

_logger = logging.getLogger(__name__)

Start = Inpainter | Student | FGNet


def train_fgnet(
    images: Sequence[Plane | NDArray[Any]],
    targets: Sequence[NDArray[np.int8]],
    training: FGNetTraining | None = None,
    *,
    start: Start | None = None,
    name: str = "fgnet",
    diameter: float | None = None,
    normalisation: NormalisationKind | None = None,
    instances: int | None = None,
    notes: Mapping[str, Any] | None = None,
    device: str = "auto",
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Progress | FGNetUpdate, None, FGNet]:
    """Train a foreground network on a few labels.

    Parameters
    ----------
    images : sequence of Plane or ndarray, shape (Y, X)
        Raw intensities; pixels that are not finite are unknown.
    targets : sequence of ndarray of int8, shape (Y, X)
        Of every image: 1 foreground, 0 background, -1 unlabelled; see `foreground_targets`.
        Without any background, what is all but sure to be background is found out first; see
        `imply_targets`.
    training : FGNetTraining, optional
        How long, and which network.
    start : Inpainter, Student or FGNet, optional
        Gives the network its first weights (all but the last layer, unless it is a foreground
        network), if it is a plain U-Net and the training is ``small``; its normalisation, scale
        and denoiser in any case. A foreground network is trained further, whatever its
        architecture.
    name : str, optional
        Of the network.
    diameter : float, optional
        Typical diameter of the cells in these images, in pixels, if it is not that of
        ``start``: images are resampled to fit.
    normalisation : {"fluorescence", "linear"}, optional
        By default that of ``start``, else ``fluorescence``.
    instances : int, optional
        Labelled cells, for the model file.
    notes : mapping, optional
        Data and licence, for the model file.
    device : str, optional
        Where to train: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    stop : callable, optional
        Asked before every step; True ends the training and keeps the weights so far.

    Yields
    ------
    Progress or FGNetUpdate
        The first while images are read, the second every twenty steps or second. Not asking
        for the next one cancels the training.

    Returns
    -------
    FGNet
        With averaged weights.

    Raises
    ------
    ImageError
        If an image cannot be read, its targets have another shape, or too little is labelled.
    ParameterError
        If there are not as many targets as images, the diameter is too far from that of
        ``start``, or the training diverges.
    DeviceError
        If the device is not available or its memory too small.

    Notes
    -----
    Nothing is held out to stop early: crops differ so much (any angle, scale, contrast, haze,
    noise; see `CropSampler`) that longer trainings do not overfit. From 52 instances, SEG of a
    distance watershed of the foreground of HeLa frames 075, 082 and 089 was 0.919, 0.938, 0.939,
    0.937 after 300, 800, 1200, 1600 steps, and the IoU best after 1200; from 47 of phase contrast
    (PSC) 0.784 and 0.797 after 300 and 800.
    """
    training = FGNetTraining() if training is None else training
    where = pick_device(device)
    planes = as_planes(images)
    _check(planes, targets)
    metadata = _metadata(start, training, diameter, normalisation)
    labelled = yield from _read(planes, targets, metadata, start)
    prior = None
    if not any((image.targets == BACKGROUND).any() for image in labelled):
        labelled, prior = yield from _with_background(labelled, training.seed)
    network = _network(start, metadata, training)
    run = _Run(labelled, planes[0].shape, metadata, training, network, prior)
    place(run.network, where)
    yield from run.train(stop)
    record = {
        **(notes or {}),
        "images": len(planes),
        "labelled_pixels": int(sum(np.count_nonzero(one != UNLABELLED) for one in targets)),
        "instances": instances,
        **run.record(),
        "started_from": None if start is None else start.metadata.name,
    }
    return FGNet(
        run.optimisation.averaged.cpu(),
        replace(metadata, name=name, training=record),
        denoiser=None if start is None else start.denoiser,
        device=device,
    )


def _check(planes: Sequence[Plane], targets: Sequence[NDArray[np.int8]]) -> None:
    if len(planes) != len(targets):
        raise ParameterError(
            f"there are {len(planes)} images, but {len(targets)} label images: give one for each"
        )
    for plane, one in zip(planes, targets, strict=True):
        check_shape(one, plane.shape, plane.name)
        if not np.isin(one, (UNLABELLED, BACKGROUND, FOREGROUND)).all():
            raise ImageError(
                f"targets are -1, 0 and 1, those of {plane.name} are others: "
                "make them of labels with foreground_targets"
            )
    cells = sum(int(np.count_nonzero(one == FOREGROUND)) for one in targets)
    if cells < FEWEST_PIXELS:
        raise ImageError(
            f"only {cells} pixels of cells are labelled, which is too little to learn from: "
            "label a few cells"
        )
    if all((one == FOREGROUND).all() for one in targets):
        raise ImageError(
            "everything is labelled as foreground: there is nothing to tell the cells from"
        )


def _metadata(
    start: Start | None,
    training: FGNetTraining,
    diameter: float | None,
    normalisation: NormalisationKind | None,
) -> FGNetMetadata:
    """Describe the network before it is trained."""
    architecture = FGNET_ARCHITECTURES[training.config]
    if start is None:
        return FGNetMetadata(
            "fgnet",
            architecture,
            normalisation or "fluorescence",
            image_diameter=diameter,
        )
    own = start.metadata.architecture
    if isinstance(start, FGNet):
        architecture = own
    elif training.config == "small" and own.kind == "plain":
        architecture = replace(own, outputs=1)
    return FGNetMetadata(
        "fgnet",
        architecture,
        normalisation or start.metadata.normalisation,
        start.metadata.diameter,
        denoiser=start.metadata.denoiser,
        image_diameter=diameter or start.metadata.image_diameter,
    )


def _network(start: Start | None, metadata: FGNetMetadata, training: FGNetTraining) -> nn.Module:
    network = seeded_unet(metadata.architecture, training.seed)
    if start is None or replace(start.metadata.architecture, outputs=1) != metadata.architecture:
        return network
    own_head = isinstance(start, FGNet)
    network.load_state_dict(
        {
            name: torch.from_numpy(value)
            for name, value in start.weights.items()
            if own_head or not name.startswith("head.")
        },
        strict=False,
    )
    return network


def _read(
    planes: Sequence[Plane],
    targets: Sequence[NDArray[np.int8]],
    metadata: FGNetMetadata,
    start: Start | None,
) -> Generator[Progress, None, list[LabelledImage]]:
    """Read and normalise the images, at the scale of the network."""
    zoom = metadata.zoom(None)
    found = []
    for done, (plane, given) in enumerate(zip(planes, targets, strict=True)):
        yield Progress(done, len(planes), "Reading the images…")
        image = plane.read()
        if start is not None:
            image = start.denoise(image)
        values = estimate_normalisation(image, metadata.normalisation).apply(image)
        found.append(LabelledImage(zoom.shrink(values), _shrink_targets(given, zoom)))
    return found


def _shrink_targets(targets: NDArray[np.int8], zoom: Zoom) -> NDArray[np.int8]:
    """Return the targets of working pixels; none of a thin stroke is lost."""
    if zoom.factor <= 1:
        return zoom.shrink_labels(targets)
    height, width = zoom.shrink_labels(targets).shape
    rows, columns = np.nonzero(targets != UNLABELLED)
    ys, xs = rows * height // targets.shape[0], columns * width // targets.shape[1]
    votes = np.zeros((height, width), np.int64)
    seen = np.zeros((height, width), bool)
    np.add.at(votes, (ys, xs), 2 * targets[rows, columns].astype(np.int64) - 1)
    seen[ys, xs] = True
    return np.where(seen, votes > 0, UNLABELLED).astype(np.int8)


def _with_background(
    images: Sequence[LabelledImage], seed: int
) -> Generator[Progress, None, tuple[list[LabelledImage], float]]:
    """Return the images with what strokes on cells alone imply, and the class prior."""
    implied = yield from iterate_implied_targets(
        [image.values for image in images], [image.targets for image in images], seed=seed
    )
    completed = [
        replace(image, targets=targets)
        for image, targets in zip(images, implied.targets, strict=True)
    ]
    return completed, implied.class_prior


@dataclass(eq=False)
class _Run:
    """A training while it goes on."""

    images: Sequence[LabelledImage]
    shape: tuple[int, int]
    metadata: FGNetMetadata
    training: FGNetTraining
    network: nn.Module
    prior: float | None
    batch: int = field(init=False)
    finished: bool = False
    optimisation: Optimisation = field(init=False)
    _map: NDArray[np.float32] | None = None
    _map_due: float = _FIRST_MAP

    def __post_init__(self) -> None:
        self.batch = self.training.batch

    def train(self, stop: Callable[[], bool]) -> Generator[FGNetUpdate, None, None]:
        self.optimisation = state = Optimisation(self.network)
        device = next(self.network.parameters()).device
        schedule = self.training.schedule()
        sampler = CropSampler(
            self.images,
            self.metadata.normalisation,
            size=self.training.size,
            seed=self.training.seed,
        )

        def draw_loss(step: int) -> Tensor:
            crops = sampler.draw(step, self.batch).to(device)
            # Dropout must not depend on what else draws random numbers.
            with seeded(hash((self.training.seed, step)) % 2**63, device), autocast(device):
                logits: Tensor = self.network(crops.values, crops.known)
            return labelled_risk(logits.float(), crops.targets)

        def shrink() -> bool:
            if self.batch == 1:
                return False
            self.batch //= 2
            _logger.warning("out of memory: the training goes on with batches of %d", self.batch)
            return True

        for step in optimise(state, draw_loss, schedule, stop=stop, shrink=shrink):
            if step.seconds >= self._map_due or step.progress >= 1:
                yield from self._look(step)
            yield self._update(step)
        self.finished = schedule.progress(state.step, state.seconds) >= 1

    def record(self) -> dict[str, Any]:
        """Return what the model file says about the training."""
        return {
            "steps": self.optimisation.step,
            "batch": self.batch,
            "crop": self.training.size,
            "seed": self.training.seed,
            "minutes": round(self.optimisation.seconds / 60, 2),
            "stopped": not self.finished,
            "loss": round(self.optimisation.loss, 4),
            "class_prior": None if self.prior is None else round(self.prior, 4),
        }

    def _look(self, step: OptimiserStep) -> Generator[FGNetUpdate, None, None]:
        """Draw the map of the first image; between two tiles the training can be cancelled."""
        began = time.monotonic()
        averaged = self.optimisation.averaged
        device = next(averaged.parameters()).device
        tiles = iterate_tiles(
            averaged,
            self.images[0].values,
            self.metadata.architecture,
            device=device,
            dtype=torch.float32,
            flips=False,
        )
        small = None
        with closing(tiles):
            while small is None:
                try:
                    # Not around the yield: it would be another's autocast, too.
                    with autocast(device):
                        next(tiles)
                except StopIteration as end:
                    small = end.value
                else:
                    yield self._update(step)
        known = np.isfinite(self.images[0].values)
        self._map = enlarge(np.where(known, small, np.float32(0)), self.shape)
        took = time.monotonic() - began
        self.optimisation.seconds += took
        self._map_due = self.optimisation.seconds + max(took / _MAP_SHARE, 1.0)

    def _update(self, step: OptimiserStep) -> FGNetUpdate:
        whole = step.seconds / step.progress if step.progress else math.inf
        return FGNetUpdate(
            step=step.step,
            loss=step.loss,
            progress=step.progress,
            seconds=self.optimisation.seconds,
            seconds_left=max(0.0, whole - step.seconds),
            probability=self._map,
        )

"""The training of a PerturbGAN: generator and critic, then the encoder."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.foreground.perturbgan.adversarial import Game
from napari_inpaintaff.foreground.perturbgan.checkpoint import (
    PerturbGANCheckpoint,
    fingerprint,
    read_checkpoint,
    write_checkpoint,
)
from napari_inpaintaff.foreground.perturbgan.collapse import (
    collapse_of,
    generate,
    less_border_layer,
)
from napari_inpaintaff.foreground.perturbgan.encoder import Encoder
from napari_inpaintaff.foreground.perturbgan.encoding import Autoencoder, make_encoder
from napari_inpaintaff.foreground.perturbgan.metadata import PerturbGANMetadata
from napari_inpaintaff.foreground.perturbgan.model import Networks, PerturbGAN
from napari_inpaintaff.foreground.perturbgan.parameters import (
    ENCODER_SHARE,
    LayeredSamples,
    PerturbGANTraining,
    PerturbGANUpdate,
    Phase,
)
from napari_inpaintaff.foreground.perturbgan.pictures import Pictures
from napari_inpaintaff.inpainting.training_run import step_seed
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks.devices import pick_device, seeded
from napari_inpaintaff.networks.training import REPORT_EVERY, Optimisation, optimise

_SECONDS_BETWEEN_SAMPLES = 5.0
_SAMPLES = 64
#: Scenes that decide which layer is foreground.
_JUDGED = 512
#: Added to the seed where the encoder draws, so that it does not see the same batches again.
_ENCODER_SEED = 1


def train_perturbgan(
    images: Sequence[ArrayLike],
    training: PerturbGANTraining | None = None,
    *,
    names: Sequence[str] | None = None,
    name: str = "perturbgan",
    notes: Mapping[str, Any] | None = None,
    device: str = "auto",
    checkpoint: Path | None = None,
    resume: bool = False,
    save_every: float = 60.0,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Progress | PerturbGANUpdate, None, PerturbGAN | None]:
    """Learn from images alone to tell foreground from background (Bielski and Favaro 2019).

    A generator learns to make images out of a background and a masked foreground that was
    shifted at random, which a critic cannot tell from real ones; then an encoder learns to
    find the layers of real images.

    Parameters
    ----------
    images : sequence of array, shape (Y, X) or (C, Y, X)
        Raw intensities, 1 or 3 channels, any sizes; hundreds at least, of one kind of scene.
    training : PerturbGANTraining, optional
        How long, and with which perturbations and losses.
    names : sequence of str, optional
        Of the images, for messages.
    name : str, optional
        Of the model.
    notes : mapping, optional
        Data and licence, for the model file.
    device : str, optional
        Where to train: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    checkpoint : Path, optional
        Where the state is kept from time to time, and when the training is stopped.
    resume : bool, optional
        Whether to go on from there.
    save_every : float, optional
        Seconds between two checkpoints.
    stop : callable, optional
        Asked before every step; True ends the training.

    Yields
    ------
    Progress or PerturbGANUpdate
        The first while images are prepared, the second every twenty steps or second. Not
        asking for the next one cancels the training.

    Returns
    -------
    PerturbGAN or None
        None if it was stopped before there was an encoder. ``metadata.training["collapse"]``
        says whether its masks are empty or full.

    Raises
    ------
    ImageError
        If there are too few images, or one of them cannot be used.
    ParameterError
        If the checkpoint is of another training, or the training diverges.
    ModelFileError
        If the checkpoint cannot be read.
    DeviceError
        If the device is not available.
    """
    training = PerturbGANTraining() if training is None else training
    if resume and checkpoint is None:
        raise ParameterError("a training goes on from a checkpoint: give its file")
    where = pick_device(device)
    yield Progress(0, len(images), "Preparing the images…")
    pictures = Pictures(images, training.side, random_crops=training.random_crops, names=names)
    run = _Run(pictures, training, where, checkpoint, save_every, stop)
    if resume and checkpoint is not None:
        run.restore(read_checkpoint(checkpoint, run.fingerprint))
    finished = yield from run.train_generator()
    if not finished:
        return None
    yield from run.train_encoder()
    return run.model(name, {**(notes or {}), "images": len(images)}, device)


@dataclass(eq=False)
class _Run:
    """A training while it goes on."""

    pictures: Pictures
    training: PerturbGANTraining
    device: torch.device
    checkpoint: Path | None
    save_every: float
    stop: Callable[[], bool]
    game: Game = field(init=False)
    fingerprint: str = field(init=False)
    encoder: Optimisation | None = None
    finished: bool = False
    samples: LayeredSamples | None = None
    _sampled: float = -math.inf
    _saved: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        architecture = self.training.architecture(self.pictures.channels)
        self.game = Game(architecture, self.training, self.device)
        self.fingerprint = fingerprint(self.pictures, self.training)

    def restore(self, saved: PerturbGANCheckpoint) -> None:
        self.game.restore(saved.game)
        if saved.encoder:
            self.encoder = Optimisation(self._fresh_encoder())
            self.encoder.restore(saved.encoder)

    def train_generator(self) -> Generator[PerturbGANUpdate, None, bool]:
        """Play until the budget is spent; return False if somebody stopped it before."""
        game, schedule = self.game, self.training.schedule()
        progress = 1.0 if self.encoder else schedule.progress(game.step, game.seconds)
        reported = time.monotonic()
        while progress < 1:
            if self.stop():
                self._save()
                return False
            began = time.monotonic()
            scale = self.training.scale_at(progress)
            rng = np.random.default_rng((self.training.seed, game.step))
            real = self.pictures.draw(scale.side, self.training.batch, rng).to(self.device)
            with seeded(step_seed(self.training.seed, game.step), self.device):
                game.play(real, scale)
            game.seconds += time.monotonic() - began
            progress = schedule.progress(game.step, game.seconds)
            now = time.monotonic()
            if game.step % REPORT_EVERY == 0 or progress >= 1 or now - reported > 1:
                if not math.isfinite(game.distance):
                    raise ParameterError(
                        f"the training diverged after {game.step} steps: try another seed"
                    )
                self._sample(progress)
                self._save_sometimes()
                reported = time.monotonic()
                yield self._update("generator", game.step, game.distance, progress)
        return True

    def train_encoder(self) -> Generator[PerturbGANUpdate, None, None]:
        """Train the encoder until the budget is spent or somebody stops it."""
        autoencoder = Autoencoder(self.game.averaged, self.game.critic)
        if self.encoder is None:
            self.encoder = Optimisation(self._fresh_encoder())
            self._save()
        state, training = self.encoder, self.training
        network = cast(Encoder, state.network)
        schedule = training.encoder_schedule()

        def draw_loss(step: int) -> Tensor:
            rng = np.random.default_rng((training.seed, _ENCODER_SEED, step))
            real = self.pictures.draw_whole(training.side, training.batch, rng).to(self.device)
            with seeded(step_seed(training.seed + _ENCODER_SEED, step), self.device):
                loss = autoencoder.loss(network, real)
                return loss + autoencoder.rehearsal_loss(network, len(real))

        for step in optimise(state, draw_loss, schedule, stop=self.stop):
            if time.monotonic() - self._sampled > _SECONDS_BETWEEN_SAMPLES or step.progress >= 1:
                self._sample(1.0)
            self._save_sometimes()
            yield self._update("encoder", step.step, step.loss, step.progress)
        self.finished = schedule.progress(state.step, state.seconds) >= 1
        if not self.finished:
            self._save()

    def model(self, name: str, notes: Mapping[str, Any], device: str) -> PerturbGAN:
        """Return the trained model, and say in it what it is."""
        assert self.encoder is not None
        game, encoder = self.game, self.encoder.averaged
        assert isinstance(encoder, Encoder)
        masks = generate(game.averaged, _JUDGED, seed=self.training.seed).masks
        chosen = self.training.foreground_layer
        layer = less_border_layer(masks) if chosen == "auto" else chosen
        record = {
            **notes,
            "steps": game.step,
            "encoder_steps": self.encoder.step,
            "seed": self.training.seed,
            "shift": self.training.shift,
            "contrast_jitter": self.training.contrast_jitter,
            "minutes": round((game.seconds + self.encoder.seconds) / 60, 2),
            "stopped": not self.finished,
            "mask_share": round(float(masks.mean()), 3),
            "collapse": collapse_of(masks),
        }
        metadata = PerturbGANMetadata(name, game.averaged.architecture, layer, record)
        networks = Networks(game.averaged, game.critic, encoder)
        return PerturbGAN(networks, metadata, device=device)

    def _fresh_encoder(self) -> Encoder:
        return make_encoder(self.game.averaged, self.training.seed, self.training.shift)

    def _sample(self, progress: float) -> None:
        """Renew the samples every few seconds."""
        if time.monotonic() - self._sampled > _SECONDS_BETWEEN_SAMPLES or progress >= 1:
            scale = self.training.scale_at(min(progress, 1.0))
            self.samples = generate(
                self.game.averaged, _SAMPLES, scale=scale, seed=self.training.seed
            )
            self._sampled = time.monotonic()

    def _save_sometimes(self) -> None:
        if time.monotonic() - self._saved > self.save_every:
            self._save()

    def _save(self) -> None:
        if self.checkpoint is not None:
            encoder = {} if self.encoder is None else self.encoder.arrays()
            state = PerturbGANCheckpoint(self.game.arrays(), encoder)
            write_checkpoint(self.checkpoint, state, self.fingerprint)
        self._saved = time.monotonic()

    def _update(self, phase: Phase, step: int, loss: float, part: float) -> PerturbGANUpdate:
        begin, share = (0.0, 1 - ENCODER_SHARE)
        if phase == "encoder":
            begin, share = 1 - ENCODER_SHARE, ENCODER_SHARE
        progress = begin + share * part
        seconds = self.game.seconds + (self.encoder.seconds if self.encoder else 0.0)
        if self.samples is None:
            self._sample(1.0)
        assert self.samples is not None
        masks = self.samples.masks
        return PerturbGANUpdate(
            phase=phase,
            step=step,
            side=masks.shape[-1],
            loss=loss,
            mask_share=float(masks.mean()),
            collapse=collapse_of(masks),
            progress=progress,
            seconds=seconds,
            seconds_left=seconds * (1 / progress - 1) if progress else math.inf,
            samples=self.samples,
        )

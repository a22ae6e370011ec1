"""The loop of a PerturbGAN's training: steps, samples and checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from napari_inpaintaff.errors import DeviceError, ParameterError
from napari_inpaintaff.foreground.perturbgan.adversarial import Game
from napari_inpaintaff.foreground.perturbgan.checkpoint import (
    PerturbGANCheckpoint,
    fingerprint,
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
    Scale,
)
from napari_inpaintaff.foreground.perturbgan.pictures import Pictures
from napari_inpaintaff.networks.devices import is_out_of_memory, seeded, step_seed
from napari_inpaintaff.networks.training import REPORT_EVERY, Optimisation, optimise

_SECONDS_BETWEEN_SAMPLES = 5.0
_SAMPLES = 64
#: Scenes that decide which layer is foreground.
_JUDGED = 512
#: Added to the seed where the encoder draws, so that it does not see the same batches again.
_ENCODER_SEED = 1


@dataclass(eq=False)
class TrainingRun:
    """A training while it goes on: generator and critic first, then the encoder.

    Attributes
    ----------
    pictures : Pictures
        The real images.
    training : PerturbGANTraining
        How to train.
    device : torch.device
        Where.
    checkpoint : Path or None
        Where the state is kept, if anywhere.
    save_every : float
        Seconds between two checkpoints.
    stop : callable
        Asked before every step.
    """

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
        """Go on from a checkpoint of the same training."""
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
            self._play(real, scale)
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

    def _play(self, real: Tensor, scale: Scale) -> None:
        try:
            with seeded(step_seed(self.training.seed, self.game.step), self.device):
                self.game.play(real, scale)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise DeviceError(
                "the training does not fit into the memory of this device: choose a smaller side "
                "or smaller batches"
            ) from error

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

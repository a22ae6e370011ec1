"""Checkpoints of a PerturbGAN: a training that was interrupted goes on from one, bit for bit."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from napari_inpaintaff.errors import ModelFileError, ParameterError
from napari_inpaintaff.foreground.perturbgan.adversarial import Arrays
from napari_inpaintaff.foreground.perturbgan.parameters import PerturbGANTraining
from napari_inpaintaff.foreground.perturbgan.pictures import Pictures
from napari_inpaintaff.networks.model_file import ModelFile, read_model_file, write_model_file

CHECKPOINT_KIND = "perturbgan-checkpoint"
#: What may change when a training goes on: in minutes, its progress decides what is trained.
_LENGTH = ("steps", "minutes", "encoder_steps", "foreground_layer")


@dataclass(frozen=True)
class PerturbGANCheckpoint:
    """The state of a training between two steps.

    Attributes
    ----------
    game : dict of str to ndarray
        Of generator and critic, see `Game.arrays`.
    encoder : dict of str to ndarray
        Of the encoder, see `networks.training.Optimisation.arrays`; empty while the generator
        is trained.
    """

    game: Arrays
    encoder: Arrays = field(default_factory=dict)


def fingerprint(pictures: Pictures, training: PerturbGANTraining) -> str:
    """Return what tells whether a checkpoint fits: images and settings, but for the length."""
    settings = {name: value for name, value in asdict(training).items() if name not in _LENGTH}
    text = json.dumps({**settings, "images": pictures.fingerprint()}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def write_checkpoint(path: Path, checkpoint: PerturbGANCheckpoint, fingerprint: str) -> None:
    """Write a checkpoint atomically; raises OutputError if it cannot be written."""
    weights = {f"game.{name}": value for name, value in checkpoint.game.items()}
    weights |= {f"encoder.{name}": value for name, value in checkpoint.encoder.items()}
    write_model_file(path, ModelFile(CHECKPOINT_KIND, {"fingerprint": fingerprint}, weights))


def read_checkpoint(path: Path, fingerprint: str) -> PerturbGANCheckpoint:
    """Read a checkpoint.

    Parameters
    ----------
    path : Path
        The file.
    fingerprint : str
        That of the training that is to go on.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged or no checkpoint.
    ParameterError
        If it belongs to a training on other images or with other settings.
    """
    file = read_model_file(path, CHECKPOINT_KIND)
    if file.metadata.get("fingerprint") != fingerprint:
        raise ParameterError(
            f"the checkpoint {path} is of a training on other images or with other settings: "
            "resume with the same ones (only the length may differ), or remove it"
        )
    parts: dict[str, Arrays] = {"game": {}, "encoder": {}}
    for name, value in file.weights.items():
        part, _, rest = name.partition(".")
        if part not in parts:
            raise ModelFileError(f"the checkpoint {path} is damaged; remove it")
        parts[part][rest] = value
    return PerturbGANCheckpoint(**parts)

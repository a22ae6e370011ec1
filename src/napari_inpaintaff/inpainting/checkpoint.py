"""Checkpoints: a training that was interrupted goes on from one, bit for bit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ModelFileError, ParameterError
from napari_inpaintaff.images import Plane
from napari_inpaintaff.inpainting.parameters import InpainterTraining
from napari_inpaintaff.inpainting.quality import NearHoleError
from napari_inpaintaff.inpainting.updates import TrainingPoint
from napari_inpaintaff.networks.model_file import (
    ModelFile,
    read_model_file,
    weights_sha256,
    write_model_file,
)

Arrays = dict[str, NDArray[Any]]

CHECKPOINT_KIND = "training-checkpoint"
_PHASES = ("denoiser", "inpainter")
_PARTS = ("optimisation", "denoiser", "best")


@dataclass(frozen=True)
class TrainingCheckpoint:
    """The state of a training between two steps.

    Attributes
    ----------
    phase : str
        ``denoiser`` or ``inpainter``.
    batch : int
        Crops per step: less than was asked for if memory was short.
    optimisation : dict of str to ndarray
        See `networks.training.Optimisation.arrays`.
    denoiser : dict of str to ndarray
        Weights of a denoiser that is finished; else empty.
    denoiser_seconds : float
        Spent on it.
    best : dict of str to ndarray
        Weights of the inpainter that measured best so far; empty before the first.
    history : tuple of TrainingPoint
        All measurements so far.
    """

    phase: str
    batch: int
    optimisation: Arrays
    denoiser: Arrays = field(default_factory=dict)
    denoiser_seconds: float = 0.0
    best: Arrays = field(default_factory=dict)
    history: tuple[TrainingPoint, ...] = ()


def checkpoint_path(model: str | Path) -> Path:
    """Return where the checkpoint of a model that is being trained lies: beside it.

    Parameters
    ----------
    model : str or Path
        The model file to be, for example ``nuclei.safetensors``.

    Returns
    -------
    Path
        For example ``nuclei.checkpoint.safetensors``.
    """
    model = Path(model)
    return model.with_name(f"{model.stem}.checkpoint.safetensors")


def fingerprint(
    planes: Sequence[Plane],
    training: InpainterTraining,
    normalisation: str,
    start_from: Mapping[str, NDArray[Any]] | None,
    zoom: float,
) -> str:
    """Return what tells whether a checkpoint fits: images, settings and starting weights.

    The length of the training is left out: an interrupted training may be made longer.
    """
    settings = {name: value for name, value in asdict(training).items() if name != "schedule"}
    described = {
        **settings,
        "vgg": training.vgg and training.vgg.name,
        "learning_rate": training.schedule.learning_rate,
        "average": training.schedule.average,
        "normalisation": normalisation,
        "zoom": zoom,
        "start_from": start_from and weights_sha256(start_from),
        "planes": [(plane.name, plane.shape) for plane in planes],
    }
    text = json.dumps(described, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def write_checkpoint(path: Path, checkpoint: TrainingCheckpoint, fingerprint: str) -> None:
    """Write a checkpoint atomically: killed at any moment, there is the old one or the new one.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    weights: Arrays = {}
    for part in _PARTS:
        weights |= {f"{part}.{name}": value for name, value in getattr(checkpoint, part).items()}
    metadata = {
        "fingerprint": fingerprint,
        "phase": checkpoint.phase,
        "batch": checkpoint.batch,
        "denoiser_seconds": checkpoint.denoiser_seconds,
        "history": [asdict(point) for point in checkpoint.history],
    }
    write_model_file(path, ModelFile(CHECKPOINT_KIND, metadata, weights))


def read_checkpoint(path: Path, fingerprint: str) -> TrainingCheckpoint:
    """Read a checkpoint.

    Parameters
    ----------
    path : Path
        The file.
    fingerprint : str
        That of the training that is to go on.

    Returns
    -------
    TrainingCheckpoint
        The newest state that was written.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged or no checkpoint.
    ParameterError
        If it belongs to a training on other images or with other settings.
    """
    file = read_model_file(path, CHECKPOINT_KIND)
    metadata = file.metadata
    if metadata.get("fingerprint") != fingerprint:
        raise ParameterError(
            f"the checkpoint {path} is of a training on other images or with other settings: "
            "resume with the same ones (only the length may differ), or remove it"
        )
    parts: dict[str, Arrays] = {part: {} for part in _PARTS}
    for name, value in file.weights.items():
        part, _, rest = name.partition(".")
        parts.setdefault(part, {})[rest] = value
    try:
        if metadata["phase"] not in _PHASES or not int(metadata["batch"]) > 0:
            raise ValueError("a state that no training has")
        return TrainingCheckpoint(
            phase=str(metadata["phase"]),
            batch=int(metadata["batch"]),
            denoiser_seconds=float(metadata["denoiser_seconds"]),
            history=tuple(_point(values) for values in metadata["history"]),
            **parts,
        )
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError) as error:
        raise ModelFileError(f"the checkpoint {path} is damaged; remove it") from error


def _point(values: Mapping[str, Any]) -> TrainingPoint:
    quality = NearHoleError(**values["quality"])
    figures = asdict(quality)
    if figures["nll"] is None:
        del figures["nll"]
    numbers = (*figures.values(), values["step"], values["seconds"], values["loss"])
    if not all(isinstance(number, int | float) for number in numbers):
        raise TypeError("measurements that are no numbers")
    return TrainingPoint(**{**values, "quality": quality})


def snapshot(weights: Mapping[str, Any]) -> Arrays:
    """Copy the state of a network to arrays, exactly.

    Parameters
    ----------
    weights : mapping of str to Tensor
        ``network.state_dict()``.
    """
    return {name: np.array(value.detach().cpu().numpy()) for name, value in weights.items()}

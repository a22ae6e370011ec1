"""Checkpoints of ReDO: a training that was interrupted goes on from one, bit for bit."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ModelFileError, ParameterError
from napari_inpaintaff.foreground.redo.networks import Arrays
from napari_inpaintaff.foreground.redo.parameters import ReDOTraining
from napari_inpaintaff.networks.model_file import ModelFile, read_model_file, write_model_file

CHECKPOINT_KIND = "redo-checkpoint"


@dataclass(frozen=True, eq=False)
class ReDOCheckpoint:
    """The state of a training between two steps.

    Attributes
    ----------
    run : int
        From 0; one more after every restart.
    step : int
        Steps taken by the run.
    seconds : float
        Spent so far, on all runs.
    looks : int
        Looks in a row that found the run collapsed.
    losses : tuple of float
        Running averages, in the order of `ReDOLosses`.
    arrays : dict of str to ndarray
        See `ReDONetworks.arrays`.
    """

    run: int
    step: int
    seconds: float
    looks: int
    losses: tuple[float, ...]
    arrays: Arrays


def fingerprint(images: NDArray[np.float32], training: ReDOTraining) -> str:
    """Return what tells whether a checkpoint fits: images and settings.

    The length of the training is left out: an interrupted training may be made longer.

    Parameters
    ----------
    images : ndarray of float32, shape (N, C, Y, X)
        Of the training.
    training : ReDOTraining
        Its settings.
    """
    settings = asdict(training)
    del settings["steps"], settings["minutes"]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    digest.update(str(images.shape).encode())
    digest.update(np.ascontiguousarray(images).tobytes())
    return digest.hexdigest()


def write_checkpoint(path: Path, checkpoint: ReDOCheckpoint, fingerprint: str) -> None:
    """Write a checkpoint atomically: killed at any moment, there is the old one or the new one.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    metadata: dict[str, Any] = {
        "fingerprint": fingerprint,
        "run": checkpoint.run,
        "step": checkpoint.step,
        "seconds": checkpoint.seconds,
        "looks": checkpoint.looks,
        "losses": list(checkpoint.losses),
    }
    write_model_file(path, ModelFile(CHECKPOINT_KIND, metadata, checkpoint.arrays))


def read_checkpoint(path: Path, fingerprint: str) -> ReDOCheckpoint:
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
        If the file is missing, damaged or no such checkpoint.
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
    try:
        return ReDOCheckpoint(
            run=int(metadata["run"]),
            step=int(metadata["step"]),
            seconds=float(metadata["seconds"]),
            looks=int(metadata["looks"]),
            losses=tuple(float(loss) for loss in metadata["losses"]),
            arrays=file.weights,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"the checkpoint {path} is damaged; remove it") from error

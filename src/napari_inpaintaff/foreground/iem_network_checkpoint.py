"""What a training on masks of IEM has done so far: an interrupted one goes on from there."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ModelFileError, ParameterError
from napari_inpaintaff.foreground.iem_network_parameters import IEMNetworkTraining
from napari_inpaintaff.networks.model_file import ModelFile, read_model_file, write_model_file

_KIND = "iem-network-checkpoint"


@dataclass
class IEMNetworkProgress:
    """Masks found so far, and the state of the network.

    Attributes
    ----------
    masks : ndarray of bool, shape (N, Y, X)
        Right where there is a mask already.
    errors : ndarray of float32, shape (N,)
        Their inpainting errors.
    found : int
        Pictures that have a mask.
    epochs : int
        Done.
    optimisation : dict of str to ndarray
        See `networks.training.Optimisation.arrays`; empty before the first epoch.
    """

    masks: NDArray[np.bool_]
    errors: NDArray[np.float32]
    found: int = 0
    epochs: int = 0
    optimisation: dict[str, NDArray[Any]] = field(default_factory=dict)

    @classmethod
    def none(cls, count: int, shape: tuple[int, int]) -> IEMNetworkProgress:
        """Return what there is before the first mask."""
        return cls(np.zeros((count, *shape), bool), np.zeros(count, np.float32))


def fingerprint(pictures: NDArray[np.float32], training: IEMNetworkTraining) -> str:
    """Return what tells whether a checkpoint fits; more epochs may be asked for."""
    settings = {name: value for name, value in asdict(training).items() if name != "epochs"}
    digest = hashlib.sha256(json.dumps([settings, pictures.shape], sort_keys=True).encode())
    digest.update(np.ascontiguousarray(pictures).tobytes())
    return digest.hexdigest()


def write_progress(path: Path, progress: IEMNetworkProgress, fingerprint: str) -> None:
    """Write a checkpoint atomically.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    arrays = {f"optimisation.{name}": value for name, value in progress.optimisation.items()}
    arrays |= {
        "masks": np.packbits(progress.masks),
        "errors": progress.errors,
    }
    metadata = {
        "fingerprint": fingerprint,
        "found": progress.found,
        "epochs": progress.epochs,
        "shape": list(progress.masks.shape),
    }
    write_model_file(path, ModelFile(_KIND, metadata, arrays))


def read_progress(path: Path, shape: tuple[int, int, int], fingerprint: str) -> IEMNetworkProgress:
    """Read a checkpoint.

    Raises
    ------
    ModelFileError
        If it is damaged.
    ParameterError
        If it is of other pictures or settings.
    """
    file = read_model_file(path, _KIND)
    if file.metadata.get("fingerprint") != fingerprint:
        raise ParameterError(
            f"{path} is of a training with other pictures or settings: delete it to begin anew"
        )
    try:
        bits = np.unpackbits(file.weights["masks"], count=int(np.prod(shape)))
        return IEMNetworkProgress(
            bits.reshape(shape).astype(bool),
            np.array(file.weights["errors"], np.float32).reshape(shape[0]),
            int(file.metadata["found"]),
            int(file.metadata["epochs"]),
            {
                name.removeprefix("optimisation."): value
                for name, value in file.weights.items()
                if name.startswith("optimisation.")
            },
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"the checkpoint {path} is damaged: delete it to begin anew"
        ) from error

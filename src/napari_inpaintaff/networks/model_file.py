"""Model files: safetensors with JSON metadata. Loading one never executes code."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from napari_inpaintaff.errors import ModelFileError
from napari_inpaintaff.images.files import atomic_path

FORMAT_VERSION = 1
_FORMAT = "napari-inpaintaff"


@dataclass(frozen=True)
class ModelFile:
    """What a model file holds.

    Attributes
    ----------
    kind : str
        What the model is for, for example ``inpainter``.
    metadata : dict
        JSON values; its meaning depends on the kind.
    weights : dict of str to ndarray
        Tensors by name.
    """

    kind: str
    metadata: dict[str, Any]
    weights: dict[str, NDArray[Any]]


def write_model_file(path: str | Path, model: ModelFile) -> Path:
    """Write a model file atomically.

    Parameters
    ----------
    path : str or Path
        Where; an existing file is replaced only when the new one is complete.
    model : ModelFile
        What to write. The SHA-256 of the weights is added.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    header = {
        "format": _FORMAT,
        "format_version": str(FORMAT_VERSION),
        "kind": model.kind,
        "metadata": json.dumps(model.metadata, sort_keys=True),
        "sha256": weights_sha256(model.weights),
    }
    weights = {name: np.asarray(value, order="C") for name, value in model.weights.items()}
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(weights, metadata=header))
    return Path(path)


def read_model_kind(path: str | Path) -> str:
    """Read what a model file is for, without its metadata and weights.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    str
        For example ``inpainter``.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, of a newer version, or none of ours.
    """
    return _read(Path(path), None, weights=False).kind


def read_model_metadata(path: str | Path, kind: str) -> dict[str, Any]:
    """Read the metadata of a model file without its weights.

    Parameters
    ----------
    path : str or Path
        The file.
    kind : str
        What the model has to be for.

    Returns
    -------
    dict
        JSON values.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, of a newer version, or not such a model.
    """
    return _read(Path(path), kind, weights=False).metadata


def read_model_file(path: str | Path, kind: str) -> ModelFile:
    """Read a model file and check its SHA-256.

    Parameters
    ----------
    path : str or Path
        The file.
    kind : str
        What the model has to be for.

    Returns
    -------
    ModelFile
        Metadata and weights.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, of a newer version, or not such a model.
    """
    return _read(Path(path), kind, weights=True)


def weights_sha256(weights: Mapping[str, NDArray[Any]]) -> str:
    """Return the SHA-256 of weights: names, shapes and little-endian bytes, in name order."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        value = np.asarray(weights[name], order="C")
        digest.update(f"{name}{value.shape}{value.dtype}".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()


def _read(path: Path, kind: str | None, *, weights: bool) -> ModelFile:
    if not os.path.isfile(path):  # Path.is_file raises where a folder may not be read
        raise ModelFileError(f"there is no model file {str(path)!r}")
    tensors: dict[str, NDArray[Any]] = {}
    try:
        with safe_open(path, framework="np") as file:
            header = file.metadata() or {}
            # Before the weights: those of a foreign file may be of a type that NumPy lacks.
            _check_header(path, header, kind)
            if weights:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except ModelFileError:
        raise
    # Of a type that NumPy lacks, the library complains in many ways.
    except (SafetensorError, OSError, AttributeError, TypeError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelFileError(
            f"{str(path)!r} is no safetensors file or is damaged ({reason}); copy or train it again"
        ) from error
    if weights and weights_sha256(tensors) != header.get("sha256"):
        raise ModelFileError(f"the weights in {str(path)!r} are damaged; copy or train it again")
    try:
        metadata = json.loads(header["metadata"])
    except (KeyError, ValueError, RecursionError) as error:
        raise ModelFileError(f"the metadata of {str(path)!r} is damaged") from error
    if not isinstance(metadata, dict):
        raise ModelFileError(f"the metadata of {str(path)!r} is damaged")
    return ModelFile(header.get("kind", ""), metadata, tensors)


def _check_header(path: Path, header: Mapping[str, str], kind: str | None) -> None:
    if header.get("format") != _FORMAT:
        raise ModelFileError(f"{str(path)!r} is not a model of napari-inpaintaff")
    version = header.get("format_version", "")
    if version != str(FORMAT_VERSION):
        raise ModelFileError(
            f"{str(path)!r} has model format {version!r}, this version reads "
            f"{FORMAT_VERSION}; update napari-inpaintaff or train the model again"
        )
    if kind is not None and header.get("kind") != kind:
        raise ModelFileError(
            f"{str(path)!r} is a model of kind {header.get('kind')!r}, not {kind!r}"
        )

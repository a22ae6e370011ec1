"""The description of a BioImage.IO package (model description 0.5), as plain values.

Specification: https://bioimage-io.github.io/spec-bioimage-io.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from napari_inpaintaff.inpainting.model_metadata import ModelMetadata
from napari_inpaintaff.networks.architecture import UNetArchitecture

#: Names of the files in a package.
DESCRIPTION_FILE = "bioimageio.yaml"
#: What packages of older versions of the format call it.
OLD_DESCRIPTION_FILE = "rdf.yaml"
MODEL_FILE = "model.safetensors"
WEIGHTS_FILE = "weights.pt"
CARD_FILE = "README.md"
TENSOR_FILES = {"image": "image.npy", "known": "known.npy", "prediction": "prediction.npy"}

#: Where our networks are built.
CALLABLE, MODULE = "packaged_unet", "napari_inpaintaff.networks.packaged"
#: What is only of interest to this program stands under that name.
CONFIG = "napari_inpaintaff"
FORMAT_VERSION = "0.5.3"

_TOLERANCE = 1e-3

_TITLES = {
    "inpainter": "inpainter",
    "student": "affinity network",
    "affnet": "affinity network",
    "fgnet": "foreground network",
}
_PURPOSES = {
    "inpainter": "predicts hidden pixels of a microscopy image from known ones, to separate cells",
    "student": "predicts which pixels of a microscopy image belong to the same cell",
    "affnet": "predicts which pixels of a microscopy image belong to the same cell",
    "fgnet": "predicts which pixels of a microscopy image belong to cells",
}
#: Licences of training data as our own models name them, in SPDX.
_LICENCES = {"CC0": "CC0-1.0", "CC BY 4.0": "CC-BY-4.0", "CC BY-SA 4.0": "CC-BY-SA-4.0"}


def package_description(
    metadata: ModelMetadata,
    hashes: Mapping[str, str],
    *,
    pytorch_version: str,
    highest: float,
    authors: Sequence[str] = (),
    licence: str | None = None,
) -> dict[str, Any]:
    """Describe a package.

    Parameters
    ----------
    metadata : ModelMetadata
        Of the model.
    hashes : mapping of str to str
        SHA-256 of every file of the package, by its name.
    pytorch_version : str
        Of the PyTorch that computed the prediction in the package.
    highest : float
        Largest value of that prediction.
    authors : sequence of str
        Names of people.
    licence : str, optional
        SPDX identifier; by default that of the training data, if it is a known one.

    Returns
    -------
    dict
        Values for YAML.
    """

    def file(name: str) -> dict[str, str]:
        return {"source": name, "sha256": hashes[name]}

    licence = licence or _LICENCES.get(str(metadata.training.get("licence")))
    architecture = metadata.architecture
    return {
        "type": "model",
        "format_version": FORMAT_VERSION,
        "name": _plain(f"{metadata.name} {_TITLES[metadata.kind]} of napari-inpaintaff"),
        "description": f"A U-Net that {_PURPOSES[metadata.kind]}.",
        "authors": [{"name": name} for name in authors or ["unknown"]],
        **({"license": licence} if licence else {}),
        "tags": ["napari-inpaintaff", "unet", "2d", "pytorch", "instance-segmentation"],
        "cite": [
            {
                "text": "Wolf et al. 2020, Instance separation emerges from inpainting",
                "doi": None,
                "url": "https://arxiv.org/abs/2003.00891",
            }
        ],
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "documentation": CARD_FILE,
        "attachments": [file(MODEL_FILE)],
        "inputs": _inputs(architecture, file),
        "outputs": [_output(metadata, file)],
        "weights": {
            "pytorch_state_dict": {
                **file(WEIGHTS_FILE),
                "architecture": {
                    "callable": CALLABLE,
                    "import_from": MODULE,
                    "kwargs": architecture_values(architecture),
                },
                "pytorch_version": pytorch_version.partition("+")[0],
            }
        },
        "config": {
            CONFIG: {"kind": metadata.kind, "model": MODEL_FILE},
            # What other computers and versions of PyTorch compute differs a little.
            "bioimageio": {
                "reproducibility_tolerance": [
                    {
                        "output_ids": ["prediction"],
                        "relative_tolerance": _TOLERANCE,
                        "absolute_tolerance": _TOLERANCE * max(highest, 0.0),
                    }
                ]
            },
        },
    }


def predicts_probabilities(metadata: ModelMetadata) -> bool:
    """Return whether a sigmoid belongs behind the network."""
    return metadata.kind != "inpainter"


def architecture_values(architecture: UNetArchitecture) -> dict[str, Any]:
    """Return an architecture as YAML knows it: lists, no tuples."""
    return {**asdict(architecture), "widths": list(architecture.widths)}


def smallest_side(architecture: UNetArchitecture) -> int:
    """Return the side of the smallest image that is described: a multiple of the stride."""
    return architecture.stride * max(1, -(-64 // architecture.stride))


def _inputs(architecture: UNetArchitecture, file: Any) -> list[dict[str, Any]]:
    step, smallest = architecture.stride, smallest_side(architecture)
    image = {
        "id": "image",
        "description": "Intensities, normalised as the README says; 0 where unknown.",
        "axes": [
            {"type": "batch"},
            {"type": "channel", "channel_names": ["intensity"]},
            {"type": "space", "id": "y", "size": {"min": smallest, "step": step}},
            {"type": "space", "id": "x", "size": {"min": smallest, "step": step}},
        ],
        "test_tensor": file(TENSOR_FILES["image"]),
        "data": {"type": "float32"},
    }
    known = {
        "id": "known",
        "description": "1 where the network may see the image, 0 elsewhere.",
        "axes": [
            {"type": "batch"},
            {"type": "channel", "channel_names": ["known"]},
            *_sides_of_image(),
        ],
        "test_tensor": file(TENSOR_FILES["known"]),
        "data": {"type": "float32", "range": [0, 1]},
    }
    return [image, known]


def _output(metadata: ModelMetadata, file: Any) -> dict[str, Any]:
    probability = predicts_probabilities(metadata)
    said = (
        {
            "description": "A probability per channel.",
            "data": {"type": "float32", "range": [0, 1]},
            "postprocessing": [{"id": "sigmoid"}],
        }
        if probability
        else {
            "description": "Of every pixel, as normalised intensity.",
            "data": {"type": "float32"},
        }
    )
    return {
        "id": "prediction",
        **said,
        "axes": [
            {"type": "batch"},
            {"type": "channel", "channel_names": _channels(metadata)},
            *_sides_of_image(),
        ],
        "test_tensor": file(TENSOR_FILES["prediction"]),
    }


def _sides_of_image() -> list[dict[str, Any]]:
    return [
        {"type": "space", "id": axis, "size": {"tensor_id": "image", "axis_id": axis}}
        for axis in "yx"
    ]


def _channels(metadata: ModelMetadata) -> list[str]:
    offsets = getattr(metadata, "offsets", None)
    if offsets is not None:
        return [f"offset_{n}" for n in range(len(offsets))]
    outputs = metadata.architecture.outputs
    names = {"inpainter": ["mean", "log_scale"], "fgnet": ["foreground"]}[metadata.kind]
    return names[:outputs]


def _plain(text: str) -> str:
    """Return a name of the letters that the format allows."""
    return "".join(c if c.isalnum() or c in "_- ()" else " " for c in text)[:128].strip()

"""A model as a BioImage.IO package."""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import nn

from napari_inpaintaff.errors import ModelFileError, OutputError
from napari_inpaintaff.images.files import atomic_path, check_writable
from napari_inpaintaff.inpainting.catalogue import user_model_folder
from napari_inpaintaff.inpainting.model_metadata import ModelMetadata
from napari_inpaintaff.networks.catalogue import find_model
from napari_inpaintaff.networks.model_file import read_model_kind
from napari_inpaintaff.networks.weights import build_filled_unet
from napari_inpaintaff.sharing.description import (
    CARD_FILE,
    DESCRIPTION_FILE,
    MODEL_FILE,
    TENSOR_FILES,
    WEIGHTS_FILE,
    package_description,
    predicts_probabilities,
    smallest_side,
)
from napari_inpaintaff.sharing.kinds import MODELS, card_of

#: Endings of packages.
PACKAGE_SUFFIXES = (".zip",)


@dataclass(frozen=True)
class ExportedPackage:
    """A package that was written.

    Attributes
    ----------
    path : Path
        The zip file.
    checked : bool
        Whether bioimageio.spec was there to check it.
    """

    path: Path
    checked: bool


def export_package(
    model: str | Path,
    package: str | Path,
    *,
    authors: Sequence[str] = (),
    licence: str | None = None,
) -> ExportedPackage:
    """Write a model as a BioImage.IO package (model description 0.5).

    The package holds the model file itself, the weights of its network for other programs, a
    model card, and what the network makes of a test image. If ``bioimageio.spec`` is installed,
    it checks the package.

    Parameters
    ----------
    model : str or Path
        A name or a model file: inpainter, student, AffNet or FGNet.
    package : str or Path
        A name ending in ``.zip``.
    authors : sequence of str, optional
        Names of people.
    licence : str, optional
        SPDX identifier, such as ``CC-BY-4.0``; by default that of the training data.

    Returns
    -------
    ExportedPackage

    Raises
    ------
    ModelFileError
        If the model cannot be loaded.
    OutputError
        If the package cannot be written, or bioimageio.spec finds fault with it.
    """
    package = Path(package)
    check_writable(package, suffixes=PACKAGE_SUFFIXES)
    path = find_model(model, user_model_folder(), MODELS)
    kind = read_model_kind(path)
    if kind not in MODELS:
        raise ModelFileError(f"{str(path)!r} is a model of kind {kind!r}, which is not shared")
    loaded = MODELS[kind].load(path.absolute(), device="cpu", dtype=torch.float32)
    with tempfile.TemporaryDirectory() as folder:
        content = Path(folder)
        (content / MODEL_FILE).write_bytes(path.read_bytes())
        (content / CARD_FILE).write_text(card_of(loaded.metadata), encoding="utf8")
        network = build_filled_unet(loaded.metadata.architecture, loaded.weights, source=path)
        highest = _write_network(network, loaded.metadata, content)
        described = package_description(
            loaded.metadata,
            {file.name: _sha256(file) for file in content.iterdir()},
            pytorch_version=torch.__version__,
            highest=highest,
            authors=authors,
            licence=licence,
        )
        text = yaml.safe_dump(described, sort_keys=False, allow_unicode=True)
        (content / DESCRIPTION_FILE).write_text(text, encoding="utf8")
        checked = _check(content)
        with atomic_path(package) as unfinished, zipfile.ZipFile(unfinished, "w", 8) as archive:
            for file in sorted(content.iterdir()):
                archive.write(file, file.name)
    return ExportedPackage(package, checked)


@torch.inference_mode()
def _write_network(network: nn.Module, metadata: ModelMetadata, folder: Path) -> float:
    """Write the weights of a network, and what it makes of noise with a hole.

    Returns
    -------
    float
        The largest value that it predicts.
    """
    torch.save(network.state_dict(), folder / WEIGHTS_FILE)
    side = smallest_side(metadata.architecture)
    known = np.ones((1, 1, side, side), np.float32)
    known[..., side // 4 : side // 2, side // 4 : side // 2] = 0
    image = np.random.default_rng(0).random(known.shape, dtype=np.float32) * known
    output = network.eval()(torch.from_numpy(image), torch.from_numpy(known))
    prediction = (output.sigmoid() if predicts_probabilities(metadata) else output).numpy()
    for name, values in (("image", image), ("known", known), ("prediction", prediction)):
        np.save(folder / TENSOR_FILES[name], values, allow_pickle=False)
    return float(prediction.max())


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _check(folder: Path) -> bool:
    """Let bioimageio.spec check a package; return whether it is installed."""
    try:
        from bioimageio.spec import InvalidDescr, load_description
    except ImportError:
        return False
    found = load_description(folder / DESCRIPTION_FILE, format_version="discover")
    if isinstance(found, InvalidDescr):
        errors = [
            str(error.msg) for part in found.validation_summary.details for error in part.errors
        ]
        raise OutputError(
            f"bioimageio.spec finds fault with the package: {'; '.join(errors)[:500]}"
        )
    return True

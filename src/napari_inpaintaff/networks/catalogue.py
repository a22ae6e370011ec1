"""Models by name, of every kind; importing this does not import torch.

A model is a file. Its name is the file's without its ending, and is unique over all kinds:
the user's own models lie in one folder, and cannot take the name of a shipped one.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from napari_inpaintaff.errors import ModelFileError
from napari_inpaintaff.networks.model_file import read_model_kind

MetadataT_co = TypeVar("MetadataT_co", covariant=True)
MetadataT = TypeVar("MetadataT")

#: What is taken where nobody names a model.
DEFAULT_MODEL = "nuclei-small"

_PACKAGE = Path(__file__).parents[1]

#: What models can be for.
KINDS = {"inpainter", "student", "affnet", "fgnet", "iem-network", "perturbgan", "redo"}

#: Folders of the models that come with the package, by kind.
SHIPPED_FOLDERS: dict[str, Path] = {
    "inpainter": _PACKAGE / "inpainting" / "weights",
    "student": _PACKAGE / "separation" / "weights",
}

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CatalogueEntry(Generic[MetadataT_co]):
    """A model on disk.

    Attributes
    ----------
    name : str
        Name to load it by: the file's name without its ending.
    path : Path
        The model file.
    metadata : object
        Its description, of a type that depends on its kind.
    """

    name: str
    path: Path
    metadata: MetadataT_co


@dataclass(frozen=True)
class NamedModel:
    """A model on disk, before its description is read.

    Attributes
    ----------
    name : str
        Name to load it by.
    path : Path
        The model file.
    kind : str
        What the model is for, for example ``inpainter``.
    """

    name: str
    path: Path
    kind: str


def named_models(own: Path) -> list[NamedModel]:
    """List the shipped models, the default first, then the user's own.

    Parameters
    ----------
    own : Path
        Folder of the user's models; need not be there.

    Returns
    -------
    list of NamedModel
        Damaged files in the user's folder, and those with the name of a shipped model, are
        left out with a logged warning.
    """
    shipped = [path for folder in SHIPPED_FOLDERS.values() for path in _models_in(folder)]
    models: list[NamedModel] = []
    for path in [*shipped, *_models_in(own)]:
        if any(model.name == path.stem for model in models):
            _logger.warning("left out of the list of models: %s has a shipped model's name", path)
            continue
        try:
            kind = read_model_kind(path)
        except ModelFileError as error:
            _warn_left_out(error)
            continue
        if kind in KINDS:
            models.append(NamedModel(path.stem, path, kind))
        else:
            _logger.warning("left out of the list of models: %s is a model of kind %r", path, kind)
    return models


def described_models(
    own: Path, readers: Mapping[str, Callable[[Path], MetadataT]]
) -> list[CatalogueEntry[MetadataT]]:
    """List the models of some kinds with their descriptions.

    Parameters
    ----------
    own : Path
        Folder of the user's models; need not be there.
    readers : mapping of str to callable
        For every kind that is wanted, what reads the description in a file.

    Returns
    -------
    list of CatalogueEntry
        In the order of `named_models`; damaged files are left out with a logged warning.
    """
    entries: list[CatalogueEntry[MetadataT]] = []
    for model in named_models(own):
        if model.kind not in readers:
            continue
        try:
            metadata = readers[model.kind](model.path)
        except ModelFileError as error:
            _warn_left_out(error)
            continue
        entries.append(CatalogueEntry(model.name, model.path, metadata))
    return entries


def _warn_left_out(error: ModelFileError) -> None:
    """Log that a file is left out of a list of models, and why."""
    _logger.warning("left out of the list of models: %s", error)


def find_model(model: str | Path, own: Path, kinds: Collection[str]) -> Path:
    """Return the file of a model.

    Parameters
    ----------
    model : str or Path
        A name, or a file. A name comes first.
    own : Path
        Folder of the user's models; need not be there.
    kinds : collection of str
        Kinds of the models that are proposed when there is no such one.

    Returns
    -------
    Path
        An existing file; of any kind, since reading it says best what is wrong.

    Raises
    ------
    ModelFileError
        If there is neither such a name nor such a file.
    """
    path = Path(model)
    named = [folder / f"{model}.safetensors" for folder in (*SHIPPED_FOLDERS.values(), own)]
    for candidate in [*named, path] if path.name == str(model) else [path]:
        # Path.is_file raises where a folder may not be read or the name is too long.
        if os.path.isfile(candidate):
            return candidate
    names = ", ".join(model.name for model in named_models(own) if model.kind in kinds) or "none"
    raise ModelFileError(f"there is no model {str(model)!r}; give a file or one of: {names}")


def _models_in(folder: Path) -> list[Path]:
    models = [
        path
        for path in folder.glob("*.safetensors")
        if path.suffixes[-2:-1] != [".checkpoint"]  # of a training, not a model
    ]
    return sorted(models, key=lambda path: (path.stem != DEFAULT_MODEL, path))

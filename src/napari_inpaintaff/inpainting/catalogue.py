"""The inpainters that can be loaded by name; importing this does not import torch."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from napari_inpaintaff.errors import ModelFileError
from napari_inpaintaff.inpainting.metadata import InpainterMetadata

DEFAULT_INPAINTER = "nuclei-small"

_SHIPPED = Path(__file__).parent / "weights"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CatalogueEntry:
    """An inpainter on disk.

    Attributes
    ----------
    name : str
        Name to load it by: the file's name without its ending.
    path : Path
        The model file.
    metadata : InpainterMetadata
        Its description.
    """

    name: str
    path: Path
    metadata: InpainterMetadata


def user_model_folder() -> Path:
    """Return the folder in which a user's own models are found by name."""
    return Path(user_data_path("napari-inpaintaff", appauthor=False)) / "models"


def available_inpainters() -> list[CatalogueEntry]:
    """List the shipped inpainters, the default first, then the user's own.

    Returns
    -------
    list of CatalogueEntry
        Damaged files in the user's folder, and those with the name of a shipped inpainter,
        are left out with a logged warning.
    """
    shipped = sorted(_SHIPPED.glob("*.safetensors"), key=lambda p: (p.stem != DEFAULT_INPAINTER, p))
    own = sorted(
        path
        for path in user_model_folder().glob("*.safetensors")
        if path.suffixes[-2:-1] != [".checkpoint"]  # of a training, not a model
    )
    entries: list[CatalogueEntry] = []
    for path in [*shipped, *own]:
        if any(entry.name == path.stem for entry in entries):
            _logger.warning("left out of the list of models: %s has a shipped model's name", path)
            continue
        try:
            metadata = InpainterMetadata.read(path)
        except ModelFileError as error:
            _logger.warning("left out of the list of models: %s", error)
            continue
        entries.append(CatalogueEntry(path.stem, path, metadata))
    return entries


def find_inpainter(model: str | Path) -> Path:
    """Return the model file of an inpainter.

    Parameters
    ----------
    model : str or Path
        A name from `available_inpainters`, or a file. A name comes first.

    Returns
    -------
    Path
        An existing file.

    Raises
    ------
    ModelFileError
        If there is neither such a name nor such a file.
    """
    path = Path(model)
    named = [folder / f"{model}.safetensors" for folder in (_SHIPPED, user_model_folder())]
    for candidate in [*named, path] if path.name == str(model) else [path]:
        # Path.is_file raises where a folder may not be read or the name is too long.
        if os.path.isfile(candidate):
            return candidate
    names = ", ".join(entry.name for entry in available_inpainters()) or "none"
    raise ModelFileError(f"there is no model {str(model)!r}; give a file or one of: {names}")

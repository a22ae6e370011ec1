"""The inpainters that can be loaded by name; importing this does not import torch."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_data_path

from napari_inpaintaff.inpainting.metadata import MODEL_KIND, InpainterMetadata
from napari_inpaintaff.networks.catalogue import (
    DEFAULT_MODEL,
    CatalogueEntry,
    described_models,
    find_model,
)

DEFAULT_INPAINTER = DEFAULT_MODEL

_chosen_folder: Path | None = None


def chosen_model_folder() -> Path | None:
    """Return the folder that was given to `use_model_folder`; None for the usual one."""
    return _chosen_folder


def use_model_folder(folder: Path | None) -> None:
    """Let this process look for a user's models elsewhere, or with None where it usually does."""
    global _chosen_folder
    _chosen_folder = folder


def user_model_folder() -> Path:
    """Return the folder in which a user's own models, of all kinds, are found by name."""
    if _chosen_folder is not None:
        return _chosen_folder
    return Path(user_data_path("napari-inpaintaff", appauthor=False)) / "models"


def available_inpainters() -> list[CatalogueEntry[InpainterMetadata]]:
    """List the shipped inpainters, the default first, then the user's own.

    Returns
    -------
    list of CatalogueEntry
        Damaged files in the user's folder, and those with the name of a shipped model,
        are left out with a logged warning.
    """
    return described_models(user_model_folder(), {MODEL_KIND: InpainterMetadata.read})


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
    return find_model(model, user_model_folder(), {MODEL_KIND})

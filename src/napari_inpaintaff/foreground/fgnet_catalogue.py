"""Foreground networks by name; importing this does not import torch."""

from __future__ import annotations

from pathlib import Path

from napari_inpaintaff.errors import ModelFileError
from napari_inpaintaff.foreground.fgnet_metadata import FGNET_KIND, FGNetMetadata
from napari_inpaintaff.inpainting import catalogue
from napari_inpaintaff.networks.catalogue import (
    CatalogueEntry,
    find_model,
    named_models,
    warn_left_out,
)


def available_fgnets() -> list[CatalogueEntry[FGNetMetadata]]:
    """List the foreground networks that can be loaded by name: none is shipped.

    Returns
    -------
    list of CatalogueEntry
        Damaged files in the user's folder, and those with the name of a shipped model, are
        left out with a logged warning.
    """
    entries: list[CatalogueEntry[FGNetMetadata]] = []
    for model in named_models(catalogue.user_model_folder()):
        if model.kind != FGNET_KIND:
            continue
        try:
            metadata = FGNetMetadata.read(model.path)
        except ModelFileError as error:
            warn_left_out(error)
            continue
        entries.append(CatalogueEntry(model.name, model.path, metadata))
    return entries


def find_fgnet(fgnet: str | Path) -> Path:
    """Return the model file of a foreground network.

    Parameters
    ----------
    fgnet : str or Path
        A name from `available_fgnets`, or a file. A name comes first.

    Returns
    -------
    Path
        An existing file.

    Raises
    ------
    ModelFileError
        If there is neither such a name nor such a file.
    """
    return find_model(fgnet, catalogue.user_model_folder(), {FGNET_KIND})

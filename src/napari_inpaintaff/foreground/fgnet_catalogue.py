"""Foreground networks by name; importing this does not import torch."""

from __future__ import annotations

from pathlib import Path

from napari_inpaintaff.foreground.fgnet_metadata import FGNET_KIND, FGNetMetadata
from napari_inpaintaff.inpainting import catalogue
from napari_inpaintaff.networks.catalogue import CatalogueEntry, described_models, find_model


def available_fgnets() -> list[CatalogueEntry[FGNetMetadata]]:
    """List the foreground networks that can be loaded by name: none is shipped.

    Returns
    -------
    list of CatalogueEntry
        Damaged files in the user's folder, and those with the name of a shipped model, are
        left out with a logged warning.
    """
    return described_models(catalogue.user_model_folder(), {FGNET_KIND: FGNetMetadata.read})


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

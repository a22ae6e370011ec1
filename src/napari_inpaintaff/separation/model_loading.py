"""Models that separate cells, loaded by name or file."""

from __future__ import annotations

from pathlib import Path

import torch

from napari_inpaintaff.inpainting import catalogue
from napari_inpaintaff.inpainting.inpainter import Inpainter
from napari_inpaintaff.inpainting.metadata import MODEL_KIND
from napari_inpaintaff.networks.catalogue import find_model
from napari_inpaintaff.networks.model_file import read_model_kind
from napari_inpaintaff.separation.affnet import AffNet
from napari_inpaintaff.separation.affnet_metadata import AFFNET_KIND
from napari_inpaintaff.separation.student import Student
from napari_inpaintaff.separation.student_metadata import STUDENT_KIND

_CLASSES: dict[str, type[Inpainter] | type[Student]] = {
    MODEL_KIND: Inpainter,
    STUDENT_KIND: Student,
    AFFNET_KIND: AffNet,
}


def load_model(
    model: str | Path, *, device: str = "auto", dtype: torch.dtype | None = None
) -> Inpainter | Student:
    """Load a model that separates cells, of whichever kind.

    Parameters
    ----------
    model : str or Path
        A name (see `available_models`) or a model file.
    device : str, optional
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    dtype : torch.dtype, optional
        Precision; by default the fastest that the device has.

    Returns
    -------
    Inpainter or Student
        Ready to use. An `AffNet` is a student.

    Raises
    ------
    ModelFileError
        If there is no such model, or its file is damaged, of another version or of another
        kind.
    DeviceError
        If the device is not available.
    """
    path = find_model_file(model)
    loader = _CLASSES.get(read_model_kind(path), Inpainter)
    # By its path: a file in the working folder may have the name of a shipped model.
    return loader.load(path.absolute(), device=device, dtype=dtype)


def find_model_file(model: str | Path) -> Path:
    """Return the file of a model that separates cells, by its name or file.

    Raises
    ------
    ModelFileError
        If there is none.
    """
    return find_model(model, catalogue.user_model_folder(), _CLASSES)

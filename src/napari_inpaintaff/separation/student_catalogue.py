"""Students, and all models that separate cells, by name; importing this does not import torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from napari_inpaintaff.inpainting import catalogue
from napari_inpaintaff.inpainting.metadata import MODEL_KIND, InpainterMetadata
from napari_inpaintaff.networks.catalogue import CatalogueEntry, described_models, find_model
from napari_inpaintaff.networks.model_file import read_model_kind
from napari_inpaintaff.separation.affnet_metadata import AFFNET_KIND, AffNetMetadata
from napari_inpaintaff.separation.student_metadata import STUDENT_KIND, StudentMetadata

#: Trained on the images that the default inpainter was trained on.
DEFAULT_STUDENT = "nuclei-student"

_READERS: dict[str, Callable[[Path], InpainterMetadata | StudentMetadata]] = {
    MODEL_KIND: InpainterMetadata.read,
    STUDENT_KIND: StudentMetadata.read,
    AFFNET_KIND: AffNetMetadata.read,
}


def available_models() -> list[CatalogueEntry[InpainterMetadata | StudentMetadata]]:
    """List what separates cells: the default inpainter, the other shipped models, the user's.

    Returns
    -------
    list of CatalogueEntry
        Inpainters, students and AffNets; ``metadata.kind`` says what each is. Damaged files
        in the user's folder, and those with the name of a shipped model, are left out with a
        logged warning.
    """
    return described_models(catalogue.user_model_folder(), _READERS)


def read_metadata(path: Path) -> InpainterMetadata | StudentMetadata:
    """Read the description of a model that separates cells, of whichever kind.

    Parameters
    ----------
    path : Path
        A model file.

    Returns
    -------
    InpainterMetadata or StudentMetadata
        Of an AffNet, an `AffNetMetadata`, which is the second.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, of another version or of another kind.
    """
    return _READERS.get(read_model_kind(path), InpainterMetadata.read)(path)


def available_students() -> list[CatalogueEntry[StudentMetadata]]:
    """List the shipped students, then the user's own.

    Returns
    -------
    list of CatalogueEntry
        Those of `available_models` that have learned from an inpainter: no AffNets.
    """
    return [
        CatalogueEntry(entry.name, entry.path, entry.metadata)
        for entry in available_models()
        if isinstance(entry.metadata, StudentMetadata) and entry.metadata.kind == STUDENT_KIND
    ]


def find_student(student: str | Path) -> Path:
    """Return the model file of a student.

    Parameters
    ----------
    student : str or Path
        A name from `available_students`, or a file. A name comes first.

    Returns
    -------
    Path
        An existing file.

    Raises
    ------
    ModelFileError
        If there is neither such a name nor such a file.
    """
    return find_model(student, catalogue.user_model_folder(), {STUDENT_KIND})

"""What the user sees of the models; importing this does not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_inpaintaff.foreground import FGNetMetadata, available_fgnets
from napari_inpaintaff.foreground.fgnet_metadata import FGNET_KIND
from napari_inpaintaff.images import NormalisationKind
from napari_inpaintaff.inpainting import InpainterMetadata, available_inpainters
from napari_inpaintaff.networks.model_file import read_model_kind
from napari_inpaintaff.separation import (
    AffNetMetadata,
    StudentMetadata,
    available_models,
    read_metadata,
)

STUDENT_TEXT = (
    "A student: it sees the whole image in one pass and takes seconds.\n"
    "It is good at images like those it was distilled from."
)
AFFNET_TEXT = (
    "An AffNet, trained on labelled cells: it sees the whole image in one pass and takes seconds.\n"
    "It is good at images like those that were labelled."
)


@dataclass(frozen=True)
class ModelCard:
    """What the user sees of a model.

    Attributes
    ----------
    name : str
        Name or path by which it is loaded.
    diameter : float
        Cell diameter in pixels that it was trained for.
    description : str
        Its model card in a few lines.
    normalisation : {"fluorescence", "linear"}
        Kind of images it was trained on.
    laplace : bool
        Of an inpainter: whether it predicts a distribution; else only a value.
    denoises : bool
        Whether it takes the noise away first.
    alpha : float or None
        Of a student or an AffNet: the cut strength of a mutex watershed that suits it. None
        for an inpainter.
    labelled : bool
        Whether it learned from labelled cells, as an AffNet does.
    """

    name: str
    diameter: float
    description: str = ""
    normalisation: NormalisationKind = "fluorescence"
    laplace: bool = True
    denoises: bool = False
    alpha: float | None = None
    labelled: bool = False

    @property
    def one_pass(self) -> bool:
        """Whether it is a student or an AffNet: it sees the image once, and evolves no splits."""
        return self.alpha is not None


def model_cards() -> list[ModelCard]:
    """List the shipped and the user's inpainters, students and AffNets, the default first."""
    return [_card(entry.name, entry.metadata) for entry in available_models()]


def inpainter_cards() -> list[ModelCard]:
    """List the shipped and the user's inpainters, the default first."""
    return [_card(entry.name, entry.metadata) for entry in available_inpainters()]


def fgnet_cards() -> list[ModelCard]:
    """List the foreground networks: the user's own."""
    return [_card(entry.name, entry.metadata) for entry in available_fgnets()]


def start_cards() -> list[ModelCard]:
    """List what the training of a foreground can begin with, the default first."""
    return [*model_cards(), *fgnet_cards()]


def read_start_card(path: Path) -> ModelCard:
    """Read the card of a file that the training of a foreground can begin with.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, of another version or no model.
    """
    if read_model_kind(path) == FGNET_KIND:
        return _card(str(path), FGNetMetadata.read(path))
    return read_model_card(path)


def read_model_card(path: Path) -> ModelCard:
    """Read the card of the file of an inpainter, a student or an AffNet.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, of another version or none of these.
    """
    return _card(str(path), read_metadata(path))


def read_inpainter_card(path: Path) -> ModelCard:
    """Read the card of the file of an inpainter.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, of another version or not an inpainter.
    """
    return _card(str(path), InpainterMetadata.read(path))


def _card(name: str, metadata: InpainterMetadata | StudentMetadata | FGNetMetadata) -> ModelCard:
    lines, alpha, diameter = [], None, metadata.usual_diameter
    if isinstance(metadata, StudentMetadata):
        text = AFFNET_TEXT if isinstance(metadata, AffNetMetadata) else STUDENT_TEXT
        lines, alpha = [text], metadata.alpha
    lines.append(f"Trained for cells of {diameter:g} pixels.")
    lines += [f"{key}: {value}" for key, value in metadata.training.items()]
    return ModelCard(
        name,
        diameter,
        "\n".join(lines),
        normalisation=metadata.normalisation,
        laplace=metadata.architecture.outputs > 1,
        denoises=metadata.denoiser is not None,
        alpha=alpha,
        labelled=isinstance(metadata, AffNetMetadata),
    )

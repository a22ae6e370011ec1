"""What the user sees of the models; importing this does not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_inpaintaff.images import NormalisationKind
from napari_inpaintaff.inpainting import InpainterMetadata, available_inpainters
from napari_inpaintaff.inpainting.metadata import MODEL_KIND
from napari_inpaintaff.networks.model_file import read_model_metadata


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
    """

    name: str
    diameter: float
    description: str = ""
    normalisation: NormalisationKind = "fluorescence"
    laplace: bool = True
    denoises: bool = False


def inpainter_cards() -> list[ModelCard]:
    """List the shipped and the user's inpainters, the default first."""
    return [_inpainter_card(entry.name, entry.metadata) for entry in available_inpainters()]


def read_inpainter_card(path: Path) -> ModelCard:
    """Read the card of a model file.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, of another version or not an inpainter.
    """
    metadata = InpainterMetadata.from_json(read_model_metadata(path, MODEL_KIND))
    return _inpainter_card(str(path), metadata)


def _inpainter_card(name: str, metadata: InpainterMetadata) -> ModelCard:
    lines = [f"Trained for cells of {metadata.diameter:g} pixels."]
    lines += [f"{key}: {value}" for key, value in metadata.training.items()]
    return ModelCard(
        name,
        metadata.diameter,
        "\n".join(lines),
        normalisation=metadata.normalisation,
        laplace=metadata.architecture.outputs > 1,
        denoises=metadata.denoiser is not None,
    )

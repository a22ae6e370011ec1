"""The kinds of models that can be shared."""

from __future__ import annotations

from typing import Any

from napari_inpaintaff.foreground.fgnet import FGNet
from napari_inpaintaff.foreground.fgnet_metadata import FGNET_KIND
from napari_inpaintaff.inpainting.cards import describe_network, model_card, table_rows
from napari_inpaintaff.inpainting.inpainter import Inpainter
from napari_inpaintaff.inpainting.metadata import MODEL_KIND, InpainterMetadata
from napari_inpaintaff.inpainting.model_metadata import ModelMetadata
from napari_inpaintaff.inpainting.trained_model import TrainedModel
from napari_inpaintaff.separation.affnet import AffNet
from napari_inpaintaff.separation.affnet_metadata import AFFNET_KIND
from napari_inpaintaff.separation.student import Student
from napari_inpaintaff.separation.student_card import student_card
from napari_inpaintaff.separation.student_metadata import STUDENT_KIND, StudentMetadata

#: Classes by kind.
MODELS: dict[str, type[TrainedModel[Any]]] = {
    MODEL_KIND: Inpainter,
    STUDENT_KIND: Student,
    AFFNET_KIND: AffNet,
    FGNET_KIND: FGNet,
}

_FGNET_CARD = """\
# {name}

A foreground network of napari-inpaintaff: it predicts which pixels of a microscopy image belong to
cells. It has learned this from a few labels.

| | |
| --- | --- |
{rows}

## Intended use

    inpaintaff segment IMAGE -o LABELS.tif --foreground {name}
"""


def card_of(metadata: ModelMetadata) -> str:
    """Return the model card of a model of any kind, in Markdown."""
    if isinstance(metadata, InpainterMetadata):
        return model_card(metadata)
    if isinstance(metadata, StudentMetadata):
        return student_card(metadata)
    facts = {
        "Network": describe_network(metadata.architecture),
        "Normalisation": metadata.normalisation,
        "Cell diameter": f"{metadata.usual_diameter:g} px",
        **{name.replace("_", " ").capitalize(): v for name, v in metadata.training.items()},
    }
    return _FGNET_CARD.format(name=metadata.name, rows=table_rows(facts))

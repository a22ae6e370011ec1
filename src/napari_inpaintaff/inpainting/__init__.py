"""Inpainting: masks, losses, training, and the `Inpainter`.

Names are imported on demand, so that listing the models does not import torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from napari_inpaintaff.inpainting.cards import model_card
from napari_inpaintaff.inpainting.catalogue import (
    DEFAULT_INPAINTER,
    CatalogueEntry,
    available_inpainters,
    find_inpainter,
    user_model_folder,
)
from napari_inpaintaff.inpainting.metadata import ARCHITECTURES, InpainterMetadata

if TYPE_CHECKING:
    from napari_inpaintaff.inpainting.inpainter import Inpainter
    from napari_inpaintaff.inpainting.training import (
        InpainterTraining,
        NearHoleError,
        TrainingUpdate,
        train_inpainter,
    )

__all__ = [
    "ARCHITECTURES",
    "DEFAULT_INPAINTER",
    "CatalogueEntry",
    "Inpainter",
    "InpainterMetadata",
    "InpainterTraining",
    "NearHoleError",
    "TrainingUpdate",
    "available_inpainters",
    "find_inpainter",
    "model_card",
    "train_inpainter",
    "user_model_folder",
]

_ON_DEMAND = {
    "Inpainter": "inpainter",
    "InpainterTraining": "training",
    "NearHoleError": "training",
    "TrainingUpdate": "training",
    "train_inpainter": "training",
}


def __getattr__(name: str) -> object:
    if name in _ON_DEMAND:
        return getattr(import_module(f"{__name__}.{_ON_DEMAND[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

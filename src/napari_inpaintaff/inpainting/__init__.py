"""Inpainting: masks, losses, training, and the `Inpainter`.

Names are imported on demand, so that listing the models does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

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
    from napari_inpaintaff.inpainting.near_hole import NearHoleError
    from napari_inpaintaff.inpainting.training import (
        InpainterTraining,
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

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "inpainter": ["Inpainter"],
        "near_hole": ["NearHoleError"],
        "training": ["InpainterTraining", "TrainingUpdate", "train_inpainter"],
    },
)

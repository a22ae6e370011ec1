"""Inpainting: masks, losses, training, and the `Inpainter`.

Names are imported on demand, so that listing the models does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from napari_inpaintaff.inpainting.cards import model_card
from napari_inpaintaff.inpainting.catalogue import (
    DEFAULT_INPAINTER,
    available_inpainters,
    find_inpainter,
    user_model_folder,
)
from napari_inpaintaff.inpainting.metadata import ARCHITECTURES, InpainterMetadata
from napari_inpaintaff.inpainting.parameters import InpainterTraining, LossName, budget, outputs_of
from napari_inpaintaff.inpainting.quality import NearHoleError, Verdict, judge
from napari_inpaintaff.inpainting.updates import (
    InpaintingExamples,
    TrainingPoint,
    TrainingUpdate,
)
from napari_inpaintaff.networks.catalogue import CatalogueEntry

if TYPE_CHECKING:
    from napari_inpaintaff.inpainting.checkpoint import checkpoint_path
    from napari_inpaintaff.inpainting.inpainter import Inpainter
    from napari_inpaintaff.inpainting.training import train_inpainter

__all__ = [
    "ARCHITECTURES",
    "DEFAULT_INPAINTER",
    "CatalogueEntry",
    "Inpainter",
    "InpainterMetadata",
    "InpainterTraining",
    "InpaintingExamples",
    "LossName",
    "NearHoleError",
    "TrainingPoint",
    "TrainingUpdate",
    "Verdict",
    "available_inpainters",
    "budget",
    "checkpoint_path",
    "find_inpainter",
    "judge",
    "model_card",
    "outputs_of",
    "train_inpainter",
    "user_model_folder",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "checkpoint": ["checkpoint_path"],
        "inpainter": ["Inpainter"],
        "training": ["train_inpainter"],
    },
)

"""ReDO (Chen et al. 2019): objects are what can be redrawn without anybody noticing.

Names are imported on demand: parameters and architectures are read without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from napari_inpaintaff.foreground.redo.architecture import (
    ReDOArchitecture,
    paper_architecture,
    small_architecture,
)
from napari_inpaintaff.foreground.redo.metadata import REDO_KIND, ReDOMetadata
from napari_inpaintaff.foreground.redo.parameters import (
    LearningRates,
    ReDOTraining,
    paper_training,
    small_training,
)
from napari_inpaintaff.foreground.redo.updates import ReDOLosses, ReDOSamples, ReDOUpdate

if TYPE_CHECKING:
    from napari_inpaintaff.foreground.redo.model import ReDO
    from napari_inpaintaff.foreground.redo.squares import read_squares
    from napari_inpaintaff.foreground.redo.training import train_redo

__all__ = [
    "REDO_KIND",
    "LearningRates",
    "ReDO",
    "ReDOArchitecture",
    "ReDOLosses",
    "ReDOMetadata",
    "ReDOSamples",
    "ReDOTraining",
    "ReDOUpdate",
    "paper_architecture",
    "paper_training",
    "read_squares",
    "small_architecture",
    "small_training",
    "train_redo",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "squares": ["read_squares"],
        "model": ["ReDO"],
        "training": ["train_redo"],
    },
)

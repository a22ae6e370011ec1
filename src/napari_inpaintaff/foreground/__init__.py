"""One interface to many sources of the foreground.

Names are imported on demand: methods, targets and parameters are read without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from napari_inpaintaff.foreground.fgnet_catalogue import available_fgnets, find_fgnet
from napari_inpaintaff.foreground.fgnet_metadata import FGNetMetadata
from napari_inpaintaff.foreground.fgnet_parameters import (
    FGNET_ARCHITECTURES,
    FGNetConfig,
    FGNetTraining,
    FGNetUpdate,
)
from napari_inpaintaff.foreground.methods import (
    FOREGROUND_METHODS,
    ForegroundMethod,
    foreground_probability,
    mask_from_labels,
    threshold,
)
from napari_inpaintaff.foreground.otsu import ConstantImageWarning, otsu_probability
from napari_inpaintaff.foreground.targets import foreground_targets

if TYPE_CHECKING:
    from napari_inpaintaff.foreground.fgnet import FGNet
    from napari_inpaintaff.foreground.fgnet_training import train_fgnet

__all__ = [
    "FGNET_ARCHITECTURES",
    "FOREGROUND_METHODS",
    "ConstantImageWarning",
    "FGNet",
    "FGNetConfig",
    "FGNetMetadata",
    "FGNetTraining",
    "FGNetUpdate",
    "ForegroundMethod",
    "available_fgnets",
    "find_fgnet",
    "foreground_probability",
    "foreground_targets",
    "mask_from_labels",
    "otsu_probability",
    "threshold",
    "train_fgnet",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "fgnet": ["FGNet"],
        "fgnet_training": ["train_fgnet"],
    },
)

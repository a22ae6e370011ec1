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
from napari_inpaintaff.foreground.iem_network_parameters import (
    IEMNetworkMetadata,
    IEMNetworkTraining,
    IEMNetworkUpdate,
)
from napari_inpaintaff.foreground.iem_parameters import IEMParameters, IEMResult, IEMUpdate
from napari_inpaintaff.foreground.label_reading import cells_are_whole, looks_like_strokes
from napari_inpaintaff.foreground.levels import ForegroundLevels
from napari_inpaintaff.foreground.methods import (
    FOREGROUND_METHODS,
    WHOLE_PLANE_METHODS,
    ForegroundMethod,
    foreground_probability,
    iterate_foreground_probability,
    mask_from_labels,
    threshold,
)
from napari_inpaintaff.foreground.model_files import (
    FOREGROUND_MODELS,
    ForegroundModel,
    available_foreground_models,
    find_foreground_model,
    foreground_model_kind,
    load_foreground_model,
)
from napari_inpaintaff.foreground.otsu import ConstantImageWarning, otsu_probability
from napari_inpaintaff.foreground.outline_fit import OUTLINES, OutlineFit, fit_outlines
from napari_inpaintaff.foreground.pictures import (
    PICTURE_METHODS,
    iterate_picture_foreground,
    picture_foreground,
)
from napari_inpaintaff.foreground.targets import foreground_targets, targets_of_planes

if TYPE_CHECKING:
    from napari_inpaintaff.foreground.fgnet import FGNet
    from napari_inpaintaff.foreground.fgnet_training import train_fgnet
    from napari_inpaintaff.foreground.iem import inpainted, iterate_iem, maximise_inpainting_error
    from napari_inpaintaff.foreground.iem_network import IEMNetwork
    from napari_inpaintaff.foreground.iem_network_training import train_iem_network

__all__ = [
    "FGNET_ARCHITECTURES",
    "FOREGROUND_METHODS",
    "FOREGROUND_MODELS",
    "OUTLINES",
    "PICTURE_METHODS",
    "WHOLE_PLANE_METHODS",
    "ConstantImageWarning",
    "FGNet",
    "FGNetConfig",
    "FGNetMetadata",
    "FGNetTraining",
    "FGNetUpdate",
    "ForegroundLevels",
    "ForegroundMethod",
    "ForegroundModel",
    "IEMNetwork",
    "IEMNetworkMetadata",
    "IEMNetworkTraining",
    "IEMNetworkUpdate",
    "IEMParameters",
    "IEMResult",
    "IEMUpdate",
    "OutlineFit",
    "available_fgnets",
    "available_foreground_models",
    "cells_are_whole",
    "find_fgnet",
    "find_foreground_model",
    "fit_outlines",
    "foreground_model_kind",
    "foreground_probability",
    "foreground_targets",
    "inpainted",
    "iterate_foreground_probability",
    "iterate_iem",
    "iterate_picture_foreground",
    "load_foreground_model",
    "looks_like_strokes",
    "mask_from_labels",
    "maximise_inpainting_error",
    "otsu_probability",
    "picture_foreground",
    "targets_of_planes",
    "threshold",
    "train_fgnet",
    "train_iem_network",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "fgnet": ["FGNet"],
        "fgnet_training": ["train_fgnet"],
        "iem": ["inpainted", "iterate_iem", "maximise_inpainting_error"],
        "iem_network": ["IEMNetwork"],
        "iem_network_training": ["train_iem_network"],
    },
)

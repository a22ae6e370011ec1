"""Image to labels in one call.

Names are imported on demand: what only walks over planes and files does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from napari_inpaintaff.pipeline.folders import FileDone, iterate_files, label_targets
from napari_inpaintaff.pipeline.planewise import (
    PlaneDone,
    PlaneKept,
    PlaneShare,
    iterate_planes,
)

if TYPE_CHECKING:
    from napari_inpaintaff.pipeline.affnet_training import (
        choose_affnet_alpha,
        iterate_affnet_training,
    )
    from napari_inpaintaff.pipeline.distillation import choose_student_alpha, iterate_distillation
    from napari_inpaintaff.pipeline.segmentation import (
        Draft,
        Segmentation,
        default_partition,
        iterate_segmentation,
        segment,
    )
    from napari_inpaintaff.pipeline.tuning import TuningCase, tune, tune_cases
    from napari_inpaintaff.pipeline.tuning_curves import Tuning, TuningCurve, TuningPoint

__all__ = [
    "Draft",
    "FileDone",
    "PlaneDone",
    "PlaneKept",
    "PlaneShare",
    "Segmentation",
    "Tuning",
    "TuningCase",
    "TuningCurve",
    "TuningPoint",
    "choose_affnet_alpha",
    "choose_student_alpha",
    "default_partition",
    "iterate_affnet_training",
    "iterate_distillation",
    "iterate_files",
    "iterate_planes",
    "iterate_segmentation",
    "label_targets",
    "segment",
    "tune",
    "tune_cases",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "affnet_training": ["choose_affnet_alpha", "iterate_affnet_training"],
        "distillation": ["choose_student_alpha", "iterate_distillation"],
        "segmentation": [
            "Draft",
            "Segmentation",
            "default_partition",
            "iterate_segmentation",
            "segment",
        ],
        "tuning": ["TuningCase", "tune", "tune_cases"],
        "tuning_curves": ["Tuning", "TuningCurve", "TuningPoint"],
    },
)

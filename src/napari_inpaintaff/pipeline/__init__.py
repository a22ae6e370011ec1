"""Image to labels in one call."""

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
    "iterate_segmentation",
    "segment",
    "tune",
    "tune_cases",
]

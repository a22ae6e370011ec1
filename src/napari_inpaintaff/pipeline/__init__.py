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

__all__ = [
    "Draft",
    "Segmentation",
    "choose_affnet_alpha",
    "choose_student_alpha",
    "default_partition",
    "iterate_affnet_training",
    "iterate_distillation",
    "iterate_segmentation",
    "segment",
]

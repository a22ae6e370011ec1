"""Separation: evolving splits, the hierarchy of regions, and affinities.

Names are imported on demand: the parameters are read without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from napari_inpaintaff.separation.affinities import affinities_from_labels
from napari_inpaintaff.separation.affnet_metadata import AffNetMetadata
from napari_inpaintaff.separation.affnet_parameters import AffNetTraining
from napari_inpaintaff.separation.distillation_parameters import Distillation
from napari_inpaintaff.separation.parameters import SEPARATION_MODES, SeparationParameters
from napari_inpaintaff.separation.student_card import student_card
from napari_inpaintaff.separation.student_catalogue import (
    DEFAULT_STUDENT,
    available_models,
    available_students,
    find_student,
    read_metadata,
)
from napari_inpaintaff.separation.student_metadata import StudentMetadata
from napari_inpaintaff.separation.training_updates import (
    AffinityTrainingUpdate,
    AffNetUpdate,
    AgreementPoint,
    DistillationUpdate,
)

if TYPE_CHECKING:
    from napari_inpaintaff.separation.affnet import AffNet
    from napari_inpaintaff.separation.affnet_training import train_affnet
    from napari_inpaintaff.separation.distillation import distill
    from napari_inpaintaff.separation.engine import (
        AffinityDraft,
        compute_affinities,
        iterate_affinities,
    )
    from napari_inpaintaff.separation.model_loading import find_model_file, load_model
    from napari_inpaintaff.separation.stream import PatchLeaves, SplitUpdate, iterate_leaves
    from napari_inpaintaff.separation.student import Student
    from napari_inpaintaff.separation.student_affinities import (
        compute_student_affinities,
        iterate_student_affinities,
    )
    from napari_inpaintaff.separation.window_affinities import iterate_window_affinities

__all__ = [
    "DEFAULT_STUDENT",
    "SEPARATION_MODES",
    "AffNet",
    "AffNetMetadata",
    "AffNetTraining",
    "AffNetUpdate",
    "AffinityDraft",
    "AffinityTrainingUpdate",
    "AgreementPoint",
    "Distillation",
    "DistillationUpdate",
    "PatchLeaves",
    "SeparationParameters",
    "SplitUpdate",
    "Student",
    "StudentMetadata",
    "affinities_from_labels",
    "available_models",
    "available_students",
    "compute_affinities",
    "compute_student_affinities",
    "distill",
    "find_model_file",
    "find_student",
    "iterate_affinities",
    "iterate_leaves",
    "iterate_student_affinities",
    "iterate_window_affinities",
    "load_model",
    "read_metadata",
    "student_card",
    "train_affnet",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "affnet": ["AffNet"],
        "affnet_training": ["train_affnet"],
        "distillation": ["distill"],
        "engine": ["AffinityDraft", "compute_affinities", "iterate_affinities"],
        "model_loading": ["find_model_file", "load_model"],
        "stream": ["PatchLeaves", "SplitUpdate", "iterate_leaves"],
        "student": ["Student"],
        "window_affinities": ["iterate_window_affinities"],
        "student_affinities": ["compute_student_affinities", "iterate_student_affinities"],
    },
)

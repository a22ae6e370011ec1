"""Separate touching cells in microscopy images without labels.

The most used names, imported on demand; everything else is in the rooms, see the
documentation of the Python API.

>>> from napari_inpaintaff import segment, simulate_dense_nuclei
>>> image, truth = simulate_dense_nuclei(shape=(96, 96))
>>> segment(image).labels.shape
(96, 96)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from napari_inpaintaff.datatypes import Affinities, Prediction
    from napari_inpaintaff.evaluation import evaluate, seg_score
    from napari_inpaintaff.foreground import FGNet, foreground_probability, train_fgnet
    from napari_inpaintaff.images import read_image, simulate_dense_nuclei, write_labels
    from napari_inpaintaff.inpainting import Inpainter, available_inpainters, train_inpainter
    from napari_inpaintaff.partition import OutlineParameters, PartitionParameters
    from napari_inpaintaff.pipeline import (
        Draft,
        Segmentation,
        iterate_affnet_training,
        iterate_distillation,
        iterate_segmentation,
        segment,
        tune,
    )
    from napari_inpaintaff.separation import (
        SEPARATION_MODES,
        AffNet,
        Distillation,
        SeparationParameters,
        Student,
        available_models,
        compute_affinities,
        iterate_affinities,
        load_model,
    )

__all__ = [
    "SEPARATION_MODES",
    "AffNet",
    "Affinities",
    "Distillation",
    "Draft",
    "FGNet",
    "Inpainter",
    "OutlineParameters",
    "PartitionParameters",
    "Prediction",
    "Segmentation",
    "SeparationParameters",
    "Student",
    "available_inpainters",
    "available_models",
    "compute_affinities",
    "evaluate",
    "foreground_probability",
    "iterate_affinities",
    "iterate_affnet_training",
    "iterate_distillation",
    "iterate_segmentation",
    "load_model",
    "read_image",
    "seg_score",
    "segment",
    "simulate_dense_nuclei",
    "train_fgnet",
    "train_inpainter",
    "tune",
    "write_labels",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "datatypes": ["Affinities", "Prediction"],
        "evaluation": ["evaluate", "seg_score"],
        "foreground": ["FGNet", "foreground_probability", "train_fgnet"],
        "images": ["read_image", "simulate_dense_nuclei", "write_labels"],
        "inpainting": ["Inpainter", "available_inpainters", "train_inpainter"],
        "partition": ["OutlineParameters", "PartitionParameters"],
        "pipeline": [
            "Draft",
            "Segmentation",
            "iterate_affnet_training",
            "iterate_distillation",
            "iterate_segmentation",
            "segment",
            "tune",
        ],
        "separation": [
            "SEPARATION_MODES",
            "AffNet",
            "Distillation",
            "SeparationParameters",
            "Student",
            "available_models",
            "compute_affinities",
            "iterate_affinities",
            "load_model",
        ],
    },
)

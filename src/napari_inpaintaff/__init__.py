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
    from napari_inpaintaff.foreground import foreground_probability
    from napari_inpaintaff.images import read_image, simulate_dense_nuclei, write_labels
    from napari_inpaintaff.inpainting import Inpainter, available_inpainters, train_inpainter
    from napari_inpaintaff.partition import PartitionParameters
    from napari_inpaintaff.pipeline import (
        Draft,
        Segmentation,
        iterate_distillation,
        iterate_segmentation,
        segment,
    )
    from napari_inpaintaff.separation import (
        SEPARATION_MODES,
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
    "Affinities",
    "Distillation",
    "Draft",
    "Inpainter",
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
    "iterate_distillation",
    "iterate_segmentation",
    "load_model",
    "read_image",
    "seg_score",
    "segment",
    "simulate_dense_nuclei",
    "train_inpainter",
    "write_labels",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "datatypes": ["Affinities", "Prediction"],
        "evaluation": ["evaluate", "seg_score"],
        "foreground": ["foreground_probability"],
        "images": ["read_image", "simulate_dense_nuclei", "write_labels"],
        "inpainting": ["Inpainter", "available_inpainters", "train_inpainter"],
        "partition": ["PartitionParameters"],
        "pipeline": [
            "Draft",
            "Segmentation",
            "iterate_distillation",
            "iterate_segmentation",
            "segment",
        ],
        "separation": [
            "SEPARATION_MODES",
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

"""Separate touching cells in microscopy images without labels.

The most used names, imported on demand; everything else is in the rooms, see the
documentation of the Python API.

>>> from napari_inpaintaff import segment, simulate_dense_nuclei
>>> image, truth = simulate_dense_nuclei(shape=(96, 96))
>>> segment(image).labels.shape
(96, 96)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_inpaintaff.datatypes import Affinities, Prediction
    from napari_inpaintaff.evaluation import evaluate, seg_score
    from napari_inpaintaff.foreground import foreground_probability
    from napari_inpaintaff.images import read_image, simulate_dense_nuclei, write_labels
    from napari_inpaintaff.inpainting import Inpainter, available_inpainters, train_inpainter
    from napari_inpaintaff.partition import PartitionParameters
    from napari_inpaintaff.pipeline import Segmentation, iterate_segmentation, segment
    from napari_inpaintaff.separation import (
        SeparationParameters,
        compute_affinities,
        iterate_affinities,
    )

__all__ = [
    "Affinities",
    "Inpainter",
    "PartitionParameters",
    "Prediction",
    "Segmentation",
    "SeparationParameters",
    "available_inpainters",
    "compute_affinities",
    "evaluate",
    "foreground_probability",
    "iterate_affinities",
    "iterate_segmentation",
    "read_image",
    "seg_score",
    "segment",
    "simulate_dense_nuclei",
    "train_inpainter",
    "write_labels",
]

_ROOMS = {
    "datatypes": ("Affinities", "Prediction"),
    "evaluation": ("evaluate", "seg_score"),
    "foreground": ("foreground_probability",),
    "images": ("read_image", "simulate_dense_nuclei", "write_labels"),
    "inpainting": ("Inpainter", "available_inpainters", "train_inpainter"),
    "partition": ("PartitionParameters",),
    "pipeline": ("Segmentation", "iterate_segmentation", "segment"),
    "separation": ("SeparationParameters", "compute_affinities", "iterate_affinities"),
}


def __getattr__(name: str) -> object:
    for room, names in _ROOMS.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{room}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

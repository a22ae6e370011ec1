"""Separation: evolving splits, the hierarchy of regions, and affinities."""

from napari_inpaintaff.separation.affinities import affinities_from_labels
from napari_inpaintaff.separation.engine import SplitUpdate, compute_affinities, iterate_affinities
from napari_inpaintaff.separation.parameters import SeparationParameters

__all__ = [
    "SeparationParameters",
    "SplitUpdate",
    "affinities_from_labels",
    "compute_affinities",
    "iterate_affinities",
]

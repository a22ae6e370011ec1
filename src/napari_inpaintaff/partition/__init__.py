"""Affinities to label images."""

from napari_inpaintaff.partition.backend import mutex_watershed_backend
from napari_inpaintaff.partition.fragments import absorb_fragments
from napari_inpaintaff.partition.links import relabel_by_position
from napari_inpaintaff.partition.methods import (
    PARTITION_METHODS,
    PartitionMethod,
    PartitionParameters,
    partition,
)
from napari_inpaintaff.partition.mutex import connected_components, mutex_watershed
from napari_inpaintaff.partition.signed_graph import (
    average_linkage,
    greedy_additive,
    greedy_fixation,
)

__all__ = [
    "PARTITION_METHODS",
    "PartitionMethod",
    "PartitionParameters",
    "absorb_fragments",
    "average_linkage",
    "connected_components",
    "greedy_additive",
    "greedy_fixation",
    "mutex_watershed",
    "mutex_watershed_backend",
    "partition",
    "relabel_by_position",
]

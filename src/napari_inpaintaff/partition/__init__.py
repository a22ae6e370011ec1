"""Affinities, or the outline of the foreground alone, to label images."""

from napari_inpaintaff.partition.backend import mutex_watershed_backend
from napari_inpaintaff.partition.fragments import absorb_fragments
from napari_inpaintaff.partition.links import relabel_by_position
from napari_inpaintaff.partition.methods import (
    DEFAULT_METHOD,
    MUTEX_WATERSHEDS,
    PARTITION_METHODS,
    PartitionMethod,
    PartitionParameters,
    partition,
)
from napari_inpaintaff.partition.mutex import connected_components, mutex_watershed
from napari_inpaintaff.partition.outline import (
    OUTLINE_DIAMETER,
    OUTLINE_METHODS,
    OutlineMethod,
    OutlineParameters,
    distance_watershed,
    foreground_components,
    partition_outline,
)
from napari_inpaintaff.partition.region_merging import (
    MergeStatistics,
    merge_statistics,
    region_merging,
)
from napari_inpaintaff.partition.shape import outline_affinities, with_outline
from napari_inpaintaff.partition.signed_graph import (
    average_linkage,
    greedy_additive,
    greedy_fixation,
)

__all__ = [
    "DEFAULT_METHOD",
    "MUTEX_WATERSHEDS",
    "OUTLINE_DIAMETER",
    "OUTLINE_METHODS",
    "PARTITION_METHODS",
    "MergeStatistics",
    "OutlineMethod",
    "OutlineParameters",
    "PartitionMethod",
    "PartitionParameters",
    "absorb_fragments",
    "average_linkage",
    "connected_components",
    "distance_watershed",
    "foreground_components",
    "greedy_additive",
    "greedy_fixation",
    "merge_statistics",
    "mutex_watershed",
    "mutex_watershed_backend",
    "outline_affinities",
    "partition",
    "partition_outline",
    "region_merging",
    "relabel_by_position",
    "with_outline",
]

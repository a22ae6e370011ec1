"""Separation: evolving splits, the hierarchy of regions, and affinities.

Names are imported on demand: the parameters are read without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from napari_inpaintaff.separation.affinities import affinities_from_labels
from napari_inpaintaff.separation.parameters import SEPARATION_MODES, SeparationParameters

if TYPE_CHECKING:
    from napari_inpaintaff.separation.engine import (
        AffinityDraft,
        compute_affinities,
        iterate_affinities,
    )
    from napari_inpaintaff.separation.stream import PatchLeaves, SplitUpdate, iterate_leaves

__all__ = [
    "SEPARATION_MODES",
    "AffinityDraft",
    "PatchLeaves",
    "SeparationParameters",
    "SplitUpdate",
    "affinities_from_labels",
    "compute_affinities",
    "iterate_affinities",
    "iterate_leaves",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "engine": ["AffinityDraft", "compute_affinities", "iterate_affinities"],
        "stream": ["PatchLeaves", "SplitUpdate", "iterate_leaves"],
    },
)

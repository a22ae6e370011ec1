"""Separation: evolving splits, the hierarchy of regions, and affinities.

Names are imported on demand: the parameters are read without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from napari_inpaintaff.separation.affinities import affinities_from_labels
from napari_inpaintaff.separation.parameters import SeparationParameters

if TYPE_CHECKING:
    from napari_inpaintaff.separation.engine import (
        SplitUpdate,
        compute_affinities,
        iterate_affinities,
    )

__all__ = [
    "SeparationParameters",
    "SplitUpdate",
    "affinities_from_labels",
    "compute_affinities",
    "iterate_affinities",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={"engine": ["SplitUpdate", "compute_affinities", "iterate_affinities"]},
)

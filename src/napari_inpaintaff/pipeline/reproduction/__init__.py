"""The papers' experiments: tables and figures from data in the challenge's layout.

Names are imported on demand: the settings are read without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from napari_inpaintaff.pipeline.reproduction.settings import (
    CONFIGS,
    ENGINES,
    LEVELS,
    PARTS,
    Reproduction,
    quick,
)
from napari_inpaintaff.pipeline.reproduction.splits import DATA_SETS, SPLITS

if TYPE_CHECKING:
    from napari_inpaintaff.pipeline.reproduction.run import Results, iterate_reproduction

__all__ = [
    "CONFIGS",
    "DATA_SETS",
    "ENGINES",
    "LEVELS",
    "PARTS",
    "SPLITS",
    "Reproduction",
    "Results",
    "iterate_reproduction",
    "quick",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__, submod_attrs={"run": ["Results", "iterate_reproduction"]}
)

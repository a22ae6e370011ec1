"""Images of any size, tile by tile: lazily read, resumable, on one computer or many.

Names are imported on demand: what only asks for sizes does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from napari_inpaintaff.pipeline.tiled.recipe import Recipe
    from napari_inpaintaff.pipeline.tiled.run import (
        TiledLabels,
        iterate_tiled_segmentation,
        segment_tiled,
        unfinished_folder,
    )
    from napari_inpaintaff.pipeline.tiled.sources import ImageArray, ImageFile, ImageSource

__all__ = [
    "ImageArray",
    "ImageFile",
    "ImageSource",
    "Recipe",
    "TiledLabels",
    "iterate_tiled_segmentation",
    "segment_tiled",
    "unfinished_folder",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "recipe": ["Recipe"],
        "run": [
            "TiledLabels",
            "iterate_tiled_segmentation",
            "segment_tiled",
            "unfinished_folder",
        ],
        "sources": ["ImageArray", "ImageFile", "ImageSource"],
    },
)

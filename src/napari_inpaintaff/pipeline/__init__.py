"""Image to labels in one call."""

from napari_inpaintaff.pipeline.segmentation import (
    Draft,
    Segmentation,
    default_partition,
    iterate_segmentation,
    segment,
)

__all__ = ["Draft", "Segmentation", "default_partition", "iterate_segmentation", "segment"]

"""Image to labels in one call."""

from napari_inpaintaff.pipeline.segmentation import Segmentation, iterate_segmentation, segment

__all__ = ["Segmentation", "iterate_segmentation", "segment"]

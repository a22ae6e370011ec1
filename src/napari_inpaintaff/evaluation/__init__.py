"""Measures of label images, masks and regions against a ground truth."""

from napari_inpaintaff.evaluation.detection import det_score
from napari_inpaintaff.evaluation.gaps import close_gaps
from napari_inpaintaff.evaluation.masks import (
    MaskScores,
    RegionScores,
    mask_scores,
    mean_mask_scores,
    region_scores,
)
from napari_inpaintaff.evaluation.overlap import Overlap, overlap
from napari_inpaintaff.evaluation.scores import (
    MATCH_LEVEL,
    Evaluation,
    evaluate,
    object_scores,
    seg_score,
)

__all__ = [
    "MATCH_LEVEL",
    "Evaluation",
    "MaskScores",
    "Overlap",
    "RegionScores",
    "close_gaps",
    "det_score",
    "evaluate",
    "mask_scores",
    "mean_mask_scores",
    "object_scores",
    "overlap",
    "region_scores",
    "seg_score",
]

"""Measures of label images against a ground truth."""

from napari_inpaintaff.evaluation.detection import det_score
from napari_inpaintaff.evaluation.gaps import close_gaps
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
    "Overlap",
    "close_gaps",
    "det_score",
    "evaluate",
    "object_scores",
    "overlap",
    "seg_score",
]

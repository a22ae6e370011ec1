"""SEG of the Cell Tracking Challenge, and counts of matching objects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.evaluation.overlap import Overlap, overlap

#: Two objects match when their intersection over union is above this value, so that
#: no object has two matches.
MATCH_LEVEL = 0.5


@dataclass(frozen=True)
class Evaluation:
    """How well label images agree with a ground truth, pooled over their frames.

    Attributes
    ----------
    seg : float in [0, 1]
        Mean over all reference objects of all frames.
    objects, reference_objects : int
        In the label images and in the ground truth.
    matches : int
        Pairs of an object and a reference object with IoU > 0.5.
    frames : int
    """

    seg: float
    objects: int
    reference_objects: int
    matches: int
    frames: int

    @property
    def precision(self) -> float:
        """Fraction of the objects that have a match; 0 without objects."""
        return self.matches / self.objects if self.objects else 0.0

    @property
    def recall(self) -> float:
        """Fraction of the reference objects that have a match."""
        return self.matches / self.reference_objects

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall: 2 matches / all objects of both."""
        return 2 * self.matches / (self.objects + self.reference_objects)


def evaluate(frames: Iterable[tuple[ArrayLike, ArrayLike]]) -> Evaluation:
    """Compare label images with their ground truth, pooled over frames.

    SEG is the measure of the Cell Tracking Challenge (Ulman et al. 2017, Maška et
    al. 2023): a reference object R is found by the segment S with
    ``|R and S| > 0.5 * |R|``, of which there is at most one, and scores their Jaccard
    index ``|R and S| / |R or S|``; without such a segment it scores 0. SEG is the
    mean over the reference objects of all frames. Segments without a reference
    object do not lower it, so it can be used where only some objects are annotated;
    precision and F1 cannot.

    Parameters
    ----------
    frames : iterable of (labels, ground truth)
        Integer label images, 0 is background, both of one shape (Y, X) or (Z, Y, X).
        A frame without reference objects adds to the object counts only.

    Returns
    -------
    Evaluation

    Raises
    ------
    ImageError
        When the shapes of a pair differ, one is not a label image, or no frame has a
        reference object: SEG is not defined then.
    """
    scores: list[NDArray[np.float64]] = []
    objects = matches = 0
    for labels, ground_truth in frames:
        table = overlap(labels, ground_truth)
        scores.append(_seg_of_references(table))
        objects += table.object_sizes.size
        matches += int(np.count_nonzero(table.jaccard > MATCH_LEVEL))
    pooled = np.concatenate(scores) if scores else np.empty(0)
    if not pooled.size:
        raise ImageError("the ground truth has no objects, so there is nothing to compare with")
    return Evaluation(
        seg=float(pooled.mean()),
        objects=objects,
        reference_objects=pooled.size,
        matches=matches,
        frames=len(scores),
    )


def seg_score(labels: ArrayLike, ground_truth: ArrayLike) -> float:
    """SEG of one frame, as the Cell Tracking Challenge defines it.

    Parameters
    ----------
    labels, ground_truth : array of integers >= 0, of one shape
        0 is background.

    Returns
    -------
    float in [0, 1]

    Raises
    ------
    ImageError
        As `evaluate` does.

    Examples
    --------
    >>> import numpy as np
    >>> ground_truth = np.array([[1, 1, 1, 1, 0, 2, 2]])
    >>> seg_score(np.array([[5, 5, 5, 0, 0, 6, 0]]), ground_truth)  # 3/4 and 0
    0.375
    """
    return evaluate([(labels, ground_truth)]).seg


def _seg_of_references(table: Overlap) -> NDArray[np.float64]:
    """SEG of every reference object of a frame."""
    scores = np.zeros(table.reference_sizes.size)
    found = 2 * table.shared > table.reference_sizes[table.references]
    scores[table.references[found]] = table.jaccard[found]
    return scores

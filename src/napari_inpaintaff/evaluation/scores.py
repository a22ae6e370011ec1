"""SEG of the Cell Tracking Challenge, matching objects at any IoU, and kinds of errors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage.metrics import variation_of_information

from napari_inpaintaff.errors import ImageError, ParameterError
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
    ious : tuple of float
        Intersection over union of every pair of an object and a reference object that
        match, which is those with IoU > 0.5; descending.
    split_references : int
        Reference objects that hold more than half of each of two or more objects:
        over-segmentation.
    merged_references : int
        Reference objects of which more than half lies, with more than half of another one,
        in one object: under-segmentation.
    split_information, merged_information : float >= 0
        The two parts of the variation of information, in bits, mean over the frames: what
        the labels add to the ground truth, and what they lose of it. Background of the
        ground truth does not count.
    frames : int
        Pairs of images.
    """

    seg: float
    objects: int
    reference_objects: int
    ious: tuple[float, ...]
    split_references: int
    merged_references: int
    split_information: float
    merged_information: float
    frames: int

    @property
    def matches(self) -> int:
        """Pairs of an object and a reference object with IoU > 0.5."""
        return len(self.ious)

    @property
    def variation_of_information(self) -> float:
        """Distance of the two partitions in bits (Meila 2007); 0 for equal ones."""
        return self.split_information + self.merged_information

    def matches_above(self, level: float) -> int:
        """Return the number of pairs with an IoU above a level of at least 0.5."""
        if not level >= MATCH_LEVEL:
            raise ParameterError(
                f"objects match one to one only above an IoU of {MATCH_LEVEL}, got {level}"
            )
        return sum(iou > level for iou in self.ious)

    def detection_accuracy(self, level: float = MATCH_LEVEL) -> float:
        """Return the fraction of the reference objects that are found above an IoU.

        Wolf et al. 2020, figure 5.
        """
        return self.matches_above(level) / self.reference_objects

    def average_precision(self, level: float = MATCH_LEVEL) -> float:
        """Return matches / (matches + missed + wrong objects), with an IoU above a level.

        This is what StarDist, Cellpose and the Data Science Bowl 2018 call so.
        """
        matches = self.matches_above(level)
        return matches / (self.objects + self.reference_objects - matches)

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
    ious: list[NDArray[np.float64]] = []
    information: list[NDArray[np.float64]] = []
    objects = split = merged = 0
    for labels, ground_truth in frames:
        table = overlap(labels, ground_truth)
        scores.append(_seg_of_references(table))
        ious.append(table.jaccard[table.jaccard > MATCH_LEVEL])
        objects += table.object_sizes.size
        split += _split_references(table)
        merged += _merged_references(table)
        if table.reference_sizes.size:
            # Of pixels in reference objects only; numbers of objects may be as large as they like.
            inside = np.asarray(ground_truth) > 0
            truth, found = (
                np.unique(np.asarray(image)[inside], return_inverse=True)[1]
                for image in (ground_truth, labels)
            )
            # Conditional entropies of the labels given the truth, and the other way round.
            information.append(variation_of_information(truth, found))
    pooled = np.concatenate(scores) if scores else np.empty(0)
    if not pooled.size:
        raise ImageError("the ground truth has no objects, so there is nothing to compare with")
    added, lost = np.mean(information, axis=0)
    return Evaluation(
        seg=float(pooled.mean()),
        objects=objects,
        reference_objects=pooled.size,
        ious=tuple(sorted(np.concatenate(ious).tolist(), reverse=True)),
        split_references=split,
        merged_references=merged,
        split_information=max(0.0, float(added)),
        merged_information=max(0.0, float(lost)),
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


def object_scores(labels: ArrayLike, ground_truth: ArrayLike) -> NDArray[np.float64]:
    """SEG of every object of the ground truth, of which `seg_score` is the mean.

    Parameters
    ----------
    labels, ground_truth : array of integers >= 0, of one shape
        0 is background.

    Returns
    -------
    ndarray of float64, shape (objects of the ground truth,)
        In [0, 1], by ascending number of the object.

    Raises
    ------
    ImageError
        When the shapes differ, or one is not a label image.
    """
    return _seg_of_references(overlap(labels, ground_truth))


def _seg_of_references(table: Overlap) -> NDArray[np.float64]:
    """SEG of every reference object of a frame."""
    scores = np.zeros(table.reference_sizes.size)
    found = 2 * table.shared > table.reference_sizes[table.references]
    scores[table.references[found]] = table.jaccard[found]
    return scores


def _split_references(table: Overlap) -> int:
    """Count the reference objects that hold most of two or more objects."""
    inside = 2 * table.shared > table.object_sizes[table.objects]
    parts = np.bincount(table.references[inside], minlength=1)
    return int(np.count_nonzero(parts > 1))


def _merged_references(table: Overlap) -> int:
    """Count the reference objects of which most lies in one object with most of another."""
    inside = 2 * table.shared > table.reference_sizes[table.references]
    parts = np.bincount(table.objects[inside], minlength=1)
    return int(parts[parts > 1].sum())

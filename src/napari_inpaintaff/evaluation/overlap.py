"""Which segments overlap which reference objects, and by how many pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_inpaintaff.errors import ImageError


@dataclass(frozen=True)
class Overlap:
    """The contingency table of a label image and a reference, without background.

    Attributes
    ----------
    object_sizes : ndarray of int64, shape (n,)
        Pixels of each object of the label image.
    reference_sizes : ndarray of int64, shape (m,)
        Pixels of each object of the reference.
    objects, references : ndarray of int64, shape (k,)
        Indices into the two above: the pairs that share a pixel, each once.
    shared : ndarray of int64, shape (k,)
        Pixels in common, at least 1.
    """

    object_sizes: NDArray[np.int64]
    reference_sizes: NDArray[np.int64]
    objects: NDArray[np.int64]
    references: NDArray[np.int64]
    shared: NDArray[np.int64]

    @property
    def jaccard(self) -> NDArray[np.float64]:
        """Intersection over union of every pair, in (0, 1]."""
        sizes = self.object_sizes[self.objects] + self.reference_sizes[self.references]
        return np.asarray(self.shared / (sizes - self.shared), dtype=np.float64)


def overlap(labels: ArrayLike, ground_truth: ArrayLike) -> Overlap:
    """Count the common pixels of all objects of two label images.

    Parameters
    ----------
    labels, ground_truth : array of integers >= 0, of one shape
        0 is background; the numbers need not be consecutive.

    Returns
    -------
    Overlap

    Raises
    ------
    ImageError
        When the shapes differ, or one is not a label image.
    """
    found, reference = np.asarray(labels), np.asarray(ground_truth)
    if found.shape != reference.shape:
        raise ImageError(
            f"the labels have the shape {found.shape}, but the ground truth has the shape "
            f"{reference.shape}"
        )
    found_index, object_sizes = _compact(found, "labels")
    reference_index, reference_sizes = _compact(reference, "ground truth")
    both = (found_index > 0) & (reference_index > 0)
    columns = object_sizes.size + 1
    pairs, shared = np.unique(
        reference_index[both] * columns + found_index[both], return_counts=True
    )
    return Overlap(
        object_sizes=object_sizes,
        reference_sizes=reference_sizes,
        objects=pairs % columns - 1,
        references=pairs // columns - 1,
        shared=shared.astype(np.int64, copy=False),
    )


def _compact(labels: NDArray[np.generic], name: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Renumber objects 1 to n, and count the pixels of each."""
    if labels.dtype != np.bool_ and not np.issubdtype(labels.dtype, np.integer):
        raise ImageError(f"the {name} must be whole numbers, got an image of {labels.dtype}")
    values, index, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    if values.size and values[0] < 0:
        raise ImageError(f"the {name} must not be negative, got {values[0]}")
    index = index.reshape(-1).astype(np.int64, copy=False)
    if values.size and values[0] == 0:
        return index, sizes[1:].astype(np.int64, copy=False)
    return index + 1, sizes.astype(np.int64, copy=False)

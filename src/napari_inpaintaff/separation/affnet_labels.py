"""Labels that an AffNet learns from: which can be used, and which parts are held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images import Plane

#: Pixels that nobody has labelled.
UNLABELLED = -1

#: With fewer cells, all are learned: the few that could be held out would tell nothing.
_ENOUGH_CELLS = 64


@dataclass(frozen=True)
class LabelledImage:
    """An image that an AffNet learns from.

    Attributes
    ----------
    plane : Plane
        Its pixels.
    labels : ndarray of int32, shape (Y, X)
        Cells are 1 to n, 0 is background, -1 is unlabelled; see `read_labels`.
    """

    plane: Plane
    labels: NDArray[np.int32]

    @property
    def cells(self) -> int:
        """How many cells are labelled."""
        return int(self.labels.max(initial=0))


def labelled_images(planes: Sequence[Plane], labels: Sequence[NDArray[Any]]) -> list[LabelledImage]:
    """Put images and labels together that can be learned from.

    Parameters
    ----------
    planes : sequence of Plane
        The images.
    labels : sequence of ndarray of int, shape (Y, X)
        One of every image: cells have numbers above 0, 0 is background. In signed types, -1
        is unlabelled.

    Returns
    -------
    list of LabelledImage
        Of every plane.

    Raises
    ------
    ImageError
        If the numbers differ, a label image does not fit its image or holds no labels of
        cells, or if in none of them two pixels do not belong together.
    """
    if len(planes) != len(labels):
        raise ImageError(
            f"there are {len(planes)} images, but {len(labels)} label images: give one for each"
        )
    images = [
        LabelledImage(plane, _cell_numbers(np.asarray(given), plane))
        for plane, given in zip(planes, labels, strict=True)
    ]
    if not any(image.cells for image in images):
        raise ImageError("no cell is labelled: all labels are 0 (background) or -1 (unlabelled)")
    if all(image.cells <= 1 and not (image.labels == 0).any() for image in images):
        raise ImageError(
            "the labels hold one cell and no background: there is nothing that does not belong "
            "together; label at least two cells, or mark the background with 0"
        )
    return images


def _cell_numbers(labels: NDArray[Any], plane: Plane) -> NDArray[np.int32]:
    """Check the labels of an image, and number the cells from 1 on."""
    if labels.shape != plane.shape:
        raise ImageError(
            f"the labels {labels.shape} must have the shape of {plane.name}, {plane.shape}"
        )
    if labels.dtype == bool:
        raise ImageError(
            f"the labels of {plane.name} are a mask, which does not say which pixels belong to "
            "the same cell: give every cell a number of its own"
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise ImageError(
            f"the labels of {plane.name} must be whole numbers, got {labels.dtype}: "
            "save them as an integer type"
        )
    values, cells = np.unique(labels, return_inverse=True)
    if values[0] < UNLABELLED:
        raise ImageError(
            f"the labels of {plane.name} hold {values[0]}: cells have numbers above 0, "
            "0 is background, and -1 is unlabelled"
        )
    first = np.searchsorted(values, 1)
    numbers = np.arange(1, len(values) + 1, dtype=np.int32) - np.int32(first)
    numbers[:first] = values[:first].astype(np.int32)
    return numbers[cells].reshape(labels.shape)


def held_out_blocks(
    images: Sequence[LabelledImage], *, side: int, part: float, seed: int
) -> list[NDArray[np.bool_]] | None:
    """Choose blocks of the images that are held out, to measure on and to choose alpha.

    Parameters
    ----------
    images : sequence of LabelledImage
        With 64 cells or more, else nothing is held out.
    side : int
        Of the blocks, in pixels of the images.
    part : float
        Of the blocks that hold cells, to be held out; at least one, unless it is 0.
    seed : int
        Same seed, same blocks.

    Returns
    -------
    list of ndarray of bool, shape (Y, X), or None
        What is held out of every image; None if nothing is.
    """
    if part <= 0 or sum(image.cells for image in images) < _ENOUGH_CELLS:
        return None
    blocks = [
        (index, y, x)
        for index, image in enumerate(images)
        for y in range(0, image.labels.shape[0], side)
        for x in range(0, image.labels.shape[1], side)
        # Two cells, lest nothing in the block be apart.
        if np.count_nonzero(np.unique(image.labels[y : y + side, x : x + side]) > 0) >= 2
    ]
    if len(blocks) < 2:
        return None
    count = min(max(1, round(part * len(blocks))), len(blocks) - 1)
    held = [np.zeros(image.labels.shape, bool) for image in images]
    for place in np.random.default_rng([seed, 0]).permutation(len(blocks))[:count].tolist():
        index, y, x = blocks[place]
        held[index][y : y + side, x : x + side] = True
    return held

"""The true foreground, as the paper prepares it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from napari_inpaintaff.errors import ImageError


def close_gaps(labels: ArrayLike) -> NDArray[np.bool_]:
    """Foreground of a label image with one-pixel gaps between its objects closed.

    The paper (section 3) makes its true foreground "connecting all segments separated
    by a one pixel wide gap", lest the mask itself gives the objects away. Here a
    background pixel is filled when its 3 x 3 neighbourhood holds two different objects.

    Parameters
    ----------
    labels : array of integers >= 0, shape (Y, X)
        0 is background.

    Returns
    -------
    ndarray of bool, shape (Y, X)

    Raises
    ------
    ImageError
        When `labels` is not an image of whole numbers.
    """
    image = np.asarray(labels)
    if image.ndim != 2 or not np.issubdtype(image.dtype, np.integer):
        raise ImageError(
            f"a label image has two axes and whole numbers, got {image.ndim} axes of {image.dtype}"
        )
    # Small numbers in the order of the labels: the filters compute in float64.
    numbers = np.unique(image, return_inverse=True)[1].reshape(image.shape) + 1
    numbers = np.where(image > 0, numbers, 0)
    nothing = image.size + 2
    highest = ndimage.maximum_filter(numbers, size=3, mode="constant", cval=0)
    lowest = ndimage.minimum_filter(
        np.where(image > 0, numbers, nothing), size=3, mode="constant", cval=nothing
    )
    return np.asarray((image > 0) | ((highest > 0) & (highest != lowest)), dtype=bool)

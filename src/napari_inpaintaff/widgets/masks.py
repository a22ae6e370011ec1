"""Where the cells are, as a mask: found by a method, or given as a layer.

Called in worker threads; the functions import what is heavy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.widgets.planes import Plane


def found_mask(image: NDArray[Any], method: str, diameter: float) -> NDArray[np.bool_]:
    """Find the foreground of an image.

    Parameters
    ----------
    image : ndarray, shape (Y, X)
        Raw or denoised intensities.
    method : str
        A key of `foreground.FOREGROUND_METHODS`.
    diameter : float
        Typical diameter of the cells, in pixels.

    Returns
    -------
    ndarray of bool, shape (Y, X)

    Raises
    ------
    ImageError
        If no pixel of the image is known.
    """
    from napari_inpaintaff.foreground import foreground_probability, threshold

    return threshold(foreground_probability(image, method, diameter=diameter))


def given_mask(plane: Plane, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Read a plane of a mask or label layer: what is not zero.

    Parameters
    ----------
    plane : Plane
        Of the mask.
    shape : tuple of int
        Height and width of the image that it is for.

    Returns
    -------
    ndarray of bool, shape (Y, X)

    Raises
    ------
    ImageError
        If the mask has another shape.
    """
    from napari_inpaintaff.foreground import mask_from_labels

    mask = mask_from_labels(plane.read())
    if mask.shape != shape:
        raise ImageError(
            f"The mask {plane.name} has {mask.shape[0]} x {mask.shape[1]} pixels, "
            f"the image {shape[0]} x {shape[1]}: choose a mask of the same size."
        )
    return mask

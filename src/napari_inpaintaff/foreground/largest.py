"""The largest object above or below Otsu's threshold: what anyone would try first on a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.foreground.border import border_share
from napari_inpaintaff.foreground.methods import above_global_level, global_otsu_level


def largest_object(image: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the largest connected object by Otsu's threshold, bright or dark.

    The side of the threshold that covers less of the border is foreground.

    Parameters
    ----------
    image : ndarray of float64, shape (Y, X)
        Pixels that are not finite are unknown, and background.

    Returns
    -------
    ndarray of bool, shape (Y, X)
        Empty where all known pixels are equal.
    """
    known = np.isfinite(image)
    level = global_otsu_level([image]) if known.any() else None
    if level is None:
        return np.zeros(image.shape, bool)
    bright = above_global_level(image, level)
    dark = known & ~bright
    mask = bright if border_share(bright) <= border_share(dark) else dark
    objects, count = ndimage.label(mask)
    sizes = np.bincount(objects.ravel(), minlength=count + 1)
    sizes[0] = 0
    return np.asarray(objects == sizes.argmax())

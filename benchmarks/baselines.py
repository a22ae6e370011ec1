"""What anyone would try first on a foreground mask: the marks to beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.segmentation import watershed


def foreground_components(foreground: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Label the connected components (pixels that share a side) of a mask."""
    return np.asarray(ndimage.label(foreground)[0], dtype=np.int32)


def distance_transform_watershed(
    foreground: NDArray[np.bool_], *, sigma: float = 1.0, minimum_distance: int = 5
) -> NDArray[np.int32]:
    """Cut a mask along the watersheds of its smoothed distance transform.

    Parameters
    ----------
    foreground : ndarray of bool, shape (Y, X)
    sigma : float
        Of the Gaussian that smooths the distances, in pixels.
    minimum_distance : int
        Between two peaks of the distances, in pixels; every peak is an object.

    Returns
    -------
    ndarray of int32, shape (Y, X)
        0 outside the mask. Components without a peak get the label of one of their
        own, so every foreground pixel has a label.
    """
    distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(foreground), sigma)
    components = foreground_components(foreground)
    peaks = peak_local_max(
        distance, min_distance=minimum_distance, labels=components, exclude_border=False
    )
    markers = np.zeros(foreground.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels = watershed(-distance, markers, mask=foreground)
    return np.where(foreground & (labels == 0), components + len(peaks), labels).astype(np.int32)

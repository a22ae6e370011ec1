"""From the outline of the foreground alone to labels: the methods that need no affinities."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.segmentation import watershed

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.partition.links import relabel_by_position

#: Lengths in `OutlineParameters` are for cells of this diameter, in pixels.
OUTLINE_DIAMETER = 25.0


def foreground_components(foreground: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """Label the connected components of a mask.

    Parameters
    ----------
    foreground : ndarray of bool, shape (Y, X)
        Pixels of one component share sides; touching cells are one.

    Returns
    -------
    ndarray of uint32, shape (Y, X)
        1 to n in the order of the first pixel; 0 outside the foreground.
    """
    return np.asarray(ndimage.label(foreground)[0], np.uint32)


def distance_watershed(
    foreground: NDArray[np.bool_], *, sigma: float = 1.0, minimum_distance: float = 5.0
) -> NDArray[np.uint32]:
    """Cut a mask along the watersheds of its smoothed distance transform.

    Parameters
    ----------
    foreground : ndarray of bool, shape (Y, X)
        The mask.
    sigma : float >= 0, optional
        Of the Gaussian that smooths the distances to the background, in pixels.
    minimum_distance : float > 0, optional
        Between two peaks of the distances, in pixels, rounded; every peak is a segment.

    Returns
    -------
    ndarray of uint32, shape (Y, X)
        1 to n in the order of the first pixel; 0 outside the foreground. A component without
        a peak is a segment, so every foreground pixel has a label.
    """
    components = foreground_components(foreground)
    distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(foreground), sigma)
    peaks = peak_local_max(
        distance,
        min_distance=max(1, round(minimum_distance)),
        labels=components.astype(np.int32),
        exclude_border=False,
    )
    markers = np.zeros(foreground.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    segments = watershed(-distance, markers, mask=foreground)
    missed = foreground & (segments == 0)
    return relabel_by_position(np.where(missed, components + len(peaks), segments))


@dataclass(frozen=True)
class OutlineParameters:
    """How the outline of the foreground becomes labels, without affinities.

    Attributes
    ----------
    method : str
        A name in `OUTLINE_METHODS`.
    sigma : float >= 0
        Of the distance watershed: Gaussian that smooths the distances, in pixels of cells of
        25 px.
    minimum_distance : float > 0
        Of the distance watershed: between the middles of two cells, in the same pixels.
    """

    method: str = "distance_watershed"
    sigma: float = 1.0
    minimum_distance: float = 5.0

    def __post_init__(self) -> None:
        if self.method not in OUTLINE_METHODS:
            raise ParameterError(
                f"unknown outline method {self.method!r}; "
                f"choose one of: {', '.join(OUTLINE_METHODS)}"
            )
        if not (math.isfinite(self.sigma) and self.sigma >= 0):
            raise ParameterError(f"sigma must be a number of pixels, 0 or more, got {self.sigma}")
        if not (math.isfinite(self.minimum_distance) and self.minimum_distance > 0):
            raise ParameterError(
                "the minimum distance must be a number of pixels above 0, "
                f"got {self.minimum_distance}"
            )


OutlineMethod = Callable[[NDArray[np.bool_], OutlineParameters, float], NDArray[np.uint32]]


def _distance_watershed(
    foreground: NDArray[np.bool_], parameters: OutlineParameters, scale: float
) -> NDArray[np.uint32]:
    return distance_watershed(
        foreground,
        sigma=parameters.sigma * scale,
        minimum_distance=parameters.minimum_distance * scale,
    )


def _foreground_components(
    foreground: NDArray[np.bool_], parameters: OutlineParameters, scale: float
) -> NDArray[np.uint32]:
    del parameters, scale  # nothing to choose
    return foreground_components(foreground)


#: Every method takes a foreground, the parameters and the factor by which their lengths have
#: to be multiplied, and returns labels >= 1 inside the foreground and 0 outside.
OUTLINE_METHODS: dict[str, OutlineMethod] = {
    "distance_watershed": _distance_watershed,
    "foreground_components": _foreground_components,
}


def partition_outline(
    foreground: ArrayLike,
    parameters: OutlineParameters | None = None,
    *,
    diameter: float = OUTLINE_DIAMETER,
) -> NDArray[np.uint32]:
    """Turn a foreground into a label image, by its outline alone.

    Parameters
    ----------
    foreground : array of bool, shape (Y, X)
        Every pixel of it gets a label >= 1, all others 0.
    parameters : OutlineParameters, optional
        Default: the distance watershed.
    diameter : float > 0, optional
        Typical diameter of the cells, in pixels; the lengths of the parameters follow it.

    Returns
    -------
    ndarray of uint32, shape (Y, X)
        1 to n in the order of the first pixel of each segment.

    Raises
    ------
    ImageError
        If the foreground is not a plane.
    ParameterError
        If the diameter is not a positive number.

    Examples
    --------
    >>> import numpy as np
    >>> partition_outline(np.array([[1, 1, 0, 1]]), OutlineParameters("foreground_components"))
    array([[1, 1, 0, 2]], dtype=uint32)
    """
    parameters = parameters or OutlineParameters()
    mask = np.asarray(foreground, bool)
    if mask.ndim != 2:
        raise ImageError(f"the foreground must be a plane (Y, X), got the shape {mask.shape}")
    if not (math.isfinite(diameter) and diameter > 0):
        raise ParameterError(f"the cell diameter must be positive, got {diameter}")
    if not mask.any():
        return np.zeros(mask.shape, np.uint32)
    return OUTLINE_METHODS[parameters.method](mask, parameters, diameter / OUTLINE_DIAMETER)

"""Which pixels of the image are wanted: all, those in view, or a drawn rectangle."""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np
from napari.layers import Layer, Shapes
from numpy.typing import NDArray

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images import Region

_SLACK = 1e-3


class RegionChoice(Enum):
    """How the region is given; the value is what the user reads."""

    WHOLE = "Whole image"
    VIEW = "Current view"
    RECTANGLE = "Drawn rectangle"


def whole_region(shape: tuple[int, int]) -> Region:
    """Give the region of all pixels of a plane of shape (Y, X)."""
    return slice(0, shape[0]), slice(0, shape[1])


def visible_region(viewer: Any, layer: Layer, shape: tuple[int, int]) -> Region:
    """Find the pixels of a layer that the viewer's canvas shows.

    Parameters
    ----------
    viewer : napari.Viewer
        Must show two dimensions, the last two axes of the layer.
    layer : Layer
        The image.
    shape : tuple of int
        Height and width of its plane.

    Returns
    -------
    Region
        Slices along y and x: the bounding box of the canvas, cut to the image.

    Raises
    ------
    ParameterError
        When the view shows other axes, is 3D, or misses the image.
    """
    displayed = tuple(viewer.dims.displayed)
    if viewer.dims.ndisplay != 2 or displayed != (viewer.dims.ndim - 2, viewer.dims.ndim - 1):
        raise ParameterError(
            "The current view does not show the image's y and x axes in 2D. "
            "Switch the view back, or choose another region."
        )
    centre = np.asarray(viewer.scene.camera.center[-2:], dtype=np.float64)
    half = np.asarray(viewer.canvas.size, dtype=np.float64) / (2 * viewer.scene.camera.zoom)
    corners = []
    for signs in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        point = np.asarray(viewer.dims.point, dtype=np.float64)
        point[-2:] = centre + np.asarray(signs) * half
        corners.append(layer.world_to_data(point)[-2:])
    return bounding_region(np.asarray(corners), shape, what="The current view")


def rectangle_region(shapes: Shapes | None, layer: Layer, shape: tuple[int, int]) -> Region:
    """Find the pixels of a layer under the shape that was drawn last.

    Parameters
    ----------
    shapes : Shapes or None
        The layer to draw in; None when there is none.
    layer : Layer
        The image.
    shape : tuple of int
        Height and width of its plane.

    Returns
    -------
    Region
        Slices along y and x: the shape's bounding box, cut to the image.

    Raises
    ------
    ParameterError
        When nothing was drawn, or nothing of it lies on the image.
    """
    if shapes is None or not len(shapes.data):
        raise ParameterError('Draw a rectangle first: press "Draw", then drag over the image.')
    vertices = np.asarray(shapes.data[-1], dtype=np.float64)
    corners = [layer.world_to_data(shapes.data_to_world(vertex))[-2:] for vertex in vertices]
    return bounding_region(np.asarray(corners), shape, what="The drawn rectangle")


def bounding_region(
    corners: NDArray[np.float64], shape: tuple[int, int], *, what: str = "The region"
) -> Region:
    """Find the pixels in the bounding box of some points.

    Parameters
    ----------
    corners : ndarray of float, shape (N, 2)
        Points (y, x) in pixels; pixel centres are at whole numbers.
    shape : tuple of int
        Height and width of the image.
    what : str
        Begins the message when nothing is left.

    Returns
    -------
    Region
        The pixels whose centre lies in the box, cut to the image.

    Raises
    ------
    ParameterError
        When there is no such pixel.
    """
    # Transforms leave rounding errors; a pixel must not be lost to them.
    start = np.maximum(np.ceil(corners.min(axis=0) - _SLACK), 0).astype(int)
    stop = np.minimum(np.floor(corners.max(axis=0) + _SLACK) + 1, shape).astype(int)
    if np.any(stop <= start):
        raise ParameterError(f"{what} does not cover any pixel of the image.")
    return slice(int(start[0]), int(stop[0])), slice(int(start[1]), int(stop[1]))

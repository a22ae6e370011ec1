"""The plane of a layer that is worked on, and where results of it belong.

A layer may have any number of axes; its last two are Y and X. Stacks and
time-lapses are worked on plane by plane, and a result is a layer of the same
number of axes whose leading ones have length 1, put where the plane is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Layer
from numpy.typing import NDArray
from scipy.linalg import block_diag

from napari_inpaintaff.errors import ImageError


@dataclass(frozen=True)
class Plane:
    """One (Y, X) plane of an array, not read yet.

    Attributes
    ----------
    data : array-like
        NumPy, dask or zarr array of shape (..., Y, X).
    index : tuple of int
        Position along the leading axes; empty for a 2D array.
    name : str
        Of the layer, for messages.
    """

    data: Any
    index: tuple[int, ...]
    name: str

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return int(self.data.shape[-2]), int(self.data.shape[-1])

    def read(self) -> NDArray[Any]:
        """Read a copy of the plane; slow for data on disk, so not for the interface's thread."""
        return np.array(self.data[self.index] if self.index else self.data)


@dataclass(frozen=True)
class ColourPlane(Plane):
    """One plane of an array of shape (..., Y, X, 3 or 4), which is read as (3, Y, X)."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return int(self.data.shape[-3]), int(self.data.shape[-2])

    def read(self) -> NDArray[Any]:
        """Read a copy of the colours, without what is transparent about them."""
        return np.moveaxis(super().read()[..., :3], -1, 0)


def is_colour(layer: Layer) -> bool:
    """Whether a layer is an image whose last axis holds colours."""
    return bool(getattr(layer, "rgb", False))


def plane_axes(layer: Layer) -> tuple[int, ...]:
    """Return the shape of a layer's pixels without colours: (..., Y, X)."""
    shape = tuple(int(length) for length in pixels_of(layer).shape)
    return shape[:-1] if is_colour(layer) else shape


def pixels_of(layer: Layer) -> Any:
    """Return the array of a layer, of shape (..., Y, X): of a pyramid the finest level."""
    return layer.data[0] if getattr(layer, "multiscale", False) else layer.data


def current_plane(layer: Layer, point: tuple[float, ...]) -> Plane:
    """Find the plane of a layer that the viewer shows.

    Parameters
    ----------
    layer : Image or Labels
        A layer of at least two axes.
    point : tuple of float
        The viewer's current position (``viewer.dims.point``), in world coordinates.

    Returns
    -------
    Plane
        The nearest plane of the layer.

    Raises
    ------
    ImageError
        For colour images and layers with fewer than two axes.
    """
    if is_colour(layer):
        raise ImageError(
            f"{layer.name} is a colour image. Split it into channels "
            "(right-click the layer > Split RGB) and choose one of them."
        )
    data = pixels_of(layer)
    if len(data.shape) < 2:
        raise ImageError(f"{layer.name} has {len(data.shape)} axes; at least two are needed.")
    return Plane(data=data, index=_nearest_index(layer, point), name=layer.name)


def current_picture(layer: Layer, point: tuple[float, ...]) -> Plane:
    """Find the plane of a layer that the viewer shows, in colour if the layer is.

    Raises
    ------
    ImageError
        For layers with fewer than two axes.
    """
    if not is_colour(layer):
        return current_plane(layer, point)
    return ColourPlane(pixels_of(layer), _nearest_index(layer, point), layer.name)


def _nearest_index(layer: Layer, point: tuple[float, ...]) -> tuple[int, ...]:
    leading = plane_axes(layer)[:-2]
    position = np.rint(layer.world_to_data(point))[: len(leading)]
    index = np.clip(position, 0, np.asarray(leading) - 1).astype(int)
    return tuple(int(i) for i in index)


def mask_plane(layer: Layer, index: tuple[int, ...]) -> Plane:
    """Find the plane of a mask that belongs to a plane of an image.

    Parameters
    ----------
    layer : Labels
        The mask, of the image's axes or the last of them: one mask may serve a
        whole stack.
    index : tuple of int
        Position of the image's plane along its leading axes.

    Returns
    -------
    Plane

    Raises
    ------
    ImageError
        When the mask has more axes than the image, or ends before the plane.
    """
    data = pixels_of(layer)
    leading = len(data.shape) - 2
    own_index = index[len(index) - leading :] if leading > 0 else ()
    # A mask of one plane serves all.
    own_index = tuple(
        0 if length == 1 else i for i, length in zip(own_index, data.shape, strict=False)
    )
    fits = 0 <= leading <= len(index)
    if not fits or any(i >= n for i, n in zip(own_index, data.shape, strict=False)):
        raise ImageError(
            f"The mask {layer.name} (shape {tuple(data.shape)}) does not fit the image:"
            f" it has no plane {index}."
        )
    return Plane(data=data, index=own_index, name=layer.name)


def mask_planes(layer: Layer, image: Layer) -> tuple[Plane, ...]:
    """Find the planes of a mask that belong to the planes of an image, in their order.

    Parameters
    ----------
    layer : Labels
        The mask; see `mask_plane`.
    image : Image
        Of any number of axes.

    Returns
    -------
    tuple of Plane

    Raises
    ------
    ImageError
        When the mask has more axes than the image, or too few planes.
    """
    return tuple(mask_plane(layer, index) for index in np.ndindex(pixels_of(image).shape[:-2]))


def result_array(plane: NDArray[Any], index: tuple[int, ...]) -> NDArray[Any]:
    """Give a plane the leading axes of the layer that it came from, with length 1."""
    return plane[(np.newaxis,) * len(index)]


def result_translate(
    layer: Layer, index: tuple[int, ...], origin: tuple[float, float] = (0, 0)
) -> NDArray[np.float64]:
    """Compute the translation that puts a result where its pixels came from.

    Parameters
    ----------
    layer : Layer
        The source.
    index : tuple of int
        Position of the plane along the source's leading axes.
    origin : tuple of float
        Where the centre of the result's first pixel lies, in pixels (y, x) of the plane.

    Returns
    -------
    ndarray of float64, shape (axes,)
        ``translate`` of a layer that has the source's scale, rotation, shear and
        affine. World coordinates are ``affine(rotate shear scale data + translate)``,
        so the shift in world coordinates is taken back through the affine.
    """
    offset = np.asarray((*index, *origin), dtype=np.float64)
    shift = layer.data_to_world(offset) - np.asarray(layer.data_to_world(np.zeros_like(offset)))
    inner_shift = np.linalg.solve(np.asarray(layer.affine.linear_matrix), shift)
    return np.asarray(layer.translate, dtype=np.float64) + inner_shift


def result_placement(
    layer: Layer,
    index: tuple[int, ...],
    origin: tuple[float, float] = (0, 0),
    zoom: float = 1.0,
) -> dict[str, Any]:
    """Collect the arguments that place a result layer over its source.

    Parameters
    ----------
    layer : Layer
        The source.
    index : tuple of int
        Position of the plane along the source's leading axes.
    origin : tuple of float
        First pixel (y, x) of the result, in its own pixels.
    zoom : float
        Pixels of the plane per pixel of the result; pixel borders coincide.

    Returns
    -------
    dict
        Keyword arguments of ``viewer.add_image`` and ``viewer.add_labels``:
        scale, translate, rotate, shear, affine, units and axis labels.
    """
    centre = [(first + 0.5) * zoom - 0.5 for first in origin]
    scale = np.array(layer.scale, dtype=np.float64)
    scale[-2:] *= zoom
    return {
        "scale": scale,
        "translate": result_translate(layer, index, (centre[0], centre[1])),
        "rotate": layer.rotate,
        "shear": layer.shear,
        "affine": layer.affine,
        "units": layer.units,
        "axis_labels": layer.axis_labels,
    }


def with_leading_axis(placement: dict[str, Any], label: str) -> dict[str, Any]:
    """Place a layer that has one more axis, before all others, which is counted from 0.

    Parameters
    ----------
    placement : dict
        See `result_placement`.
    label : str
        Name of the new axis.

    Returns
    -------
    dict
        The same arguments, for the layer with the new axis.
    """
    axes = len(placement["scale"])
    shear = np.asarray(placement["shear"])
    # napari tells shears by the pairs of axes above the diagonal, row by row.
    sheared = np.concatenate([np.zeros(axes), shear]) if shear.ndim == 1 else block_diag(1, shear)
    return {
        "scale": np.array([1, *placement["scale"]]),
        "translate": np.array([0, *placement["translate"]]),
        "rotate": block_diag(1, placement["rotate"]),
        "shear": sheared,
        "affine": block_diag(1, np.asarray(placement["affine"].affine_matrix)),
        "units": ("pixel", *placement["units"]),
        "axis_labels": (label, *placement["axis_labels"]),
    }

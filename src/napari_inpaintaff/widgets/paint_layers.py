"""The layer to paint a foreground in: strokes on cells, and on background."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np
from napari.layers import Image, Labels, Layer
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.widgets.own_layers import is_own_layer, own
from napari_inpaintaff.widgets.planes import pixels_of, result_placement

#: What strokes are painted with; larger numbers are cells, too.
BACKGROUND_LABEL, CELL_LABEL = 1, 2
CELL_COLOUR, BACKGROUND_COLOUR = "#ff9f1c", "#3d9bff"
#: Part of a cell's diameter that the brush is wide.
_BRUSH = 0.25

#: Layers to paint in, and the images that they were made for.
_sources: WeakKeyDictionary[Layer, ref[Layer]] = WeakKeyDictionary()


def is_paint_layer(layer: Layer) -> bool:
    """Whether a layer was made to be painted in: 1 is background there."""
    return layer in _sources


def paint_layer_of(source: Layer, viewer: Any) -> Labels | None:
    """Find the layer that was made to paint over an image; None if the user removed it."""
    return next((layer for layer in viewer.layers if belongs_to(layer, source)), None)


def source_of_paint(layer: Layer) -> Layer | None:
    """Return the image that a layer was made to paint over; None if there is none."""
    source = _sources.get(layer)
    return None if source is None else source()


def belongs_to(layer: Layer, source: Layer) -> bool:
    """Whether a layer was made to paint over this very image."""
    return layer in _sources and _sources[layer]() is source


def may_teach(layer: Layer) -> bool:
    """Whether a foreground can be learned from a layer."""
    return isinstance(layer, Labels) and (is_paint_layer(layer) or not is_own_layer(layer))


def brush_size(diameter: float) -> int:
    """Return a brush for strokes through cells, in pixels."""
    return max(1, round(_BRUSH * diameter))


def make_paint_layer(viewer: Any, source: Image, diameter: float) -> Labels:
    """Make a layer over an image to be painted in, and select it.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to put it.
    source : Image
        The image. The layer has all its planes.
    diameter : float
        Typical diameter of a cell, in pixels: the brush fits.

    Returns
    -------
    Labels

    Raises
    ------
    ParameterError
        If there is not enough memory.
    """
    shape = tuple(int(length) for length in pixels_of(source).shape)
    layer = add_paint_layer(
        viewer,
        source,
        empty_array(shape, np.uint8, source.name),
        name=f"{source.name} foreground labels",
        **result_placement(source, (0,) * (len(shape) - 2)),
    )
    layer.brush_size = brush_size(diameter)
    return layer


def add_paint_layer(viewer: Any, source: Image, data: NDArray[Any], **arguments: Any) -> Labels:
    """Show strokes over an image, to be gone on with.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to put them.
    source : Image
        The image that they were painted over.
    data : ndarray of integers
        With the shape of the image.
    **arguments
        Name, placement and so on, for napari's Labels layer.

    Returns
    -------
    Labels
    """
    layer = Labels(
        data,
        colormap=DirectLabelColormap(
            color_dict={
                0: "transparent",
                BACKGROUND_LABEL: BACKGROUND_COLOUR,
                CELL_LABEL: CELL_COLOUR,
                None: CELL_COLOUR,
            }
        ),
        **{"opacity": 0.7, **arguments},
    )
    layer.n_edit_dimensions = 2
    # It is no mask: its 1 is background.
    own(layer)
    _sources[layer] = ref(source)
    viewer.add_layer(layer)
    return layer


def empty_array(shape: tuple[int, ...], dtype: Any, name: str) -> NDArray[Any]:
    """Return zeros, which take memory only where something is written into them.

    Raises
    ------
    ParameterError
        If the system does not promise that much memory.
    """
    try:
        return np.zeros(shape, dtype)
    except MemoryError:
        raise ParameterError(
            f"There is not enough memory for labels of all planes of {name}: open fewer planes."
        ) from None

"""Show a split in a small layer over the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Layer
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.widgets.own_layers import add_own_layer
from napari_inpaintaff.widgets.planes import result_array, result_placement

if TYPE_CHECKING:
    from napari_inpaintaff.separation import SplitUpdate

PREVIEW_NAME = "Evolving split"

#: The colours of the paper's figures: M purple, its complement orange, the patch green.
PURPLE, ORANGE, OUTLINE, FRAME = 1, 2, 3, 4
COLOURS = {
    None: "transparent",
    0: "transparent",
    PURPLE: "#8e44ad",
    ORANGE: "#ff8c1a",
    OUTLINE: "#ffffff",
    FRAME: "#39d353",
}


def split_picture(state: NDArray[np.int8], band: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Draw a split as label values.

    Parameters
    ----------
    state : ndarray of int8, shape (Y, X)
        0 outside the region that is split, 1 on the side M, 2 on its complement.
    band : ndarray of bool, shape (Y, X)
        The band N around the cut, in which pixels are predicted.

    Returns
    -------
    ndarray of uint8, shape (Y, X)
        The state, with the frame of the patch as 4 and the outline of the band as 3.
    """
    picture = state.astype(np.uint8)
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        picture[edge] = FRAME
    picture[band & ~ndimage.binary_erosion(band)] = OUTLINE
    return picture


class SplitPreview:
    """The preview of one run. It makes its layer with the first split.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to show it.
    source : Layer
        The image that is separated.
    index : tuple of int
        Position of the plane along the source's leading axes.
    """

    def __init__(self, viewer: Any, source: Layer, index: tuple[int, ...]) -> None:
        self._viewer = viewer
        self._source = source
        self._index = index
        self._layer: Labels | None = None

    @property
    def layer(self) -> Labels | None:
        """Where it is shown; None before the first split."""
        return self._layer

    def remove(self) -> None:
        """Take the layer away; the next split makes another."""
        if self._layer is not None and self._layer in self._viewer.layers:
            self._viewer.layers.remove(self._layer)
        self._layer = None

    def show(self, update: SplitUpdate, picture: NDArray[np.uint8]) -> None:
        """Show the picture of a split.

        Nothing is shown any more once the user has removed the layer.
        """
        data = result_array(picture, self._index)
        placement = result_placement(self._source, self._index, update.origin, update.zoom)
        if self._layer is None:
            self._layer = self._add(data, placement)
        elif self._layer in self._viewer.layers:
            self._layer.data = data
            if not np.array_equal(self._layer.translate, placement["translate"]):
                self._layer.translate = placement["translate"]

    def _add(self, picture: NDArray[Any], placement: dict[str, Any]) -> Labels:
        layer = Labels(
            picture,
            name=PREVIEW_NAME,
            colormap=DirectLabelColormap(color_dict=COLOURS),
            opacity=0.45,
            **placement,
        )
        layer.editable = False
        add_own_layer(self._viewer, layer, select=False)
        return layer

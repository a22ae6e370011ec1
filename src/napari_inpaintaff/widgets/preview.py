"""Show how the splits evolve, in a small layer that follows one patch at a time."""

from __future__ import annotations

import time
from collections.abc import Sequence
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

#: One patch is followed at least this long before the preview moves on.
FOLLOW_SECONDS = 1.0

#: The colours of the paper's figures: M purple, its complement orange, the patch green.
PURPLE, ORANGE, OUTLINE, FRAME = 1, 2, 3, 4
_COLOURS = {
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
        self._followed: tuple[int, int] | None = None
        self._followed_since = 0.0
        #: The newest of every patch that is not shown yet, the newest of all last.
        self._newest: dict[tuple[int, int], SplitUpdate] = {}

    @property
    def layer(self) -> Labels | None:
        """Where it is shown; None before the first split."""
        return self._layer

    def note(self, updates: Sequence[SplitUpdate]) -> None:
        """Take in what `show` may choose from."""
        for update in updates:
            self._newest.pop(update.origin, None)
            self._newest[update.origin] = update

    def remove(self) -> None:
        """Take the layer away."""
        if self._layer is not None and self._layer in self._viewer.layers:
            self._viewer.layers.remove(self._layer)

    def show(self) -> None:
        """Show one of the noted splits: the followed patch's, if it is among them.

        Nothing is shown any more once the user has removed the layer.
        """
        update = self._choose(list(self._newest.values()))
        self._newest.clear()
        if update is None:
            return
        picture = result_array(split_picture(update.state, update.band), self._index)
        placement = result_placement(self._source, self._index, update.origin, update.zoom)
        if self._layer is None:
            self._layer = self._add(picture, placement)
        elif self._layer in self._viewer.layers:
            self._layer.data = picture
            if not np.array_equal(self._layer.translate, placement["translate"]):
                self._layer.translate = placement["translate"]

    def _choose(self, updates: Sequence[SplitUpdate]) -> SplitUpdate | None:
        if not updates:
            return None
        now = time.monotonic()
        if now - self._followed_since < FOLLOW_SECONDS:
            for update in reversed(updates):
                if update.origin == self._followed:
                    return update
        # The first split of a patch says more than those of its crumbs.
        chosen = min(reversed(updates), key=lambda update: update.depth)
        if chosen.origin != self._followed:
            self._followed, self._followed_since = chosen.origin, now
        return chosen

    def _add(self, picture: NDArray[Any], placement: dict[str, Any]) -> Labels:
        layer = Labels(
            picture,
            name=PREVIEW_NAME,
            colormap=DirectLabelColormap(color_dict=_COLOURS),
            opacity=0.45,
            **placement,
        )
        layer.editable = False
        add_own_layer(self._viewer, layer, select=False)
        return layer

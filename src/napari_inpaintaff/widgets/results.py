"""The layers that show a result, bound to the image layer that it belongs to."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray

from napari_inpaintaff.widgets.own_layers import add_own_layer
from napari_inpaintaff.widgets.planes import result_array, result_placement


class ResultLayers:
    """An affinity layer and a Labels layer over one plane of a source layer.

    The layers are kept as objects, not by name: the user may rename them. One
    that the user has removed is made anew when there is something to show.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to show them.
    source : Image
        The image layer.
    index : tuple of int
        Position of the plane along the source's leading axes.
    """

    def __init__(self, viewer: Any, source: Image, index: tuple[int, ...]) -> None:
        self._viewer = viewer
        self._source = source
        self.index = index
        self.affinities: Image | None = None
        self.labels: Labels | None = None

    def show_affinities(self, colours: NDArray[np.uint8], origin: tuple[int, int]) -> None:
        """Show coloured affinities, shape (Y, X, 4), that begin at pixel ``origin``."""
        data = result_array(colours, self.index)
        placement = result_placement(self._source, self.index, origin)
        if self.affinities is not None and self.affinities in self._viewer.layers:
            self.affinities.data = data
            self.affinities.translate = placement["translate"]
            return
        self.affinities = Image(data, rgb=True, name=f"{self._source.name} affinities", **placement)
        add_own_layer(self._viewer, self.affinities)

    def show_labels(self, labels: NDArray[np.integer[Any]]) -> None:
        """Show a label image of the whole plane, shape (Y, X)."""
        data = result_array(labels, self.index)
        if self.labels is not None and self.labels in self._viewer.layers:
            self.labels.data = data
            return
        placement = result_placement(self._source, self.index)
        self.labels = Labels(data, name=f"{self._source.name} cells", opacity=0.5, **placement)
        add_own_layer(self._viewer, self.labels)

"""The layers that show a result, bound to the image layer that it belongs to."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer
from numpy.typing import NDArray

from napari_inpaintaff.widgets.planes import result_array, result_placement

#: Marks our layers, so that a result is not offered as the foreground of its own run.
RESULT_KEY = "inpaintaff_result"


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
        self.affinities = self._viewer.add_image(
            data,
            rgb=True,
            name=f"{self._source.name} affinities",
            metadata={RESULT_KEY: "affinities"},
            **placement,
        )

    def show_labels(self, labels: NDArray[np.integer[Any]]) -> None:
        """Show a label image of the whole plane, shape (Y, X)."""
        data = result_array(labels, self.index)
        if self.labels is not None and self.labels in self._viewer.layers:
            self.labels.data = data
            return
        self.labels = self._viewer.add_labels(
            data,
            name=f"{self._source.name} cells",
            opacity=0.5,
            metadata={RESULT_KEY: "labels"},
            **result_placement(self._source, self.index, (0, 0)),
        )


def is_own_layer(layer: Layer) -> bool:
    """Whether a layer was made by this plugin as a result."""
    return RESULT_KEY in layer.metadata

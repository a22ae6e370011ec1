"""A layer to paint seeds or strokes in, bound to a plane of a Labels layer."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np
from app_model.types import KeyCode
from napari.layers import Labels
from numpy.typing import NDArray

from napari_inpaintaff.widgets.corrected_layer import PlaneIndex
from napari_inpaintaff.widgets.own_layers import add_own_layer
from napari_inpaintaff.widgets.planes import result_array, result_placement

BRUSH_SIZE = 5


class StrokePurpose(Enum):
    """What strokes are for; the value is the name of their layer."""

    SPLIT = "seeds"
    RELINK = "strokes"


class StrokeLayer:
    """Every stroke of the brush gets a number of its own; Enter applies them all.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to paint.
    labels : Labels
        The layer under correction.
    index : tuple of int
        Position of the plane along its leading axes.
    purpose : StrokePurpose
        What they are for.
    apply : callable
        Called when Enter is pressed.
    strokes : ndarray of integers, shape (Y, X), optional
        Those that are there already.
    """

    def __init__(
        self,
        viewer: Any,
        labels: Labels,
        index: PlaneIndex,
        purpose: StrokePurpose,
        apply: Callable[[], None],
        *,
        strokes: NDArray[np.integer[Any]] | None = None,
    ) -> None:
        self.purpose = purpose
        self.index = index
        self._viewer = viewer
        self._apply = apply
        if strokes is None:
            strokes = np.zeros(labels.data.shape[-2:], np.uint16)
        self.layer = Labels(
            result_array(strokes, index),
            name=f"{labels.name} {purpose.value}",
            opacity=0.9,
            **result_placement(labels, index),
        )
        add_own_layer(viewer, self.layer)
        self.layer.mode = "paint"
        self.layer.brush_size = BRUSH_SIZE
        self._take_next_number()
        self.layer.events.paint.connect(self._take_next_number)
        self.layer.events.mode.connect(self._bind_enter)
        self._bind_enter()

    @property
    def strokes(self) -> NDArray[np.integer[Any]]:
        """What was painted, shape (Y, X)."""
        return np.asarray(self.layer.data).reshape(self.layer.data.shape[-2:])

    @property
    def is_there(self) -> bool:
        """Whether the user has not removed the layer."""
        return self.layer in self._viewer.layers

    def put_away(self) -> None:
        """Let the layer vanish from sight, with its brush, before it can be removed."""
        self.let_go()
        self.layer.mode = "pan_zoom"
        self.layer.visible = False

    def remove(self) -> None:
        """Take the layer away."""
        if self.is_there:
            self._viewer.layers.remove(self.layer)

    def let_go(self) -> None:
        """Leave the layer to the user."""
        self.layer.events.paint.disconnect(self._take_next_number)
        self.layer.events.mode.disconnect(self._bind_enter)
        self.layer.bind_key(KeyCode.Enter, None)

    def _take_next_number(self, event: object = None) -> None:
        if self.layer.mode == "erase":
            return
        highest = int(np.iinfo(self.layer.data.dtype).max)
        # The event may come before the pixels are there.
        used = max(int(self.layer.data.max()), self.layer.selected_label if event else 0)
        self.layer.selected_label = min(used + 1, highest)

    def _bind_enter(self, event: object = None) -> None:
        # With napari's polygon tool, Enter closes the polygon.
        drawing = self.layer.mode == "polygon"
        self.layer.bind_key(KeyCode.Enter, None)
        if not drawing:
            self.layer.bind_key(KeyCode.Enter, lambda layer: self._apply(), overwrite=True)

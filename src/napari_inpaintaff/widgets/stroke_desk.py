"""The one layer with seeds or strokes that there is at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtCore import QObject

from napari_inpaintaff.widgets.corrected_layer import PlaneIndex
from napari_inpaintaff.widgets.own_layers import give_away
from napari_inpaintaff.widgets.stroke_layer import StrokeLayer, StrokePurpose
from napari_inpaintaff.widgets.timers import single_shot

#: A layer with an active brush must be drawn once without it before it is removed: with some
#: OpenGL drivers napari 0.9 crashes otherwise.
REMOVAL_DELAY_MS = 60


class StrokeDesk(QObject):
    """Begins, shows and ends painting of seeds and strokes.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to paint.
    apply : callable
        Called when Enter is pressed.
    """

    def __init__(self, viewer: Any, apply: Callable[[], None]) -> None:
        super().__init__()
        self._viewer = viewer
        self._apply = apply
        self._current: StrokeLayer | None = None
        self._old: list[StrokeLayer] = []
        self._removal = single_shot(self, REMOVAL_DELAY_MS, self._remove_old)

    @property
    def current(self) -> StrokeLayer | None:
        """What is being painted; None when nothing is, or the user removed it."""
        if self._current is not None and not self._current.is_there:
            self._current.let_go()
            self._current = None
        return self._current

    def begin(
        self,
        labels: Labels,
        index: PlaneIndex,
        purpose: StrokePurpose,
        *,
        strokes: NDArray[np.integer[Any]] | None = None,
    ) -> None:
        """Let the user paint; what is painted for the same purpose already is gone on with.

        Parameters
        ----------
        labels : Labels
            The layer under correction.
        index : tuple of int
            Position of the plane along its leading axes.
        purpose : StrokePurpose
            What for.
        strokes : ndarray of integers, shape (Y, X), optional
            Those to begin with; others are discarded.
        """
        current = self.current
        same = current is not None and (current.purpose, current.index) == (purpose, index)
        if current is not None and same and strokes is None:
            self._viewer.layers.selection.active = current.layer
            return
        self.discard(labels)
        self._current = StrokeLayer(
            self._viewer, labels, index, purpose, self._apply, strokes=strokes
        )

    def discard(self, labels: Labels | None) -> None:
        """Take what was painted away and select the labels again."""
        if self.current is not None:
            self.current.put_away()
            self._old.append(self.current)
            self._current = None
            if labels is not None:
                self._viewer.layers.selection.active = labels
            self._removal.start()

    def let_go(self) -> None:
        """Leave what was painted to the user."""
        if self.current is not None:
            self.current.let_go()
            give_away(self.current.layer)
            self._current = None

    def dispose(self) -> None:
        """Leave everything as it is."""
        self._old.clear()
        self.let_go()

    def _remove_old(self) -> None:
        for strokes in self._old:
            strokes.remove()
        self._old.clear()

"""Following the pixels of a Labels layer."""

from __future__ import annotations

from napari.layers import Layer
from qtpy.QtCore import QObject, Signal

#: What a Labels layer says when its pixels change; undo says only ``set_data``.
PIXEL_EVENTS = ("data", "paint", "labels_update", "set_data")


class FollowedPixels(QObject):
    """Says when the pixels of one layer change, painted ones too."""

    #: Perhaps several times for one stroke.
    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._layer: Layer | None = None

    def follow(self, layer: Layer | None) -> None:
        """Follow another layer, or none."""
        if self._layer is not None:
            for name in PIXEL_EVENTS:
                getattr(self._layer.events, name).disconnect(self._on_event)
        self._layer = layer
        if layer is not None:
            for name in PIXEL_EVENTS:
                getattr(layer.events, name).connect(self._on_event)

    def _on_event(self, event: object) -> None:
        self.changed.emit()

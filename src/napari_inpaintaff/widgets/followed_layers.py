"""The layers of a viewer that a field offers, kept up to date."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.layers import Layer


class FollowedLayers:
    """Follows the layer list of a viewer, and the names of some of its layers.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers to follow.
    accepts : callable
        Which of them.
    on_change : callable
        Called when a layer came, went, moved or was renamed.
    """

    def __init__(
        self, viewer: Any, accepts: Callable[[Layer], bool], on_change: Callable[[], None]
    ) -> None:
        self._viewer = viewer
        self._accepts = accepts
        self._on_change = on_change
        self._layers: list[Layer] = []
        self._list_again()
        for emitter in self._emitters():
            emitter.connect(self._on_event)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, the topmost first."""
        return tuple(self._layers)

    def dispose(self) -> None:
        """Stop following the viewer."""
        for emitter in self._emitters():
            emitter.disconnect(self._on_event)
        self._forget()

    def _emitters(self) -> tuple[Any, ...]:
        events = self._viewer.layers.events
        return events.inserted, events.removed, events.reordered

    def _list_again(self) -> None:
        self._forget()
        self._layers = [layer for layer in reversed(self._viewer.layers) if self._accepts(layer)]
        for layer in self._layers:
            layer.events.name.connect(self._on_event)

    def _forget(self) -> None:
        for layer in self._layers:
            layer.events.name.disconnect(self._on_event)
        self._layers = []

    def _on_event(self, event: object = None) -> None:
        self._list_again()
        self._on_change()

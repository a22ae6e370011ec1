"""The layers that this plugin made and keeps up to date itself.

They are told apart by object: a duplicate of one is the user's own layer, to be
painted in and used as a mask.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

from napari.layers import Layer

_own_layers: WeakSet[Layer] = WeakSet()


def add_own_layer(viewer: Any, layer: Layer) -> None:
    """Put a layer of ours into a viewer; it is known as ours before anybody sees it."""
    _own_layers.add(layer)
    viewer.add_layer(layer)


def is_own_layer(layer: Layer) -> bool:
    """Whether this very layer is one of ours."""
    return layer in _own_layers

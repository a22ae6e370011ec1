"""The layers that this plugin made and keeps up to date itself.

They are told apart by object: a duplicate of one is the user's own layer, to be
painted in and used as a mask.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

from napari.layers import Layer

_own_layers: WeakSet[Layer] = WeakSet()


def add_own_layer(
    viewer: Any, layer: Layer, *, below: Layer | None = None, select: bool = True
) -> None:
    """Put a layer of ours into a viewer; it is known as ours before anybody sees it.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to put it.
    layer : Layer
        What to put there.
    below : Layer, optional
        It is put right below this layer; by default, and if that layer is gone, on top.
    select : bool, default True
        Whether it becomes the selected layer; otherwise the user's selection stays.
    """
    own(layer)
    selected = set(viewer.layers.selection)
    place = viewer.layers.index(below) if below in viewer.layers else len(viewer.layers)
    viewer.layers.insert(place, layer)
    if not select:
        viewer.layers.selection = selected


def own(layer: Layer) -> None:
    """Count a layer as ours."""
    _own_layers.add(layer)


def give_away(layer: Layer) -> None:
    """Count a layer as the user's from now on."""
    _own_layers.discard(layer)


def is_own_layer(layer: Layer) -> bool:
    """Whether this very layer is one of ours."""
    return layer in _own_layers

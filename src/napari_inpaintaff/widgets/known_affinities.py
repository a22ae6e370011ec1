"""The affinities that labels were made of, as long as "Separate cells" knows them."""

from __future__ import annotations

import weakref
from dataclasses import dataclass

from napari.layers import Layer

from napari_inpaintaff.widgets.engine import Separation


@dataclass(frozen=True)
class KnownAffinities:
    """What the labels of a layer were made of.

    Attributes
    ----------
    separation : Separation
        With the affinities of the plane.
    alpha : float
        Weight of the repulsive edges that made the labels.
    """

    separation: Separation
    alpha: float


# Weak, because affinities are large: they go when "Separate cells" lets go of them.
_Kept = tuple["weakref.ref[Separation]", float]
_kept: weakref.WeakKeyDictionary[Layer, _Kept] = weakref.WeakKeyDictionary()


def remember_affinities(layer: Layer, separation: Separation, alpha: float) -> None:
    """Note what the labels of a layer were made of."""
    _kept[layer] = (weakref.ref(separation), alpha)


def known_affinities(layer: Layer | None) -> KnownAffinities | None:
    """Return what the labels of a layer were made of, None when that is not known any more."""
    separation, alpha = _kept.get(layer, (None, 0.0)) if layer is not None else (None, 0.0)
    known = separation() if separation is not None else None
    return None if known is None else KnownAffinities(known, alpha)

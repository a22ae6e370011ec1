"""What the labels of a layer were built from, found again by the layer object."""

from __future__ import annotations

from weakref import WeakKeyDictionary, ref

from napari.layers import Layer

from napari_inpaintaff.session import Evidence

__all__ = ["Evidence", "announce_result", "evidence_of", "is_result", "remember_evidence"]

_results: WeakKeyDictionary[Layer, Evidence | None] = WeakKeyDictionary()
#: The images that the labels were made for.
_sources: WeakKeyDictionary[Layer, ref[Layer]] = WeakKeyDictionary()


def announce_result(layer: Layer, source: Layer | None) -> None:
    """Count a Labels layer as one with results of an image, before there is evidence."""
    _results.setdefault(layer, None)
    if source is not None:
        _sources[layer] = ref(source)


def source_of_result(layer: Layer) -> Layer | None:
    """Return the image that labels were made for; None when it is not known or gone."""
    source = _sources.get(layer)
    return None if source is None else source()


def remember_evidence(layer: Layer, evidence: Evidence | None) -> None:
    """Keep what the labels of a layer are built from, as long as the layer lives."""
    _results[layer] = evidence


def is_result(layer: Layer) -> bool:
    """Whether a layer shows results of ours."""
    return layer in _results


def evidence_of(layer: Layer) -> Evidence | None:
    """Return what the labels of a layer were built from; None when nobody knows."""
    return _results.get(layer)

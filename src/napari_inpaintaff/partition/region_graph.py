"""Segments with their outlines, and what stands between neighbours: merged one by one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.partition.segment_shape import segments_of
from napari_inpaintaff.separation.affinities import pair_slices

Pair = tuple[int, int]


@dataclass(frozen=True)
class Border:
    """What lies between two neighbouring segments.

    Attributes
    ----------
    length : int
        Pixels that share a side with one of the other segment, counted by their sides.
    pairs : int
        Pairs of distant pixels, one in each segment, with a known affinity.
    apart : float
        Sum of 1 - affinity over them.
    """

    length: int = 0
    pairs: int = 0
    apart: float = 0.0

    def __add__(self, other: Border) -> Border:
        return Border(
            self.length + other.length, self.pairs + other.pairs, self.apart + other.apart
        )


class RegionGraph:
    """The segments of a label image and their borders.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        1 to n, and 0 for background.
    affinities : Affinities
        Of the same pixels; those of distant pairs are looked at.

    Attributes
    ----------
    segments : dict of int to Segment
        By label.
    borders : dict of (int, int) to Border
        By the labels of the two, the lower one first.
    known_pairs : int
        All distant pairs with a known affinity, inside the segments and between them.
    mean_apart : float
        Mean of 1 - affinity over them.
    """

    def __init__(self, labels: NDArray[np.integer], affinities: Affinities) -> None:
        self.segments = segments_of(labels)
        self.borders, self.mean_apart, self.known_pairs = _borders(labels, affinities)
        self._neighbours: dict[int, set[int]] = {label: set() for label in self.segments}
        for one, other in self.borders:
            self._neighbours[one].add(other)
            self._neighbours[other].add(one)

    def borders_of(self, label: int) -> list[Pair]:
        """Return the keys of the borders of a segment."""
        return [_pair(label, other) for other in self._neighbours[label]]

    def merge(self, pair: Pair) -> list[Pair]:
        """Make one segment of two; the lower label stays.

        Returns
        -------
        list of (int, int)
            The borders of the new segment.
        """
        kept, gone = pair
        del self.borders[pair]
        self.segments[kept] += self.segments.pop(gone)
        self._neighbours[kept].discard(gone)
        for third in self._neighbours.pop(gone) - {kept}:
            border = self.borders.pop(_pair(gone, third))
            self.borders[_pair(kept, third)] = (
                self.borders.get(_pair(kept, third), Border()) + border
            )
            self._neighbours[third].discard(gone)
            self._neighbours[third].add(kept)
            self._neighbours[kept].add(third)
        return sorted(_pair(kept, third) for third in self._neighbours[kept])


def _pair(one: int, other: int) -> Pair:
    return (one, other) if one < other else (other, one)


def _borders(
    labels: NDArray[np.integer], affinities: Affinities
) -> tuple[dict[Pair, Border], float, int]:
    shape = (labels.shape[0], labels.shape[1])
    local = [k for k, (y, x) in enumerate(affinities.offsets) if abs(y) + abs(x) == 1]
    count = int(labels.max(initial=0)) + 1
    touching, distant, apart = [], [], []
    total, known = 0.0, 0
    for channel, offset in enumerate(affinities.offsets):
        here, there = pair_slices(shape, offset)
        one, other = labels[here], labels[there]
        inside = (one > 0) & (other > 0)
        if channel in local:
            different = inside & (one != other)
            touching.append(_keys(one[different], other[different], count))
            continue
        seen = inside & (affinities.weight[channel][here] > 0)
        values = 1 - affinities.values[channel][here][seen].astype(np.float64)
        total, known = total + values.sum(), known + values.size
        one, other = one[seen], other[seen]
        different = one != other
        distant.append(_keys(one[different], other[different], count))
        apart.append(values[different])
    sides = _counted(touching)
    pairs = _counted(distant)
    sums = _counted(distant, apart)
    borders = {
        (int(key // count), int(key % count)): Border(
            int(length), int(pairs.get(key, 0)), float(sums.get(key, 0.0))
        )
        for key, length in sides.items()
    }
    return borders, (total / known if known else 0.0), known


def _keys(one: NDArray[np.integer], other: NDArray[np.integer], count: int) -> NDArray[np.int64]:
    lower = np.minimum(one, other).astype(np.int64)
    return np.asarray(lower * count + np.maximum(one, other), np.int64)


def _counted(
    keys: Iterable[NDArray[np.int64]], values: Iterable[NDArray[np.float64]] | None = None
) -> dict[int, float]:
    """Return how often every key occurs, or the sum of its values."""
    found, places = np.unique(np.concatenate([*keys, np.zeros(0, np.int64)]), return_inverse=True)
    weights = None if values is None else np.concatenate([*values, np.zeros(0)])
    sums = np.bincount(places, weights, minlength=found.size)
    return dict(zip(found.tolist(), sums.tolist(), strict=True))

"""Small segments join a neighbour."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.partition.links import Links, local_links, relabel_by_position

#: Sum of the affinities along a border, and its length in pixel pairs.
Border = tuple[float, int]


def absorb_fragments(
    labels: NDArray[np.uint32], affinities: Affinities, *, minimum_size: int
) -> NDArray[np.uint32]:
    """Give segments of fewer than `minimum_size` pixels to a neighbouring segment.

    Neighbours share a side of a pixel. The one with the strongest link takes the
    fragment: the highest sum of local affinities along the common border, then the
    longest border, then the lowest label. The smallest fragment goes first (among
    equals the lowest label), until every small segment that is left stands alone.
    Such isolated ones are kept: specks are the business of the foreground.

    Parameters
    ----------
    labels : ndarray of uint32, shape (Y, X)
        0 is background. Best numbered without large gaps.
    affinities : Affinities
        Shape (K, Y, X); only the two local channels are looked at.
    minimum_size : int
        In pixels; 0 or 1 changes nothing.

    Returns
    -------
    ndarray of uint32, shape (Y, X)
        1 to n in the order of the first pixel.
    """
    sizes = np.bincount(labels.ravel())
    small = (sizes > 0) & (sizes < minimum_size)
    small[0] = False
    if not small.any():
        return relabel_by_position(labels)
    borders = _borders_of(labels, small, local_links(affinities))
    owner = _absorb(sizes.tolist(), minimum_size, borders)
    numbers = np.arange(sizes.size, dtype=np.uint32)
    # Backwards: who took a fragment may have been taken later, never earlier.
    for fragment, target in reversed(owner.items()):
        numbers[fragment] = numbers[target]
    return relabel_by_position(numbers[labels])


def _borders_of(
    labels: NDArray[np.uint32], small: NDArray[np.bool_], links: Links
) -> dict[int, dict[int, Border]]:
    """Borders with at least one small segment, as segment -> neighbour -> border."""
    count = small.size
    keys, strengths = [], []
    sides = ((labels[:-1], labels[1:], links[0]), (labels[:, :-1], labels[:, 1:], links[1]))
    for one, other, link in sides:
        place = np.flatnonzero((one != other).ravel())
        first = one.ravel()[place].astype(np.int64)
        second = other.ravel()[place].astype(np.int64)
        wanted = (first > 0) & (second > 0) & (small[first] | small[second])
        first, second = first[wanted], second[wanted]
        keys.append(np.minimum(first, second) * count + np.maximum(first, second))
        strengths.append(link.ravel()[place[wanted]])
    pairs, inverse, lengths = np.unique(
        np.concatenate(keys), return_inverse=True, return_counts=True
    )
    sums = np.bincount(inverse.ravel(), np.concatenate(strengths), pairs.size)
    borders: dict[int, dict[int, Border]] = {}
    for pair, total, length in zip(pairs.tolist(), sums.tolist(), lengths.tolist(), strict=True):
        low, high = divmod(pair, count)
        borders.setdefault(low, {})[high] = (total, length)
        borders.setdefault(high, {})[low] = (total, length)
    return borders


def _absorb(
    sizes: list[int], minimum_size: int, borders: dict[int, dict[int, Border]]
) -> dict[int, int]:
    """Decide which segment takes each fragment; `sizes` and `borders` are used up."""
    queue = [(size, label) for label, size in enumerate(sizes) if label and 0 < size < minimum_size]
    heapq.heapify(queue)
    owner: dict[int, int] = {}
    while queue:
        size, fragment = heapq.heappop(queue)
        neighbours = borders.get(fragment)
        outdated = fragment in owner or size != sizes[fragment]
        if outdated or not neighbours:
            continue
        target = max(neighbours, key=lambda other: (*neighbours[other], -other))
        owner[fragment] = target
        sizes[target] += size
        _hand_over(borders, fragment, target)
        if sizes[target] < minimum_size:
            heapq.heappush(queue, (sizes[target], target))
    return owner


def _hand_over(borders: dict[int, dict[int, Border]], fragment: int, target: int) -> None:
    """Make the borders of a fragment those of the segment that took it."""
    for other, (total, length) in borders.pop(fragment).items():
        del borders[other][fragment]
        if other == target:
            continue
        before = borders[target].get(other, (0.0, 0))
        together = (before[0] + total, before[1] + length)
        borders[target][other] = together
        borders[other][target] = together

"""A mutex watershed that is obviously right and far too slow for real images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities, Offset


def solve(
    strengths: NDArray[np.float32],
    offsets: tuple[Offset, ...] | list[list[int]],
    attractive: int,
    mask: NDArray[np.bool_],
    *,
    zero_edges_act: bool = False,
) -> NDArray[np.int64]:
    """Wolf et al. 2018, algorithm 1; equal strengths in the order of the array."""
    _, height, width = strengths.shape
    segment_of = {(y, x): y * width + x for y, x in np.argwhere(mask).tolist()}
    members = {segment: {pixel} for pixel, segment in segment_of.items()}
    forbidden: dict[int, set[int]] = {segment: set() for segment in members}
    for flat in np.argsort(-strengths, axis=None, kind="stable").tolist():
        channel, y, x = (int(i) for i in np.unravel_index(flat, strengths.shape))
        if strengths[channel, y, x] <= 0 and not zero_edges_act:
            continue
        partner = (y + offsets[channel][0], x + offsets[channel][1])
        if (y, x) not in segment_of or partner not in segment_of:
            continue
        one, other = segment_of[y, x], segment_of[partner]
        if one == other:
            continue
        if channel >= attractive:
            forbidden[one].add(other)
            forbidden[other].add(one)
        elif other not in forbidden[one]:
            for pixel in members[other]:
                segment_of[pixel] = one
            members[one] |= members.pop(other)
            for enemy in forbidden.pop(other):
                forbidden[enemy].remove(other)
                forbidden[enemy].add(one)
                forbidden[one].add(enemy)
    labels = np.zeros((height, width), np.int64)
    for (y, x), segment in segment_of.items():
        labels[y, x] = segment + 1
    return labels


def mutex_watershed(
    affinities: Affinities, mask: NDArray[np.bool_], alpha: float
) -> NDArray[np.int64]:
    strengths = affinities.values.copy()
    strengths[2:] = np.float32(alpha) * (1 - strengths[2:])
    strengths[affinities.weight == 0] = 0
    return solve(strengths, affinities.offsets, 2, mask)


def same_partition(one: NDArray[np.integer], other: NDArray[np.integer]) -> bool:
    """Whether two label images differ in the numbers of their segments only."""
    if not np.array_equal(one == 0, other == 0):
        return False
    pairs = np.unique(np.stack([one.ravel(), other.ravel()]).astype(np.int64), axis=1).shape[1]
    return bool(pairs == np.unique(one).size == np.unique(other).size)

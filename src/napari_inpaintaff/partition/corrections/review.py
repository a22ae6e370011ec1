"""In which order to look at segments: the least certain first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.partition.corrections.edits import LabelImage
from napari_inpaintaff.partition.links import ATTRACTIVE_CHANNELS
from napari_inpaintaff.separation.affinities import pair_slices

#: Fewer touching pairs of pixels than this are no border that could be wrong.
_SHORTEST_BORDER = 3


def segment_uncertainty(labels: LabelImage, affinities: Affinities) -> dict[int, float]:
    """Say how much of the affinities speaks against every segment.

    For a segment i it is ``max(border, inside)``, both in [0, 1]:

    - ``border`` is the highest, over all neighbours j that i touches along three pixel pairs
      or more, of the mean affinity of all known pairs with one pixel in i and one in j. Near
      1 the two look like one.
    - ``inside`` is the mean of ``1 - affinity`` over all known long-range pairs within i: the
      evidence for cuts that the segment overrules. Two cells in one segment have much.

    Parameters
    ----------
    labels : ndarray of integers >= 0, shape (Y, X)
        0 is background.
    affinities : Affinities
        Of the same image.

    Returns
    -------
    dict of int to float
        Of every segment; 0 where no affinity is known.

    Raises
    ------
    ImageError
        When the shapes differ.
    """
    if affinities.shape != labels.shape:
        raise ImageError(
            f"the affinities belong to an image of {affinities.shape} pixels, "
            f"the labels have {labels.shape}"
        )
    numbers, places = np.unique(labels, return_inverse=True)
    compact = places.reshape(labels.shape)
    background = int(numbers[0]) == 0
    if not background:
        compact, numbers = compact + 1, np.concatenate([[0], numbers])
    count = numbers.size
    inside_sum, inside_pairs = np.zeros(count), np.zeros(count)
    keys, between, touching = [], [], []
    for channel, offset in enumerate(affinities.offsets):
        here, there = pair_slices(affinities.shape, offset)
        one, other = compact[here], compact[there]
        known = (affinities.weight[channel][here] > 0) & (one > 0) & (other > 0)
        values = affinities.values[channel][here]
        same = known & (one == other)
        if channel >= ATTRACTIVE_CHANNELS:
            inside_sum += np.bincount(one[same], 1 - values[same], count)
            inside_pairs += np.bincount(one[same], minlength=count)
        apart = known & ~same
        low, high = np.minimum(one[apart], other[apart]), np.maximum(one[apart], other[apart])
        keys.append(low.astype(np.int64) * count + high)
        between.append(values[apart])
        touching.append(np.full(low.size, channel < ATTRACTIVE_CHANNELS))
    uncertainty = inside_sum / np.maximum(inside_pairs, 1)
    _raise_to_borders(
        uncertainty, np.concatenate(keys), np.concatenate(between), np.concatenate(touching)
    )
    return dict(zip(numbers[1:].tolist(), uncertainty[1:].tolist(), strict=True))


def size_outliers(labels: LabelImage) -> dict[int, float]:
    """Say how far the size of every segment is from the usual one, where nothing else is known.

    Parameters
    ----------
    labels : ndarray of integers >= 0, shape (Y, X)

    Returns
    -------
    dict of int to float
        ``abs(log2(area / median area))``: 0 for the usual size, 1 for half or twice of it.
    """
    numbers, areas = np.unique(labels[labels > 0], return_counts=True)
    distances = np.abs(np.log2(areas / np.median(areas))) if areas.size else areas
    return dict(zip(numbers.tolist(), distances.tolist(), strict=True))


def review_order(uncertainty: dict[int, float]) -> list[int]:
    """List segments, the least certain first; among equals the lowest number."""
    return sorted(uncertainty, key=lambda segment: (-uncertainty[segment], segment))


def _raise_to_borders(
    uncertainty: NDArray[np.float64],
    keys: NDArray[np.int64],
    values: NDArray[np.float32],
    touching: NDArray[np.bool_],
) -> None:
    borders, places = np.unique(keys, return_inverse=True)
    means = np.bincount(places, values, borders.size) / np.maximum(
        np.bincount(places, minlength=borders.size), 1
    )
    long_enough = np.bincount(places, touching, borders.size) >= _SHORTEST_BORDER
    for segments in np.divmod(borders[long_enough], uncertainty.size):
        np.maximum.at(uncertainty, segments, means[long_enough])

"""Split segments by seeds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import watershed

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.partition.corrections.edits import (
    Edit,
    LabelImage,
    Window,
    box_of,
    edit_window,
)
from napari_inpaintaff.partition.corrections.numbering import renumber
from napari_inpaintaff.partition.corrections.state import (
    CorrectionError,
    LabelState,
    check_shape,
)
from napari_inpaintaff.separation.affinities import pair_slices


def split(state: LabelState, seeds: LabelImage, *, affinities: Affinities | None = None) -> Edit:
    """Split every segment with two or more seeds into as many parts.

    A seed belongs to the segment that holds most of its pixels; those elsewhere are ignored.
    The parts meet where the affinities of the pixels are lowest (a seeded watershed). Where
    there are none, they meet at the waist of the segment (a seeded watershed of its distance
    transform).

    Parameters
    ----------
    state : LabelState
    seeds : ndarray of integers >= 0, shape (Y, X)
        Every number above 0 is a seed.
    affinities : Affinities, optional
        Of the image.

    Returns
    -------
    Edit
        The largest part keeps the number of the segment.

    Raises
    ------
    CorrectionError
        When there are no seeds, one is on the background only, a segment has only one, or is
        locked.
    ImageError
        When the affinities belong to an image of another shape.
    """
    if affinities is not None:
        check_shape(state, affinities)
    by_segment = _seeds_by_segment(state, seeds)
    for segment, own_seeds in by_segment.items():
        if len(own_seeds) < 2:
            raise CorrectionError(
                f"Segment {segment} has only one seed. Paint one in each part, at least two."
            )
    state.refuse_locked(by_segment)
    window = state.common_box(by_segment)
    new = state.labels[window].copy()
    fresh = state.fresh_numbers(sum(len(own) for own in by_segment.values()))
    for segment, own_seeds in by_segment.items():
        box = state.box(segment)
        mask = state.labels[box] == segment
        markers = np.where(mask & np.isin(seeds[box], own_seeds), seeds[box], 0)
        parts = _grown(markers.astype(np.int32), mask, _height(mask, box, affinities))
        inner = _relative(box, window)
        new[inner][mask] = renumber(parts, np.where(mask, segment, 0), fresh)[mask]
    return edit_window(state.labels, window, new, f"Split {', '.join(map(str, by_segment))}")


def _seeds_by_segment(state: LabelState, seeds: LabelImage) -> dict[int, list[int]]:
    window = box_of(seeds > 0)
    if window is None:
        raise CorrectionError("Paint two or more seeds into the segment first.")
    painted, labels = seeds[window], state.labels[window]
    owners: dict[int, list[int]] = {}
    for seed in np.unique(painted[painted > 0]).tolist():
        under = labels[(painted == seed) & (labels > 0)]
        if under.size == 0:
            raise CorrectionError(f"Seed {seed} is on the background. Paint it into a segment.")
        numbers, counts = np.unique(under, return_counts=True)
        owners.setdefault(int(numbers[counts.argmax()]), []).append(seed)
    return owners


def _grown(
    markers: NDArray[np.int32], mask: NDArray[np.bool_], height: NDArray[np.floating]
) -> NDArray[np.int32]:
    parts: NDArray[np.int32] = watershed(height, markers, mask=mask)
    missed = mask & (parts == 0)
    if missed.any():
        # A segment of several pieces: those without a seed go with the nearest part.
        nearest = ndimage.distance_transform_edt(
            parts == 0, return_distances=False, return_indices=True
        )
        parts[missed] = parts[tuple(nearest)][missed]
    return parts


def _height(
    mask: NDArray[np.bool_], box: Window, affinities: Affinities | None
) -> NDArray[np.floating]:
    """Return what the parts of a segment climb until they meet."""
    if affinities is not None:
        cuts = _mean_cut(affinities, box, mask)
        if cuts is not None:
            return cuts
    # Padded, because the border of the box is the border of the segment.
    distance = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    return -np.asarray(distance)


def _mean_cut(
    affinities: Affinities, box: Window, mask: NDArray[np.bool_]
) -> NDArray[np.float32] | None:
    """Mean of 1 - affinity over all pairs of a pixel within a mask; None without any pair."""
    total = np.zeros(mask.shape, np.float32)
    count = np.zeros(mask.shape, np.float32)
    shape = (mask.shape[0], mask.shape[1])
    for channel, offset in enumerate(affinities.offsets):
        here, there = pair_slices(shape, offset)
        pairs = (affinities.weight[channel][box][here] > 0) & mask[here] & mask[there]
        cuts = np.where(pairs, 1 - affinities.values[channel][box][here], 0)
        for place in (here, there):
            total[place] += cuts
            count[place] += pairs
    if not count.any():
        return None
    np.divide(total, count, out=total, where=count > 0)
    return total


def _relative(inner: Window, outer: Window) -> Window:
    rows, columns = (
        slice(part.start - whole.start, part.stop - whole.start)
        for part, whole in zip(inner, outer, strict=True)
    )
    return rows, columns

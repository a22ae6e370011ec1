"""Partition a few segments anew, with what strokes say must and must not hang together."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.partition.corrections.edits import (
    Edit,
    LabelImage,
    box_of,
    edit_window,
)
from napari_inpaintaff.partition.corrections.numbering import renumber
from napari_inpaintaff.partition.corrections.state import (
    CorrectionError,
    LabelState,
    check_shape,
)
from napari_inpaintaff.partition.fragments import absorb_fragments
from napari_inpaintaff.partition.links import ATTRACTIVE_CHANNELS
from napari_inpaintaff.partition.methods import PartitionParameters
from napari_inpaintaff.partition.mutex import mutex_watershed
from napari_inpaintaff.separation.affinities import pair_slices

#: Strengths of constraints beside those of affinities, which alpha does not take beyond this.
_CANNOT_LINK = 1e3
_MUST_LINK = 1e4


def relink(
    state: LabelState,
    strokes: LabelImage,
    affinities: Affinities,
    *,
    alpha: float = PartitionParameters.alpha,
    minimum_size: int = PartitionParameters.minimum_size,
) -> Edit:
    """Run the mutex watershed again in all segments that strokes touch.

    The pixels of one stroke must end up in one segment (must-link), those of different
    strokes in different segments (cannot-link). A stroke across segments also takes back what
    the affinities say against these being one. Segments without a stroke do not change.

    Parameters
    ----------
    state : LabelState
    strokes : ndarray of integers >= 0, shape (Y, X)
        Every number above 0 is a stroke.
    affinities : Affinities
        Of the image.
    alpha : float > 0
        Weight of the repulsive edges.
    minimum_size : int
        Smaller segments without a stroke are given to a neighbour; in pixels.

    Returns
    -------
    Edit

    Raises
    ------
    CorrectionError
        When no stroke touches a segment, or a touched segment is locked.
    ImageError
        When the affinities belong to an image of another shape.
    """
    check_shape(state, affinities)
    painted = box_of(strokes > 0)
    under = np.zeros(0) if painted is None else state.labels[painted][strokes[painted] > 0]
    segments = [int(number) for number in np.unique(under) if number]
    if not segments:
        raise CorrectionError("Draw a stroke over the segments first.")
    state.refuse_locked(segments)
    window = state.common_box(segments)
    before = state.labels[window]
    mask = np.isin(before, segments)
    local = affinities.window(window)
    parts = partition_with_strokes(
        local,
        np.where(mask, strokes[window], 0),
        np.where(mask, before, 0),
        alpha=alpha,
        minimum_size=minimum_size,
    )
    fresh = state.fresh_numbers(int(parts.max()))
    renumbered = renumber(parts, np.where(mask, before, 0), fresh)
    new = np.where(mask, renumbered, before)
    return edit_window(state.labels, window, new, f"Relink {', '.join(map(str, segments))}")


def partition_with_strokes(
    affinities: Affinities,
    strokes: LabelImage,
    segments: LabelImage,
    *,
    alpha: float,
    minimum_size: int,
) -> NDArray[np.uint32]:
    """Partition segments anew by the mutex watershed with must-link and cannot-link.

    Parameters
    ----------
    affinities : Affinities
        Shape (K, Y, X).
    strokes : ndarray of integers >= 0, shape (Y, X)
        0 where there is no segment.
    segments : ndarray of integers >= 0, shape (Y, X)
        As they are before; 0 is background.
    alpha : float > 0
    minimum_size : int

    Returns
    -------
    ndarray of uint32, shape (Y, X)
        0 in the background. All pixels of a stroke have one label, pixels of different
        strokes never have.
    """
    joined = _without_cuts(affinities, strokes, segments)
    constrained = _with_constraints(joined, strokes, _pieces(strokes), alpha)
    labels = mutex_watershed(constrained, foreground=segments > 0, alpha=alpha)
    absorbed = absorb_fragments(labels, affinities, minimum_size=minimum_size)
    # A small segment with a stroke is what the user wants, not a fragment.
    small = np.bincount(labels.ravel())[labels] < minimum_size
    wanted = small & np.isin(labels, labels[strokes > 0]) & (labels > 0)
    absorbed = np.where(wanted, labels + absorbed.max(), absorbed).astype(np.uint32)
    for stroke in np.unique(strokes[strokes > 0]):
        numbers = np.unique(absorbed[strokes == stroke])
        # Pieces of a stroke may lie where no link goes from one to the other.
        absorbed[np.isin(absorbed, numbers[1:])] = numbers[0]
    return absorbed


def _pieces(strokes: LabelImage) -> dict[tuple[int, int], int]:
    """Find the first pixel and the stroke of every connected piece of a stroke."""
    found: dict[tuple[int, int], int] = {}
    for stroke in np.unique(strokes[strokes > 0]).tolist():
        components, count = ndimage.label(strokes == stroke)
        flat = components.ravel()
        for component in range(1, count + 1):
            row, column = divmod(int(np.argmax(flat == component)), strokes.shape[1])
            found[row, column] = stroke
    return found


def _without_cuts(affinities: Affinities, strokes: LabelImage, segments: LabelImage) -> Affinities:
    """Forget the repulsion between segments that one stroke runs across."""
    numbers, places = np.unique(segments, return_inverse=True)
    compact = places.reshape(segments.shape)
    joined = np.zeros((numbers.size, numbers.size), bool)
    for stroke in np.unique(strokes[strokes > 0]):
        under = np.unique(compact[strokes == stroke])
        joined[np.ix_(under, under)] = True
    np.fill_diagonal(joined, False)
    weight = affinities.weight.copy()
    for channel in range(ATTRACTIVE_CHANNELS, len(affinities.offsets)):
        here, there = pair_slices(affinities.shape, affinities.offsets[channel])
        weight[channel][here][joined[compact[here], compact[there]]] = 0
    return Affinities(affinities.values, affinities.offsets, weight)


def _with_constraints(
    affinities: Affinities,
    strokes: LabelImage,
    pieces: dict[tuple[int, int], int],
    alpha: float,
) -> Affinities:
    """Add strokes to affinities, as values beyond 0 and 1 that act before all others.

    Neighbouring pixels of a stroke attract, and one pixel of every piece of a stroke repels
    one of every piece of another, each pair by an offset of its own.
    """
    values, weight = affinities.values.copy(), affinities.weight.copy()
    shape = affinities.shape
    for channel, offset in enumerate(affinities.offsets[:ATTRACTIVE_CHANNELS]):
        here, there = pair_slices(shape, offset)
        linked = (strokes[here] > 0) & (strokes[here] == strokes[there])
        values[channel][here][linked] = _MUST_LINK
        weight[channel][here][linked] = 1
    by_offset: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for one, other in combinations(pieces, 2):
        if pieces[one] != pieces[other]:
            offset = (other[0] - one[0], other[1] - one[1])
            by_offset.setdefault(offset, []).append(one)
    extra = np.zeros((len(by_offset), *shape), np.float32)
    extra_weight = np.zeros_like(extra)
    for channel, places in enumerate(by_offset.values()):
        for row, column in places:
            # The mutex watershed makes this alpha * (1 - value).
            extra[channel, row, column] = 1 - _CANNOT_LINK / alpha
            extra_weight[channel, row, column] = 1
    return Affinities(
        np.concatenate([values, extra]),
        (*affinities.offsets, *by_offset),
        np.concatenate([weight, extra_weight]),
    )

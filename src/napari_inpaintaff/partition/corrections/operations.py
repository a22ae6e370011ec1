"""Corrections that need nothing but the labels: merge, delete, lock, unlock, paint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from napari_inpaintaff.partition.corrections.edits import (
    EMPTY_WINDOW,
    Edit,
    LabelImage,
    difference_window,
    edit_window,
)
from napari_inpaintaff.partition.corrections.state import CorrectionError, LabelState


def merge(state: LabelState, segments: Sequence[int]) -> Edit:
    """Give some segments the number of the first.

    Parameters
    ----------
    state : LabelState
    segments : sequence of int
        Two or more different ones; they need not touch.

    Returns
    -------
    Edit

    Raises
    ------
    CorrectionError
        When there are fewer than two, one does not exist, or one is locked.
    """
    first, *others = dict.fromkeys(segments)
    if not others:
        raise CorrectionError("Merging needs two different segments.")
    window = state.common_box([first, *others])
    state.refuse_locked(segments)
    labels = state.labels[window]
    new = np.where(np.isin(labels, others), np.array(first, labels.dtype), labels)
    names = " and ".join(map(str, [first, *others]))
    return edit_window(state.labels, window, new, f"Merge {names}")


def delete(state: LabelState, segment: int) -> Edit:
    """Make a segment background.

    Raises
    ------
    CorrectionError
        When it does not exist or is locked.
    """
    window = state.box(segment)
    state.refuse_locked([segment])
    labels = state.labels[window]
    new = np.where(labels == segment, np.array(0, labels.dtype), labels)
    return edit_window(state.labels, window, new, f"Delete {segment}")


def lock(state: LabelState, segments: Iterable[int]) -> Edit:
    """Let nothing change some segments until they are unlocked.

    Raises
    ------
    CorrectionError
        When one does not exist, or all are locked already.
    """
    wanted = frozenset(segments)
    state.common_box(wanted)
    fresh = wanted - state.locked
    if not fresh:
        raise CorrectionError("It is locked already.")
    return _lock_edit(state, f"Lock {_listed(fresh)}", locked=fresh)


def unlock(state: LabelState, segments: Iterable[int]) -> Edit:
    """Let some segments change again.

    Raises
    ------
    CorrectionError
        When none of them is locked.
    """
    locked = frozenset(segments) & state.locked
    if not locked:
        raise CorrectionError("It is not locked.")
    return _lock_edit(state, f"Unlock {_listed(locked)}", unlocked=locked)


def paint(state: LabelState, labels: LabelImage) -> Edit | None:
    """Take over what was painted by hand, but nothing that would change a locked segment.

    Negative numbers are not taken over either.

    Parameters
    ----------
    state : LabelState
    labels : ndarray of integers, shape (Y, X)
        The whole label image as it is after painting.

    Returns
    -------
    Edit or None
        None when nothing is left to take over.
    """
    window = difference_window(state.labels, labels)
    if window is None:
        return None
    old, new = state.labels[window], labels[window]
    locked = sorted(state.locked)
    refused = (new < 0) | np.isin(old, locked) | np.isin(new, locked)
    new = np.where(refused, old, new)
    edit = edit_window(state.labels, window, new, "Paint")
    return edit if edit.new.size else None


def _lock_edit(
    state: LabelState,
    name: str,
    *,
    locked: frozenset[int] = frozenset(),
    unlocked: frozenset[int] = frozenset(),
) -> Edit:
    none = np.zeros((0, 0), state.labels.dtype)
    return Edit(name, EMPTY_WINDOW, none, none, locked, unlocked)


def _listed(segments: frozenset[int]) -> str:
    return ", ".join(map(str, sorted(segments)))

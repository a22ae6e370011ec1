"""Numbers for the parts of segments: as many as possible stay as they were."""

from __future__ import annotations

import numpy as np

from napari_inpaintaff.partition.corrections.edits import LabelImage


def renumber(parts: LabelImage, before: LabelImage, fresh: list[int]) -> LabelImage:
    """Give parts the numbers of the segments that they overlap most, and others fresh ones.

    Parameters
    ----------
    parts : ndarray of integers >= 0, shape (Y, X)
        0 is background.
    before : ndarray of integers >= 0, shape (Y, X)
        The segments that the parts were made of.
    fresh : list of int
        Numbers that are free; those that are used are taken from its front.

    Returns
    -------
    ndarray of int64, shape (Y, X)
        Every number of `before` goes to the part with the largest overlap that has none yet.
    """
    inside = (parts > 0) & (before > 0)
    pairs, counts = np.unique(
        np.stack([parts[inside], before[inside]]).astype(np.int64), axis=1, return_counts=True
    )
    numbers: dict[int, int] = {}
    for place in np.argsort(-counts, kind="stable"):
        part, segment = pairs[:, place].tolist()
        if part not in numbers and segment not in numbers.values():
            numbers[part] = segment
    present, places = np.unique(parts, return_inverse=True)
    targets = [
        0 if part == 0 else numbers[part] if part in numbers else fresh.pop(0)
        for part in present.tolist()
    ]
    renumbered: LabelImage = np.array(targets, np.int64)[places].reshape(parts.shape)
    return renumbered

"""Parts of the images that a student is not trained on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.separation.training_patches import Patches

_Block = tuple[int, int, int]


def held_out_pixels(
    patches: Patches, part: float, seed: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Choose blocks of the images, with the side of a patch, that are held out.

    Parameters
    ----------
    patches : Patches
        Where they may be: in blocks that hold the middle of a patch, and nothing that the user
        has labelled.
    part : float
        Of these blocks, that is held out; at least one of two or more, unless it is 0.
    seed : int
        Same seed, same blocks.

    Returns
    -------
    pixels : ndarray of bool, shape (N, P, P)
        What of the patches lies in held-out blocks.
    inside : ndarray of bool, shape (N,)
        Patches with their middle in such a block.
    """
    middles = [_block(patches, index, patches.side // 2) for index in range(len(patches))]
    labelled = {
        block
        for index in np.flatnonzero(patches.labels.any((1, 2))).tolist()
        for block, pixels in _blocks_of(patches, index)
        if patches.labels[index][pixels].any()
    }
    free = sorted(set(middles) - labelled)
    count = min(max(1, round(part * len(free))), len(free) - 1) if part > 0 else 0
    random = np.random.default_rng([seed, 0])
    chosen = {free[index] for index in random.permutation(len(free))[: max(count, 0)]}
    held = np.zeros(patches.wanted.shape, bool)
    for index in range(len(patches)):
        for block, pixels in _blocks_of(patches, index):
            if block in chosen:
                held[index][pixels] = True
    return held, np.array([block in chosen for block in middles], bool)


def _block(patches: Patches, index: int, offset: int) -> _Block:
    y, x = (int(start) + offset for start in patches.origin[index])
    return int(patches.image[index]), y // patches.side, x // patches.side


def _blocks_of(patches: Patches, index: int) -> Iterator[tuple[_Block, tuple[slice, slice]]]:
    """Yield the blocks that a patch touches, and which of its pixels lie in each."""
    side = patches.side
    cuts = [int(-start % side) for start in patches.origin[index]]
    first = _block(patches, index, 0)
    for down, rows in enumerate((slice(0, cuts[0] or side), slice(cuts[0] or side, side))):
        for right, columns in enumerate((slice(0, cuts[1] or side), slice(cuts[1] or side, side))):
            if rows.start < side and columns.start < side:
                yield (first[0], first[1] + down, first[2] + right), (rows, columns)

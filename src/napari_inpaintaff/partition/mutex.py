"""Mutex watershed of affinities (Wolf et al. 2020, appendix C)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.partition.backend import solve_mutex_watershed
from napari_inpaintaff.partition.links import (
    ATTRACTIVE_CHANNELS,
    grid_components,
    local_links,
    relabel_by_position,
)


def mutex_watershed(
    affinities: Affinities, *, foreground: NDArray[np.bool_], alpha: float = 1.0
) -> NDArray[np.uint32]:
    """Partition the foreground by the mutex watershed.

    The two local channels attract with the strength of their affinity, all others
    repel with ``alpha * (1 - affinity)``. All edges are visited from the strongest
    on: an attractive one merges two segments unless they exclude each other, a
    repulsive one makes two segments exclude each other for good. Edges of strength
    or weight 0 do nothing, so every segment is connected by positive local
    affinities, and a pixel without any is a segment of its own.

    Parameters
    ----------
    affinities : Affinities
        K offsets, the two local ones first; shape (K, Y, X).
    foreground : ndarray of bool, shape (Y, X)
        Pixels outside get the label 0, and edges that touch them are ignored.
    alpha : float > 0
        More than 1 gives more segments, less than 1 fewer.

    Returns
    -------
    ndarray of uint32, shape (Y, X)
        1 to n in the order of the first pixel; 0 outside the foreground.
    """
    vertical, horizontal = local_links(affinities)
    strengths = affinities.values.astype(np.float32, copy=True)
    repulsive = strengths[ATTRACTIVE_CHANNELS:]
    np.subtract(1, repulsive, out=repulsive)
    repulsive *= np.float32(alpha)
    strengths[affinities.weight <= 0] = 0
    labels = solve_mutex_watershed(strengths, affinities.offsets, ATTRACTIVE_CHANNELS, foreground)
    # The solvers also merge along edges of strength 0, after all others. Taking
    # these away again gives exactly the segments from before: two of them with a
    # positive link between them were held apart by a mutex, so never merged later.
    segments = grid_components(
        foreground,
        (vertical > 0) & (labels[1:] == labels[:-1]),
        (horizontal > 0) & (labels[:, 1:] == labels[:, :-1]),
    )
    return relabel_by_position(segments)


def connected_components(
    affinities: Affinities, *, foreground: NDArray[np.bool_], level: float = 0.5
) -> NDArray[np.uint32]:
    """Components of the foreground along local edges with an affinity above a level.

    Parameters
    ----------
    affinities : Affinities
        Only the two local channels are looked at; shape (K, Y, X).
    foreground : ndarray of bool, shape (Y, X)
    level : float in [0, 1)

    Returns
    -------
    ndarray of uint32, shape (Y, X)
        1 to n in the order of the first pixel; 0 outside the foreground.
    """
    vertical, horizontal = local_links(affinities)
    return relabel_by_position(grid_components(foreground, vertical > level, horizontal > level))

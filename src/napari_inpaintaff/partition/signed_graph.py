"""Partition of the signed graph of pixels: multicut heuristics and average linkage."""

from __future__ import annotations

import numpy as np
from bioimage_cpp.graph import UndirectedGraph
from bioimage_cpp.graph.agglomeration import GaspClusterPolicy
from bioimage_cpp.graph.multicut import (
    GreedyAdditiveMulticut,
    GreedyFixationMulticut,
    MulticutObjective,
)
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.partition.links import ATTRACTIVE_CHANNELS, local_links, relabel_by_position
from napari_inpaintaff.separation.affinities import pair_slices


def greedy_additive(
    affinities: Affinities, *, foreground: NDArray[np.bool_], alpha: float = 1.0
) -> NDArray[np.uint32]:
    """Partition the foreground by greedy additive edge contraction (GAEC).

    The heuristic for the multicut of Keuper et al. 2015: the two segments with the highest
    sum of weights between them are joined until no sum is positive.

    Parameters
    ----------
    affinities : Affinities
        K offsets, the two local ones first; shape (K, Y, X).
    foreground : ndarray of bool, shape (Y, X)
        Pixels outside get the label 0, and edges that touch them are ignored.
    alpha : float > 0
        Weight of the repulsive edges: more than 1 gives more segments, less than 1 fewer.

    Returns
    -------
    ndarray of uint32, shape (Y, X)
        1 to n in the order of the first pixel; 0 outside the foreground.
    """
    graph, weights = _signed_graph(affinities, foreground, alpha)
    labels = GreedyAdditiveMulticut().optimize(MulticutObjective(graph, weights))
    return _paint(labels, foreground)


def greedy_fixation(
    affinities: Affinities, *, foreground: NDArray[np.bool_], alpha: float = 1.0
) -> NDArray[np.uint32]:
    """Partition the foreground by greedy fixation.

    The heuristic for the multicut of Levinkov et al. 2019: as GAEC, but ordered by the absolute
    sum of weights; where the highest is negative, the two segments are kept apart for good.

    Parameters
    ----------
    affinities, foreground, alpha
        As for `greedy_additive`.

    Returns
    -------
    ndarray of uint32, shape (Y, X)
        1 to n in the order of the first pixel; 0 outside the foreground.
    """
    graph, weights = _signed_graph(affinities, foreground, alpha)
    labels = GreedyFixationMulticut().optimize(MulticutObjective(graph, weights))
    return _paint(labels, foreground)


def average_linkage(
    affinities: Affinities, *, foreground: NDArray[np.bool_], alpha: float = 1.0
) -> NDArray[np.uint32]:
    """Partition the foreground by agglomeration with average linkage (GASP).

    Bailoni et al. 2022: the two segments with the highest mean of weights between them are
    joined until no mean is positive.

    Parameters
    ----------
    affinities, foreground, alpha
        As for `greedy_additive`.

    Returns
    -------
    ndarray of uint32, shape (Y, X)
        1 to n in the order of the first pixel; 0 outside the foreground.
    """
    graph, weights = _signed_graph(affinities, foreground, alpha)
    return _paint(GaspClusterPolicy(linkage="mean").optimize(graph, weights), foreground)


def _signed_graph(
    affinities: Affinities, foreground: NDArray[np.bool_], alpha: float
) -> tuple[UndirectedGraph, NDArray[np.float64]]:
    """Build the graph of the foreground pixels, numbered row by row, and its weights.

    As in the paper (Wolf et al. 2020, appendix C), local edges attract with the strength of
    their affinity, all others repel with ``alpha * (1 - affinity)``.
    """
    local_links(affinities)  # only to see that the attractive channels are the local ones
    numbers = np.full(foreground.shape, -1, np.int64)
    numbers[foreground] = np.arange(np.count_nonzero(foreground))
    pairs, weights = [], []
    for channel, offset in enumerate(affinities.offsets):
        here, there = pair_slices(affinities.shape, offset)
        known = affinities.weight[channel][here] > 0
        known &= foreground[here] & foreground[there]
        pairs.append(np.stack([numbers[here][known], numbers[there][known]], axis=1))
        values = affinities.values[channel][here][known].astype(np.float64)
        weights.append(values if channel < ATTRACTIVE_CHANNELS else alpha * (values - 1))
    graph = UndirectedGraph(int(np.count_nonzero(foreground)))
    # Scaled offsets may coincide; their edges are one, with the sum of the weights.
    edges = graph.insert_edges(np.concatenate(pairs).astype(np.uint64))
    sums = np.bincount(
        np.asarray(edges, np.int64), np.concatenate(weights), int(graph.number_of_edges)
    )
    return graph, np.asarray(sums, np.float64)


def _paint(labels: NDArray[np.integer], foreground: NDArray[np.bool_]) -> NDArray[np.uint32]:
    image = np.zeros(foreground.shape, np.int64)
    image[foreground] = np.asarray(labels, np.int64) + 1
    return relabel_by_position(image)

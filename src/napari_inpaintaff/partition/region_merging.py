"""Too many segments, merged by the odds that two neighbours are one cell."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.jobs import checkpoint
from napari_inpaintaff.partition.fragments import absorb_fragments
from napari_inpaintaff.partition.islands import bounding_box, islands
from napari_inpaintaff.partition.merge_odds import (
    MergeOdds,
    calibrated,
    fitted_odds,
    image_evidence,
    shape_features,
)
from napari_inpaintaff.partition.mutex import mutex_watershed
from napari_inpaintaff.partition.outline import OUTLINE_DIAMETER
from napari_inpaintaff.partition.region_graph import Pair, RegionGraph
from napari_inpaintaff.partition.shape import outline_margin, with_outline
from napari_inpaintaff.partition.typical_cell import TypicalCell, typical_cell

#: At this alpha segments are merged when the odds are even.
EVEN_ALPHA = 1.5
#: By how much the log odds have to be better for an alpha that is e times as large.
_STRICTNESS = 2.0

#: Of the mutex watershed that makes too many segments, and their least size, in pixels of
#: cells of 25 px.
_FINE_ALPHA, _FINE_SIZE = 2.5, 25.0
#: So much below the given diameter, the cells that are found say how large they are. Where outlines
#: are ragged they seem smaller by a tenth.
_CLEARLY_SMALLER = 0.85


@dataclass(frozen=True)
class MergeStatistics:
    """What `region_merging` has to know of a whole plane.

    Attributes
    ----------
    typical : TypicalCell
        What most cells look like.
    mean_apart : float
        Mean of 1 - affinity over all distant pairs of pixels in the foreground.
    intercept, slope : float
        What the log odds by shape are corrected by: see `merge_odds.calibrated`.
    """

    typical: TypicalCell
    mean_apart: float
    intercept: float
    slope: float

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> MergeStatistics:
        """Read what `to_json` gave."""
        return cls(**{**values, "typical": TypicalCell(**values["typical"])})


def region_merging(
    affinities: Affinities,
    *,
    foreground: NDArray[np.bool_],
    alpha: float = EVEN_ALPHA,
    diameter: float = OUTLINE_DIAMETER,
    odds: MergeOdds | None = None,
    statistics: MergeStatistics | None = None,
) -> NDArray[np.uint32]:
    """Cut the foreground into too many segments, and merge those that are one cell.

    The segments are those of a mutex watershed of image and outline with a large alpha. Two
    neighbours are one cell with odds that are learned by shape (width of the neck, convexity,
    sizes, and what most cells of the image look like) from cells with known outlines; the
    evidence of the image counts on top, as much as it agrees with clear shapes elsewhere in the
    same image. The likeliest pair is merged first, and its neighbours are judged anew.

    Parameters
    ----------
    affinities : Affinities
        Shape (K, Y, X).
    foreground : ndarray of bool, shape (Y, X)
        Pixels to be labelled.
    alpha : float > 0, optional
        Larger values give more segments; at 1.5 even odds suffice to merge.
    diameter : float, optional
        Typical diameter of a cell, in pixels.
    odds : MergeOdds, optional
        By default those that come with the package.
    statistics : MergeStatistics, optional
        Of the plane that this is a part of; by default of this. With them, what becomes of a
        component of the foreground depends on nothing outside it.

    Returns
    -------
    ndarray of uint32, shape (Y, X)
        Labels of at least 1 inside the foreground, 0 outside.
    """
    history = merge_history(
        affinities,
        foreground=foreground,
        least_alpha=alpha,
        diameter=diameter,
        odds=odds,
        statistics=statistics,
    )
    return history.labels(alpha)


@dataclass(frozen=True)
class MergeHistory:
    """Which segments were merged, one after another; a larger alpha stops earlier.

    Attributes
    ----------
    fine : ndarray of uint32, shape (Y, X)
        The segments before any was merged; 0 outside the foreground.
    merges : sequence of (int, int)
        The label that stays, and that of the segment that becomes part of it.
    log_odds : sequence of float
        That the two were one cell, when they were merged.
    """

    fine: NDArray[np.uint32]
    merges: Sequence[Pair]
    log_odds: Sequence[float]

    def labels(self, alpha: float) -> NDArray[np.uint32]:
        """Return what `region_merging` makes at an alpha, not below that of the history."""
        owner = np.arange(int(self.fine.max(initial=0)) + 1, dtype=np.uint32)
        needed = _needed(alpha)
        for (kept, gone), log_odds in zip(self.merges, self.log_odds, strict=True):
            if not log_odds > needed:
                break
            owner[owner == gone] = kept
        return owner[self.fine]


def merge_history(
    affinities: Affinities,
    *,
    foreground: NDArray[np.bool_],
    least_alpha: float = EVEN_ALPHA,
    diameter: float = OUTLINE_DIAMETER,
    odds: MergeOdds | None = None,
    statistics: MergeStatistics | None = None,
) -> MergeHistory:
    """Do what `region_merging` does, for all alphas from one on.

    Parameters
    ----------
    affinities, foreground, diameter, odds, statistics
        See `region_merging`.
    least_alpha : float > 0, optional
        The merges end where this alpha has them end.
    """
    odds = fitted_odds() if odds is None else odds
    # A foreground without background is no component that ends here: it has no outline.
    alone = statistics is not None and not foreground.all()
    typical = typical_cell(foreground, diameter) if statistics is None else statistics.typical
    diameter = _settled(diameter, typical)
    margin = outline_margin(diameter) if alone else 0
    fine = too_many_segments(affinities, foreground, diameter=diameter, margin=margin)
    graph = RegionGraph(fine, affinities)
    pairs = sorted(graph.borders)
    mean_apart = graph.mean_apart if statistics is None else statistics.mean_apart
    by_shape, evidence = _judged(graph, pairs, odds, typical, mean_apart)
    if statistics is None:
        statistics = MergeStatistics(typical, mean_apart, *calibrated(odds, by_shape, evidence))
    log_odds = by_shape + statistics.slope * evidence + statistics.intercept
    waiting = dict(zip(pairs, log_odds.tolist(), strict=True))
    merges = list(_merges(graph, waiting, odds, _needed(least_alpha), statistics))
    return MergeHistory(fine, [pair for pair, _ in merges], [worth for _, worth in merges])


def merge_statistics(
    parts: Sequence[tuple[Affinities, NDArray[np.bool_]]],
    *,
    diameter: float = OUTLINE_DIAMETER,
    odds: MergeOdds | None = None,
) -> MergeStatistics:
    """Find what `region_merging` has to know of a whole plane.

    Parameters
    ----------
    parts : sequence of (Affinities, ndarray of bool of shape (Y, X))
        Affinities and foreground of the whole plane, or of parts that stand for it.
    diameter : float, optional
        Typical diameter of a cell, in pixels.
    odds : MergeOdds, optional
        By default those that come with the package.

    Returns
    -------
    MergeStatistics
        Those that `partition` finds in the plane, if it is the only part.
    """
    odds = fitted_odds() if odds is None else odds
    cut = [
        (affinities.window(bounding_box(mask)), mask[bounding_box(mask)])
        for affinities, mask in parts
        if mask.any()
    ]
    typical = typical_cell([mask for _, mask in cut], diameter)
    diameter = _settled(diameter, typical)
    graphs = [
        RegionGraph(too_many_segments(affinities, mask, diameter=diameter), affinities)
        for affinities, mask in cut
    ]
    known = sum(graph.known_pairs for graph in graphs)
    mean_apart = math.fsum(graph.mean_apart * graph.known_pairs for graph in graphs) / max(1, known)
    if len(graphs) == 1:  # without rounding
        mean_apart = graphs[0].mean_apart
    seen = [_judged(graph, sorted(graph.borders), odds, typical, mean_apart) for graph in graphs]
    by_shape, evidence = (
        np.concatenate([*(pair[which] for pair in seen), np.zeros(0)]) for which in (0, 1)
    )
    return MergeStatistics(typical, mean_apart, *calibrated(odds, by_shape, evidence))


def _settled(diameter: float, typical: TypicalCell) -> float:
    """Return the diameter of the cells that are there, if it is clearly below the given one."""
    found = typical.diameter
    return found if found < _CLEARLY_SMALLER * diameter else diameter


def _judged(
    graph: RegionGraph,
    pairs: Sequence[Pair],
    odds: MergeOdds,
    typical: TypicalCell,
    mean_apart: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the log odds by shape of some pairs, and the evidence of the image."""
    by_shape = odds.by_shape(shape_features(graph, pairs, typical))
    return by_shape, image_evidence(graph, pairs, mean_apart)


def _needed(alpha: float) -> float:
    return _STRICTNESS * math.log(alpha / EVEN_ALPHA)


def too_many_segments(
    affinities: Affinities, foreground: NDArray[np.bool_], *, diameter: float, margin: int = 0
) -> NDArray[np.uint32]:
    """Return segments (Y, X) of which every cell has at least one, and often several.

    See `with_outline` for the margin.
    """
    least = max(1, round(_FINE_SIZE * (diameter / OUTLINE_DIAMETER) ** 2))
    labels = np.zeros(foreground.shape, np.uint32)
    for island, box in islands(foreground) if foreground.any() else ():
        checkpoint()
        inside = affinities.window(box)
        both = with_outline(inside, island, diameter=diameter, margin=margin)
        segments = mutex_watershed(both, foreground=island, alpha=_FINE_ALPHA)
        found = absorb_fragments(segments.astype(np.uint32), both, minimum_size=least)
        labels[box][island] = found[island] + labels.max()
    return labels


def _merges(
    graph: RegionGraph,
    waiting: dict[Pair, float],
    odds: MergeOdds,
    needed: float,
    statistics: MergeStatistics,
) -> Iterator[tuple[Pair, float]]:
    """Merge the likeliest pair while its log odds are above those needed, and tell which."""
    queue = [_place(pair, log_odds) for pair, log_odds in waiting.items()]
    heapq.heapify(queue)
    while queue:
        found, *ends = heapq.heappop(queue)
        best, log_odds_of_best = (-ends[0], -ends[1]), -found
        if waiting.get(best) != log_odds_of_best:
            continue  # judged anew since, or merged
        if not log_odds_of_best > needed:
            return
        yield best, log_odds_of_best
        checkpoint()
        for label in best:
            for pair in graph.borders_of(label):
                waiting.pop(pair, None)
        renewed = graph.merge(best)
        if renewed:
            log_odds, evidence = _judged(
                graph, renewed, odds, statistics.typical, statistics.mean_apart
            )
            log_odds += statistics.slope * evidence + statistics.intercept
            for pair, worth in zip(renewed, log_odds.tolist(), strict=True):
                waiting[pair] = worth
                heapq.heappush(queue, _place(pair, worth))


def _place(pair: Pair, log_odds: float) -> tuple[float, int, int]:
    """Return what sorts pairs: the likeliest first, of equal ones that of the higher labels."""
    return -log_odds, -pair[0], -pair[1]

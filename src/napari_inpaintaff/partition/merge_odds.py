"""How likely two neighbouring segments are one cell: by their shape, and by the image."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.partition.region_graph import Pair, RegionGraph
from napari_inpaintaff.partition.typical_cell import TypicalCell

#: What the coefficients belong to, in this order.
SHAPE_FEATURES = (
    "log neck width over the side of the smaller one",
    "growth of the convex hulls over the smaller area",
    "solidity of both together",
    "log area of the smaller one over a typical cell",
    "log area of both over a typical cell",
    "share of the smaller one",
    "log solidity of a typical cell",
    "log width of a typical cell over the root of its area",
)

#: So many borders of an image outweigh what is known of other images.
_PRIOR_BORDERS = 30.0
_STEPS = 30
#: No affinity is surer than this.
_LEAST = 1e-3


@dataclass(frozen=True)
class MergeOdds:
    """Coefficients that were fitted to cells with known outlines.

    Attributes
    ----------
    mean, scale : tuple of float
        By which the shape features are standardised.
    intercept : float
        Of the log odds by shape.
    linear : tuple of float
        Of the standardised features.
    quadratic : tuple of tuple of float
        Symmetric: of the products of two features.
    image : (float, float)
        Log odds by the image alone, over `image_evidence`: intercept and
        slope, as they usually are.
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    intercept: float
    linear: tuple[float, ...]
    quadratic: tuple[tuple[float, ...], ...]
    image: tuple[float, float]

    def by_shape(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return log odds of being one cell, shape (n,), of shape features (n, 8)."""
        z = (features - np.array(self.mean)) / np.array(self.scale)
        square = np.einsum("ni,ij,nj->n", z, np.array(self.quadratic), z)
        return np.asarray(self.intercept + z @ np.array(self.linear) + square)


@cache
def fitted_odds() -> MergeOdds:
    """Read the coefficients of the package, which `benchmarks/fit_merge_odds.py` made."""
    text = (resources.files(__package__) / "merge_odds.json").read_text(encoding="utf8")
    values = json.loads(text)
    return MergeOdds(
        tuple(values["mean"]),
        tuple(values["scale"]),
        values["intercept"],
        tuple(values["linear"]),
        tuple(tuple(row) for row in values["quadratic"]),
        (values["image"][0], values["image"][1]),
    )


def shape_features(
    graph: RegionGraph, pairs: Sequence[Pair], typical: TypicalCell
) -> NDArray[np.float64]:
    """Describe what two segments look like beside each other and as one, and what cells look like.

    Parameters
    ----------
    graph : RegionGraph
        With the segments.
    pairs : sequence of (int, int)
        Keys of its borders.
    typical : TypicalCell
        Of the image: a neck that parts two round cells is a waist of a long one.

    Returns
    -------
    ndarray of float64, shape (n, 8)
        `SHAPE_FEATURES`; no unit of length is left in them.
    """
    rows = np.empty((len(pairs), len(SHAPE_FEATURES)))
    for row, pair in zip(rows, pairs, strict=True):
        one, other = (graph.segments[label] for label in pair)
        both = one + other
        smaller = min(one.area, other.area)
        row[:] = (
            np.log(graph.borders[pair].length / np.sqrt(smaller)),
            (both.hull - one.hull - other.hull) / smaller,
            both.area / both.hull,
            np.log(smaller / typical.area),
            np.log(both.area / typical.area),
            smaller / both.area,
            np.log(typical.solidity),
            np.log(typical.width),
        )
    return rows


def image_evidence(
    graph: RegionGraph, pairs: Sequence[Pair], mean_apart: float | None = None
) -> NDArray[np.float64]:
    """Return how much more than elsewhere the image parts two segments, shape (n,).

    Log odds of the mean of 1 - affinity over the distant pairs of pixels between them, less
    those of the mean of all in the image; 0 where nothing is known. A difference, because
    networks differ in how much they part everywhere. The mean is that of the graph, unless
    another is given.
    """
    mean_apart = graph.mean_apart if mean_apart is None else mean_apart
    usual = float(np.clip(mean_apart, _LEAST, 1 - _LEAST))
    borders = [graph.borders[pair] for pair in pairs]
    apart = np.array([(border.apart + usual) / (border.pairs + 1) for border in borders])
    apart = np.clip(apart, _LEAST, 1 - _LEAST)
    return np.asarray(np.log(apart / (1 - apart)) - np.log(usual / (1 - usual)))


def calibrated(
    odds: MergeOdds, by_shape: NDArray[np.float64], evidence: NDArray[np.float64]
) -> tuple[float, float]:
    """Learn what the image's evidence is worth here, from borders that shape decides.

    A logistic regression of the probabilities by shape on the evidence of the image, which
    starts at the usual coefficients and leaves them as far as the borders of this image are
    many and agree. So a network that is unsure in images of some kind is heard less there.

    Parameters
    ----------
    odds : MergeOdds
        The usual coefficients.
    by_shape : ndarray of float, shape (n,)
        Log odds by shape of the borders of an image.
    evidence : ndarray of float, shape (n,)
        `image_evidence` of the same.

    Returns
    -------
    (float, float)
        What the log odds by shape have to be corrected by: intercept and slope over the
        evidence.
    """
    usual = np.array(odds.image)
    wanted = _probability(by_shape)
    design = np.stack([np.ones_like(evidence), evidence], axis=1)
    found = usual.copy()
    for _ in range(_STEPS):
        expected = _probability(design @ found)
        weight = np.maximum(expected * (1 - expected), 1e-3)
        curvature = design.T @ (weight[:, None] * design) + _PRIOR_BORDERS * np.eye(2)
        slope = design.T @ (wanted - expected) - _PRIOR_BORDERS * (found - usual)
        found = found + np.linalg.solve(curvature, slope)
    # By shape alone so many are one cell: the image must not count that again.
    share = (wanted.sum() + 1) / (wanted.size + 2)
    return float(found[0] - np.log(share / (1 - share))), float(found[1])


def _probability(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds, -50, 50))))

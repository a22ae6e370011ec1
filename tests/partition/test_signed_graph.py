"""Multicut heuristics and average linkage: what they promise about their results."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.partition.signed_graph import (
    average_linkage,
    greedy_additive,
    greedy_fixation,
)

OFFSETS = ((-1, 0), (0, -1), (-3, 0), (0, -3), (2, -2))
Method = Callable[..., NDArray[np.uint32]]
METHODS = [greedy_additive, greedy_fixation, average_linkage]


def random_affinities(seed: int, shape: tuple[int, int] = (9, 11)) -> Affinities:
    rng = np.random.default_rng(seed)
    values = rng.random((len(OFFSETS), *shape), dtype=np.float32)
    weight = (rng.random(values.shape) < 0.9).astype(np.float32)
    return Affinities(values, OFFSETS, weight)


def weights_between(
    labels: NDArray[np.uint32], affinities: Affinities, alpha: float
) -> dict[tuple[int, int], list[float]]:
    """All weights between two segments, pixel by pixel."""
    found: dict[tuple[int, int], list[float]] = {}
    height, width = labels.shape
    for k, (dy, dx) in enumerate(OFFSETS):
        for y in range(height):
            for x in range(width):
                v, u = y + dy, x + dx
                if not (0 <= v < height and 0 <= u < width) or affinities.weight[k, y, x] == 0:
                    continue
                one, other = sorted((int(labels[y, x]), int(labels[v, u])))
                if one and one != other:
                    value = float(affinities.values[k, y, x])
                    found.setdefault((one, other), []).append(
                        value if k < 2 else alpha * (value - 1)
                    )
    return found


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**20), alpha=st.floats(0.3, 2))
def test_no_two_segments_that_attract_each_other_are_left(
    method: Method, seed: int, alpha: float
) -> None:
    affinities = random_affinities(seed)
    foreground = np.random.default_rng(seed + 1).random(affinities.shape) < 0.9
    labels = method(affinities, foreground=foreground, alpha=alpha)
    np.testing.assert_array_equal(labels > 0, foreground)
    for segment in range(1, labels.max() + 1):
        assert ndimage.label(labels == segment)[1] == 1, "segments hang together"
    if method is greedy_fixation:
        return  # what repelled each other once stays apart
    combine = np.mean if method is average_linkage else np.sum
    for weights in weights_between(labels, affinities, alpha).values():
        assert combine(weights) <= 1e-6


@pytest.mark.parametrize("method", METHODS)
def test_more_repulsion_never_joins_two_halves(method: Method) -> None:
    values = np.ones((len(OFFSETS), 8, 12), np.float32)
    values[1, :, 6] = 0.6  # a weak local link across the middle
    values[3, :, 6:9] = 0.7  # and some doubt about pairs three pixels apart
    affinities = Affinities(values, OFFSETS, np.ones_like(values))
    everything = np.ones(affinities.shape, bool)
    assert method(affinities, foreground=everything, alpha=0.1).max() == 1
    apart = method(affinities, foreground=everything, alpha=2.0)
    assert apart.max() == 2
    assert (apart[:, :6] == 1).all()
    assert (apart[:, 6:] == 2).all()


@pytest.mark.parametrize("method", METHODS)
def test_offsets_that_coincide_add_up(method: Method) -> None:
    values = np.ones((3, 1, 4), np.float32)
    values[2, 0, 2] = 0.2  # repels across the middle with 0.8 alpha, against 1
    twice = Affinities(
        np.concatenate([values, values[2:]]), ((-1, 0), (0, -1), (0, -1), (0, -1)),
        np.ones((4, 1, 4), np.float32),
    )  # fmt: skip
    once = Affinities(values, ((-1, 0), (0, -1), (0, -1)), np.ones_like(values))
    everything = np.ones((1, 4), bool)
    assert method(once, foreground=everything).max() == 1
    np.testing.assert_array_equal(method(twice, foreground=everything), [[1, 1, 2, 2]])


@pytest.mark.parametrize("method", METHODS)
def test_the_first_channels_must_be_the_local_ones(method: Method) -> None:
    values = np.ones((2, 3, 3), np.float32)
    long_ranged = Affinities(values, ((-3, 0), (0, -3)), values)
    with pytest.raises(ParameterError, match="first two offsets"):
        method(long_ranged, foreground=np.ones((3, 3), bool))

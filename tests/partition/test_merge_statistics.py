"""A component of the foreground has the same segments in every window that holds it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS, Affinities
from napari_inpaintaff.images import simulate_dense_nuclei
from napari_inpaintaff.partition import (
    MergeStatistics,
    PartitionParameters,
    merge_statistics,
    partition,
)
from napari_inpaintaff.separation import affinities_from_labels

METHOD = PartitionParameters("region_merging", diameter=16.0, minimum_size=20)
SIDE = 130


def unsure_nuclei(seed: int, side: int = SIDE) -> tuple[Affinities, NDArray[np.bool_]]:
    """Affinities of touching nuclei that are noisy and sometimes wrong."""
    rng = np.random.default_rng(seed)
    truth = simulate_dense_nuclei(shape=(side, side), seed=seed, diameter=16.0, coverage=0.5)[1]
    ideal = affinities_from_labels(truth.astype(np.int64), PUBLISHED_OFFSETS)
    noise = ndimage.gaussian_filter(rng.normal(0, 1, ideal.values.shape), (0, 2, 2))
    values = np.clip(0.6 * ideal.values + 0.2 + 0.9 * noise, 0, 1).astype(np.float32)
    return Affinities(values, ideal.offsets, ideal.weight), truth > 0


def segments(labels: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Number segments by their first pixel, from 1 on."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))
    return np.where(labels > 0, 1 + order[inverse.reshape(labels.shape)], 0)


@settings(deadline=None, max_examples=12)
@given(
    seed=st.integers(0, 10_000),
    rows=st.tuples(st.integers(0, 60), st.integers(85, SIDE)),
    columns=st.tuples(st.integers(0, 60), st.integers(85, SIDE)),
)
def test_a_window_of_a_plane_has_its_segments(
    seed: int, rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    affinities, foreground = unsure_nuclei(seed)
    statistics = merge_statistics([(affinities, foreground)], diameter=METHOD.diameter)
    whole = partition(affinities, foreground=foreground, parameters=METHOD, statistics=statistics)
    window = slice(*rows), slice(*columns)
    part = partition(
        affinities.window(window),
        foreground=foreground[window],
        parameters=METHOD,
        statistics=statistics,
    )
    components, _ = ndimage.label(foreground)
    outside = np.ones(foreground.shape, bool)
    outside[window] = False
    for component in np.setdiff1d(components[window], np.append(components[outside], 0)):
        inside = components[window] == component
        np.testing.assert_array_equal(
            segments(np.where(inside, part, 0)), segments(np.where(inside, whole[window], 0))
        )


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_statistics_of_a_plane_change_nothing_in_it(seed: int) -> None:
    affinities, foreground = unsure_nuclei(seed)
    foreground[:9] = foreground[-9:] = foreground[:, :9] = foreground[:, -9:] = False
    # Something at every corner, so that no cell has the border of the foreground for its own.
    foreground[:: SIDE - 1, :: SIDE - 1] = True
    statistics = merge_statistics([(affinities, foreground)], diameter=METHOD.diameter)
    expected = partition(affinities, foreground=foreground, parameters=METHOD)
    found = partition(affinities, foreground=foreground, parameters=METHOD, statistics=statistics)
    np.testing.assert_array_equal(found, expected)
    assert expected.max() > ndimage.label(foreground)[1]
    assert MergeStatistics.from_json(json.loads(json.dumps(statistics.to_json()))) == statistics
    larger = replace(statistics.typical, area=statistics.typical.area * 4)
    other = MergeStatistics(larger, 0.5, statistics.intercept + 3, 0.0)
    changed = partition(affinities, foreground=foreground, parameters=METHOD, statistics=other)
    assert changed.max() < found.max()


def test_windows_are_pooled() -> None:
    affinities, foreground = unsure_nuclei(5, side=260)
    whole = merge_statistics([(affinities, foreground)], diameter=METHOD.diameter)
    half = slice(0, 130), slice(130, 260)
    parts = [
        (affinities.window((rows, columns)), foreground[rows, columns])
        for rows in half
        for columns in half
    ]
    empty = Affinities(
        np.zeros((2, 5, 5), np.float32), ((-1, 0), (0, -1)), np.zeros((2, 5, 5), np.float32)
    )
    pooled = merge_statistics([*parts, (empty, np.zeros((5, 5), bool))], diameter=METHOD.diameter)
    assert pooled.typical.area == pytest.approx(whole.typical.area, rel=0.15)
    assert pooled.typical.solidity == pytest.approx(whole.typical.solidity, rel=0.03)
    assert pooled.typical.width == pytest.approx(whole.typical.width, rel=0.03)
    assert pooled.mean_apart == pytest.approx(whole.mean_apart, rel=0.05)
    assert pooled.slope == pytest.approx(whole.slope, abs=0.15)
    assert pooled.intercept == pytest.approx(whole.intercept, abs=0.4)


def test_a_plane_without_foreground_has_the_usual_statistics() -> None:
    affinities, _ = unsure_nuclei(0)
    nothing = np.zeros(affinities.shape, bool)
    statistics = merge_statistics([(affinities, nothing)], diameter=20.0)
    assert statistics.typical.area == pytest.approx(np.pi * 100)
    labels = partition(affinities, foreground=nothing, parameters=METHOD, statistics=statistics)
    assert not labels.any()


def test_a_window_that_is_all_foreground_has_no_outline() -> None:
    affinities, _ = unsure_nuclei(3)
    everything = np.ones(affinities.shape, bool)
    statistics = merge_statistics([(affinities, everything)], diameter=METHOD.diameter)
    expected = partition(affinities, foreground=everything, parameters=METHOD)
    found = partition(affinities, foreground=everything, parameters=METHOD, statistics=statistics)
    np.testing.assert_array_equal(found, expected)

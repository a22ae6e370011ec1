"""Merging of segments: what the graph keeps, what odds mean, and cells that come out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS, Affinities
from napari_inpaintaff.evaluation import seg_score
from napari_inpaintaff.partition import PartitionParameters, partition, region_merging
from napari_inpaintaff.partition.merge_odds import (
    SHAPE_FEATURES,
    calibrated,
    fitted_odds,
    image_evidence,
    shape_features,
)
from napari_inpaintaff.partition.region_graph import Border, RegionGraph
from napari_inpaintaff.partition.region_merging import merge_history
from napari_inpaintaff.partition.segment_shape import segments_of
from napari_inpaintaff.partition.typical_cell import TypicalCell, typical_cell
from napari_inpaintaff.separation import affinities_from_labels


def discs(*middles: tuple[int, int], radius: float = 12.5, side: int = 96) -> NDArray[np.int64]:
    """Label discs; where they overlap, the nearer middle wins."""
    y, x = np.mgrid[:side, :side]
    distances = np.stack([np.hypot(y - a, x - b) for a, b in middles])
    labels = np.asarray(distances.argmin(axis=0) + 1)
    labels[distances.min(axis=0) > radius] = 0
    return labels


#: What a typical cell looks like where cells are discs.
DISC = TypicalCell(np.pi * 12.5**2, 0.95, 1.05)


def sure(shape: tuple[int, int], value: float = 1.0) -> Affinities:
    full = (len(PUBLISHED_OFFSETS), *shape)
    return Affinities(
        np.full(full, value, np.float32), PUBLISHED_OFFSETS, np.ones(full, np.float32)
    )


small_labels = st.integers(0, 10_000).map(
    lambda seed: np.random.default_rng(seed).integers(0, 5, (9, 11))
)


@given(labels=small_labels, seed=st.integers(0, 100))
@settings(max_examples=40, deadline=None)
def test_a_merged_graph_is_that_of_the_merged_labels(labels: NDArray[Any], seed: int) -> None:
    rng = np.random.default_rng(seed)
    affinities = Affinities(
        rng.random((12, 9, 11)).astype(np.float32),
        PUBLISHED_OFFSETS,
        rng.integers(0, 2, (12, 9, 11)).astype(np.float32),
    )
    graph = RegionGraph(labels, affinities)
    while graph.borders:
        pair = sorted(graph.borders)[rng.integers(len(graph.borders))]
        renewed = graph.merge(pair)
        labels = np.where(labels == pair[1], pair[0], labels)
        again = RegionGraph(labels, affinities)
        assert graph.borders.keys() == again.borders.keys()
        assert set(renewed) == {key for key in again.borders if pair[0] in key}
        for key, border in graph.borders.items():
            one, other = border, again.borders[key]
            assert (one.length, one.pairs) == (other.length, other.pairs)
            assert one.apart == pytest.approx(other.apart)
        for label, segment in again.segments.items():
            assert graph.segments[label].area == segment.area
            assert graph.segments[label].hull == pytest.approx(segment.hull)


@given(labels=small_labels)
@settings(max_examples=30, deadline=None)
def test_hulls_are_those_of_all_corners_of_the_pixels(labels: NDArray[Any]) -> None:
    graph = RegionGraph(labels, sure((9, 11)))
    for label, segment in graph.segments.items():
        pixels = np.argwhere(labels == label)
        corners = np.concatenate([pixels + step for step in ((0, 0), (0, 1), (1, 0), (1, 1))])
        assert segment.hull == pytest.approx(ConvexHull(corners).volume)
        assert segment.area == len(pixels)


def test_a_border_is_counted_by_sides_and_by_distant_pairs() -> None:
    labels = np.array([[1, 1, 2, 2]] * 3)
    values = np.full((3, 3, 4), 0.75, np.float32)
    affinities = Affinities(values, ((-1, 0), (0, -1), (0, -2)), np.ones_like(values))
    graph = RegionGraph(labels, affinities)
    # Two columns, three rows, all with a partner two to the left in the other segment.
    assert graph.borders == {(1, 2): Border(3, 6, 1.5)}
    assert graph.mean_apart == pytest.approx(0.25)


def test_features_have_no_unit_of_length() -> None:
    labels = discs((40, 35), (40, 58))
    small = RegionGraph(labels, sure(labels.shape))
    large = labels.repeat(4, axis=0).repeat(4, axis=1)
    big = RegionGraph(large, sure(large.shape))
    one = shape_features(small, [(1, 2)], TypicalCell(500.0, 0.93, 1.0))
    other = shape_features(big, [(1, 2)], TypicalCell(8000.0, 0.93, 1.0))
    assert one.shape == (1, len(SHAPE_FEATURES))
    np.testing.assert_allclose(one, other, atol=0.02)


def test_two_discs_are_two_cells_and_two_halves_are_one() -> None:
    apart = discs((40, 35), (40, 58))
    halves = discs((40, 40))
    halves[halves > 0] += (np.arange(96) > 40)[None, :].repeat(96, axis=0)[halves > 0]
    odds = fitted_odds()
    touching, cut = (
        odds.by_shape(shape_features(RegionGraph(labels, sure(labels.shape)), [(1, 2)], DISC))[0]
        for labels in (apart, halves)
    )
    assert touching < -1
    assert cut > 1


def test_evidence_is_relative_to_the_rest_of_the_image() -> None:
    labels = discs((40, 35), (40, 58))
    truth = affinities_from_labels(labels, PUBLISHED_OFFSETS)
    graph = RegionGraph(labels, truth)
    assert image_evidence(graph, [(1, 2)])[0] > 0.5
    # The same in every pair says nothing, however sure or unsure.
    for value in (0.3, 0.9, 1.0):
        same = RegionGraph(labels, sure(labels.shape, value))
        assert image_evidence(same, [(1, 2)])[0] == pytest.approx(0, abs=1e-6)


def test_evidence_counts_as_far_as_it_agrees_with_clear_shapes() -> None:
    odds = fitted_odds()
    shape = np.where(np.arange(400) % 2, 4.0, -4.0)
    agreeing = np.where(np.arange(400) % 2, -1.0, 1.0)
    noise = np.random.default_rng(0).normal(size=400)
    assert odds.image[1] < 0
    slopes = [calibrated(odds, shape, evidence)[1] for evidence in (agreeing, noise, -agreeing)]
    assert slopes[0] < odds.image[1] < slopes[1] < slopes[2]
    # A single border leaves nearly everything as it usually is.
    intercept, slope = calibrated(odds, shape[:1], noise[:1])
    assert slope == pytest.approx(odds.image[1], abs=0.1)
    assert np.isfinite(intercept)


def test_cells_come_out_whatever_else_the_image_says_everywhere() -> None:
    truth = discs((30, 24), (30, 47), (52, 36), (75, 70))
    mask = truth > 0
    for unsure in (0.0, 0.3):
        affinities = affinities_from_labels(truth, PUBLISHED_OFFSETS)
        blurred = Affinities(
            affinities.values * np.float32(1 - unsure), affinities.offsets, affinities.weight
        )
        labels = region_merging(blurred, foreground=mask, diameter=25)
        assert seg_score(labels, truth) > 0.95
        np.testing.assert_array_equal(labels > 0, mask)


def test_the_image_decides_where_the_outline_cannot() -> None:
    # A rod that is one cell by its outline, and two by the image.
    rod = np.zeros((60, 90), np.int64)
    rod[20:42, 15:45], rod[20:42, 45:75] = 1, 2
    whole = np.minimum(rod, 1)
    cut, one = (
        region_merging(
            affinities_from_labels(labels, PUBLISHED_OFFSETS), foreground=rod > 0, diameter=25
        )
        for labels in (rod, whole)
    )
    assert seg_score(cut, rod) > 0.9
    assert len(np.unique(cut)) - 1 >= len(np.unique(one)) - 1


def test_alpha_means_more_segments() -> None:
    truth = discs((30, 24), (30, 44), (50, 34), (48, 56))
    affinities = affinities_from_labels(truth, PUBLISHED_OFFSETS)
    counts = [
        len(np.unique(region_merging(affinities, foreground=truth > 0, alpha=alpha)))
        for alpha in (0.01, 1.5, 100.0)
    ]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


def test_a_history_holds_the_labels_of_every_alpha() -> None:
    truth = discs((30, 24), (30, 44), (50, 34), (48, 56))
    affinities, foreground = affinities_from_labels(truth, PUBLISHED_OFFSETS), truth > 0
    history = merge_history(affinities, foreground=foreground, least_alpha=0.01, diameter=22.0)
    assert len(history.merges) > 2
    assert len({int(history.labels(alpha).max()) for alpha in (0.01, 1.5, 100.0)}) > 1
    for alpha in (0.01, 0.7, 1.5, 2.2, 100.0):
        np.testing.assert_array_equal(
            history.labels(alpha),
            region_merging(affinities, foreground=foreground, alpha=alpha, diameter=22.0),
        )


@pytest.mark.parametrize("empty", [np.zeros((20, 30), bool), np.ones((20, 30), bool)])
def test_nothing_and_everything_can_be_foreground(empty: NDArray[np.bool_]) -> None:
    labels = partition(
        sure((20, 30)), foreground=empty, parameters=PartitionParameters("region_merging")
    )
    np.testing.assert_array_equal(labels > 0, empty)


def test_a_waist_is_judged_by_what_other_cells_look_like() -> None:
    labels = discs((40, 35), (40, 55))
    graph = RegionGraph(labels, sure(labels.shape))
    odds = fitted_odds()
    among_discs, among_rods = (
        odds.by_shape(shape_features(graph, [(1, 2)], TypicalCell(700.0, *shape)))[0]
        for shape in ((0.95, 1.05), (0.84, 0.85))
    )
    assert among_rods > among_discs + 1


def test_a_typical_cell_is_found_from_a_wrong_guess() -> None:
    truth = discs((24, 24), (24, 70), (70, 24), (70, 70), radius=15)
    found = typical_cell(truth > 0, 22.0)
    assert found.area == pytest.approx(np.pi * 15**2, rel=0.1)


def test_typical_cells_of_an_empty_foreground_are_the_usual_ones() -> None:
    nothing = typical_cell(np.zeros((5, 5), bool), 10.0)
    assert nothing == typical_cell([], 10.0)
    assert nothing.area == pytest.approx(np.pi * 25)
    assert 0.9 < nothing.solidity < 1


def test_long_and_ragged_cells_are_told_from_discs() -> None:
    rows, columns = np.mgrid[:240, :240] % 40
    round_ones = np.hypot(rows - 20, columns - 20) < 12
    long_ones = np.hypot((rows - 20) / 7, (columns - 20) / 19) < 1
    teeth = round_ones & ~((columns % 4 < 2) & (abs(rows - 20) > 6))
    disc, rod, ragged = (typical_cell(mask, 24.0) for mask in (round_ones, long_ones, teeth))
    assert rod.width < 0.75 * disc.width
    assert ragged.solidity < 0.9 * disc.solidity
    assert disc.width == pytest.approx(2 / np.sqrt(np.pi), rel=0.08)


def test_cells_that_are_smaller_than_said_are_separated() -> None:
    middles = [(y, x + dx) for y in range(12, 96, 24) for x in range(12, 84, 30) for dx in (0, 10)]
    truth = discs(*middles, radius=5.6)
    affinities = affinities_from_labels(np.minimum(truth, 1), PUBLISHED_OFFSETS)
    labels = region_merging(affinities, foreground=truth > 0, diameter=25)
    assert seg_score(labels, truth) > 0.9


@given(labels=small_labels)
@settings(max_examples=40, deadline=None)
def test_no_hull_is_narrower_than_its_width(labels: NDArray[Any]) -> None:
    for label, segment in segments_of(labels).items():
        extent = np.ptp(segment.corners, axis=0)
        assert 1 <= segment.width <= extent.min() + 1e-9
        turned = segments_of((labels == label).T.astype(int))[1]
        assert turned.width == pytest.approx(segment.width)
        assert segment.width * np.linalg.norm(extent) >= segment.hull - 1e-9

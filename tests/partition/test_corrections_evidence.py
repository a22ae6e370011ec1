"""Corrections that look at affinities: split, relink, and the order of review."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS, Affinities
from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.partition import mutex_watershed
from napari_inpaintaff.partition.corrections import (
    CorrectionError,
    LabelState,
    lock,
    relink,
    review_order,
    segment_uncertainty,
    size_outliers,
    split,
)
from napari_inpaintaff.separation.affinities import affinities_from_labels

SHAPE = (30, 60)


def cells(*borders: int) -> np.ndarray:
    """Columns 0-59 cut at the borders, with two rows of background on all sides."""
    labels = np.zeros(SHAPE, np.int32)
    labels[2:-2, 2:-2] = np.searchsorted(borders, np.arange(SHAPE[1]), side="right")[2:-2] + 1
    return labels


def partly(affinities: Affinities, value: float) -> Affinities:
    """Let affinities be less sure: 1 becomes ``1 - value``, and 0 becomes ``value``."""
    values = value + (1 - 2 * value) * affinities.values
    return Affinities(values.astype(np.float32), affinities.offsets, affinities.weight)


def test_a_split_by_seeds_meets_where_the_affinities_are_low():
    truth = cells(21)
    state = LabelState(cells())
    seeds = np.zeros(SHAPE, np.uint8)
    # The middle between the seeds is far from the cut.
    seeds[10, 4], seeds[20, 25] = 1, 2
    affinities = affinities_from_labels(truth)
    state.apply(split(state, seeds, affinities=affinities))
    assert np.count_nonzero(state.labels) == np.count_nonzero(truth)
    # The larger part, on the right, keeps its number.
    agreement = np.mean((state.labels == 1)[truth > 0] == (truth == 2)[truth > 0])
    assert agreement > 0.97
    assert set(state.segments) == {1, 2}


def test_a_split_without_affinities_meets_at_the_waist():
    rows, columns = np.indices((40, 80))
    mask = ((rows - 20) ** 2 + (columns - 20) ** 2 < 18**2) | (
        (rows - 20) ** 2 + (columns - 52) ** 2 < 18**2
    )
    state = LabelState(mask.astype(np.uint8))
    seeds = np.zeros(mask.shape, np.uint8)
    seeds[20, 30], seeds[20, 60] = 4, 9
    edit = split(state, seeds)
    state.apply(edit)
    parts = [state.labels == number for number in state.segments]
    assert len(parts) == 2
    centres = sorted(float(columns[part].mean()) for part in parts)
    assert centres == pytest.approx([20, 52], abs=1.5)
    assert np.array_equal(state.labels > 0, mask)


def test_pieces_of_a_split_segment_without_a_seed_are_not_lost():
    labels = np.zeros((5, 12), np.uint8)
    labels[1:3, :8] = 1
    labels[4, 11] = 1
    seeds = np.zeros_like(labels)
    seeds[1, 0], seeds[1, 7] = 1, 2
    state = LabelState(labels)
    state.apply(split(state, seeds))
    assert np.array_equal(state.labels > 0, labels > 0)
    assert state.labels[4, 11] == state.labels[1, 7]


def test_seeds_that_do_not_split_are_refused():
    state = LabelState(cells(30))
    seeds = np.zeros(SHAPE, np.uint8)
    with pytest.raises(CorrectionError, match="two or more seeds"):
        split(state, seeds)
    seeds[10, 10] = 1
    with pytest.raises(CorrectionError, match="Segment 1 has only one seed"):
        split(state, seeds)
    seeds[0, 0] = 2
    with pytest.raises(CorrectionError, match="Seed 2 is on the background"):
        split(state, seeds)
    with pytest.raises(ImageError, match="belong to an image"):
        split(state, seeds, affinities=affinities_from_labels(seeds[:-1]))


def test_one_stroke_across_two_segments_joins_them_and_spares_the_third():
    labels = cells(20, 40)
    state = LabelState(labels)
    strokes = np.zeros(SHAPE, np.uint8)
    strokes[15, 15:26] = 1
    edit = relink(state, strokes, affinities_from_labels(labels))
    state.apply(edit)
    # The larger of the two gives its number.
    assert set(state.segments) == {2, 3}
    assert np.array_equal(state.labels == 3, labels == 3)
    assert np.all(state.labels[(labels == 1) | (labels == 2)] == 2)


def test_different_strokes_part_a_segment_where_the_affinities_say():
    truth = cells(24)
    # So sure that they are one that alpha alone leaves them together.
    weak = Affinities(
        np.where(affinities_from_labels(truth).values > 0, 1, 0.9).astype(np.float32),
        PUBLISHED_OFFSETS,
        affinities_from_labels(truth).weight,
    )
    state = LabelState(cells())
    assert mutex_watershed(weak, foreground=state.labels > 0, alpha=1.5).max() == 1
    strokes = np.zeros(SHAPE, np.uint8)
    strokes[5:25, 10], strokes[5:25, 50] = 1, 2
    state.apply(relink(state, strokes, weak))
    assert set(state.segments) == {1, 2}
    assert np.array_equal(state.labels == 1, truth == 2)


def test_relinking_refuses_locked_segments_and_strokes_on_nothing():
    labels = cells(20, 40)
    state = LabelState(labels)
    strokes = np.zeros(SHAPE, np.uint8)
    affinities = affinities_from_labels(labels)
    with pytest.raises(CorrectionError, match="stroke"):
        relink(state, strokes, affinities)
    state.apply(lock(state, [2]))
    strokes[15, 15:26] = 1
    with pytest.raises(CorrectionError, match="Segment 2 is locked"):
        relink(state, strokes, affinities)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_strokes_are_obeyed_on_any_affinities(seed):
    random = np.random.default_rng(seed)
    shape = (20, 24)
    values = random.random((len(PUBLISHED_OFFSETS), *shape)).astype(np.float32)
    affinities = Affinities(values, PUBLISHED_OFFSETS, np.ones_like(values))
    labels = np.ones(shape, np.int32)
    labels[:, 12:] = 2
    labels[:3] = 0
    state = LabelState(labels)
    strokes = np.zeros(shape, np.uint8)
    for stroke in range(1, int(random.integers(2, 5))):
        row, column = random.integers(3, 19), random.integers(0, 20)
        strokes[row, column : column + 4] = stroke
    # One stroke in two places.
    strokes[19, 0] = 1
    state.apply(relink(state, strokes, affinities, minimum_size=5))
    owners = {}
    for stroke in np.unique(strokes[strokes > 0]):
        numbers = np.unique(state.labels[(strokes == stroke) & (labels > 0)])
        assert numbers.size == 1
        owners[stroke] = int(numbers[0])
    assert len(set(owners.values())) == len(owners)
    assert np.array_equal(state.labels > 0, labels > 0)


def test_doubtful_segments_come_first():
    truth = cells(15, 30, 45)
    labels = truth.copy()
    labels[labels == 2] = 1  # two cells in one
    labels[(labels == 4) & (np.arange(SHAPE[1]) >= 52)] = 5  # one cell in two
    uncertainty = segment_uncertainty(labels, affinities_from_labels(truth))
    assert set(uncertainty) == {1, 3, 4, 5}
    # Nothing speaks against the border of 4 and 5 but everything for them being one.
    assert uncertainty[4] == uncertainty[5] == 1
    assert 0.2 < uncertainty[1] < 0.9
    assert uncertainty[3] == 0
    assert review_order(uncertainty) == [4, 5, 1, 3]
    fuzzy = segment_uncertainty(labels, partly(affinities_from_labels(truth), 0.1))
    assert review_order(fuzzy) == [4, 5, 1, 3]


def test_an_image_without_known_pairs_has_no_doubts():
    labels = cells(30)
    nothing = affinities_from_labels(labels)
    unknown = Affinities(nothing.values, nothing.offsets, np.zeros_like(nothing.weight))
    assert segment_uncertainty(labels, unknown) == {1: 0, 2: 0}


def test_sizes_out_of_the_ordinary_come_first_without_affinities():
    labels = np.zeros((20, 40), np.int32)
    labels[:10, :10], labels[:10, 10:20], labels[:10, 20:30] = 1, 2, 3
    labels[15, 5] = 4
    labels[10:, 20:] = 5
    assert review_order(size_outliers(labels)) == [4, 5, 1, 2, 3]
    assert size_outliers(np.zeros((3, 3), np.int32)) == {}

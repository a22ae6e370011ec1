"""Cells of another size than the inpainter's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mosaic import QUICK, mosaic
from numpy.typing import NDArray

from gaussian_inpainter import GaussianInpainter
from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS, Affinities
from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.evaluation import seg_score
from napari_inpaintaff.images.zoom import Zoom
from napari_inpaintaff.partition import PartitionParameters, partition
from napari_inpaintaff.separation import affinities_from_labels, compute_affinities

FACTORS = st.one_of(st.floats(0.3, 0.94), st.floats(1.06, 5))


def test_no_diameter_or_nearly_the_same_changes_nothing() -> None:
    image, _ = mosaic((40, 48), seed=0)
    inpainter = GaussianInpainter()
    expected = compute_affinities(image, inpainter, QUICK)
    for diameter in (24, 25, 26.0):
        found = compute_affinities(image, inpainter, QUICK, diameter=diameter)
        assert found.offsets == QUICK.offsets
        np.testing.assert_array_equal(found.values, expected.values)
    zoom = Zoom(1.0)
    assert zoom.shrink(image) is image
    assert zoom.enlarge(expected, image > 0) is expected


@pytest.mark.parametrize("diameter", [0, -1, float("nan"), 1, 1000, float("inf")])
def test_an_impossible_diameter_is_refused(diameter: float) -> None:
    with pytest.raises(ParameterError, match="diameter"):
        Zoom.between(25, diameter)


def magnified(image: NDArray[np.generic], times: int) -> NDArray[np.generic]:
    return image.repeat(times, 0).repeat(times, 1)


def test_a_magnified_image_comes_apart_like_the_original() -> None:
    image, labels = mosaic((64, 64), seed=1, areas=6)
    inpainter = GaussianInpainter()
    original = compute_affinities(image, inpainter, QUICK)
    scores = []
    for times in (1, 2, 3):
        large, truth = magnified(image, times), magnified(labels + 1, times)
        found = compute_affinities(large, inpainter, QUICK, diameter=25 * times)
        assert found.shape == large.shape
        chosen = PartitionParameters(alpha=1, minimum_size=20 * times**2)
        scores.append(seg_score(partition(found, parameters=chosen), truth))
        between, inside = slice(0, None, times), slice(times // 2, None, times)
        for k, places in enumerate([(between, inside), (inside, between)]):
            pairs = original.weight[k] > 0
            back, there = found.values[k][places][pairs], original.values[k][pairs]
            assert np.corrcoef(back, there)[0, 1] > 0.8
    assert scores[0] > 0.85
    assert min(scores) > scores[0] - 0.05


def test_offsets_follow_the_cells_except_the_local_ones() -> None:
    assert Zoom(2.0).offsets(PUBLISHED_OFFSETS)[:4] == ((-1, 0), (0, -1), (-18, 0), (0, -18))
    assert Zoom(2.0).offsets(PUBLISHED_OFFSETS)[-1] == (0, -54)
    assert Zoom(1.0).offsets(PUBLISHED_OFFSETS) == PUBLISHED_OFFSETS
    smallest = Zoom.between(25, 2.5).offsets(PUBLISHED_OFFSETS)
    assert (0, 0) not in smallest


@pytest.mark.parametrize("factor", [2.0, 3.0, 4.0])
def test_the_cuts_of_large_cells_lie_where_they_were_found(factor: float) -> None:
    working = np.zeros((40, 40), int)
    working[:, 17:] = 1
    working[23:] += 2
    image_shape = (round(40 * factor), round(40 * factor))
    found = Zoom(factor).enlarge(affinities_from_labels(working), np.ones(image_shape, bool))
    for k, border in ((0, 23), (1, 17)):
        profile = 1 - found.values[k][1:, 1:].mean(axis=1 - k)
        base = profile.min()
        centre = ((profile - base) * np.arange(1, len(profile) + 1)).sum() / (profile - base).sum()
        assert centre == pytest.approx(border * factor, abs=0.05)
    long = found.offsets.index((-round(9 * factor), 0))
    cut = np.flatnonzero(found.values[long][:, 0] < 0.5)
    cut = cut[found.weight[long][cut, 0] > 0]
    assert cut.min() == pytest.approx(23 * factor, abs=1)
    assert cut.max() == pytest.approx(32 * factor - 1, abs=1)


@settings(deadline=None, max_examples=60)
@given(
    factor=FACTORS,
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_wanted_pixel_reads_nothing_that_was_not_computed(
    factor: float, height: int, width: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    wanted = rng.random((height, width)) < rng.choice([0.01, 0.1, 0.6])
    zoom = Zoom(factor)
    computed = zoom.shrink_mask(wanted)
    full = affinities_from_labels(rng.integers(0, 3, computed.shape))
    partial = Affinities(
        np.where(computed, full.values, 0).astype(np.float32),
        full.offsets,
        np.where(computed, full.weight, 0).astype(np.float32),
    )
    expected = zoom.enlarge(full, wanted)
    found = zoom.enlarge(partial, wanted)
    np.testing.assert_array_equal(found.weight, expected.weight)
    np.testing.assert_array_equal(found.values, expected.values)
    assert not found.weight[:, ~wanted].any()
    assert zoom.shrink(rng.random((height, width)).astype(np.float32)).shape == computed.shape


@pytest.mark.parametrize("diameter", [15, 40, 61.5])
def test_weights_are_zero_outside_the_wanted_pixels_and_nowhere_else(diameter: float) -> None:
    image, labels = mosaic((70, 60), seed=2, areas=6)
    wanted = labels < 4
    inpainter = GaussianInpainter()
    found = compute_affinities(image, inpainter, QUICK, wanted=wanted, diameter=diameter)
    inside = affinities_from_labels(labels, found.offsets).weight > 0
    np.testing.assert_array_equal(found.weight > 0, inside & wanted)
    assert found.values.min() >= 0
    assert found.values.max() <= 1


def test_a_grown_foreground_of_large_cells_equals_computing_at_once() -> None:
    image, labels = mosaic((90, 80), seed=3, areas=8)
    small, large = labels < 3, labels < 6
    inpainter = GaussianInpainter()
    first = compute_affinities(image, inpainter, QUICK, wanted=small, diameter=40)
    grown = compute_affinities(image, inpainter, QUICK, wanted=large, previous=first, diameter=40)
    at_once = compute_affinities(image, inpainter, QUICK, wanted=large, diameter=40)
    np.testing.assert_array_equal(grown.weight, at_once.weight)
    np.testing.assert_array_equal(grown.values, at_once.values)


@settings(deadline=None, max_examples=40)
@given(factor=FACTORS, seed=st.integers(0, 2**32 - 1))
def test_isolated_unknown_pixels_neither_spread_nor_darken(factor: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = np.full((48, 40), 5, np.float32)
    image[tuple(rng.integers(0, 40, (2, 4)))] = np.nan
    shrunk = Zoom(factor).shrink(image)
    np.testing.assert_allclose(shrunk[~np.isnan(shrunk)], 5, rtol=1e-5)
    assert np.isnan(shrunk).mean() <= 3 * np.isnan(image).mean() + 1e-9
    image[:, 20:] = np.nan
    assert np.isnan(Zoom(factor).shrink(image)).mean() == pytest.approx(0.5, abs=0.11)

"""The outline of the foreground as affinities, and together with those of the image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS, Affinities
from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.partition import (
    PartitionParameters,
    outline_affinities,
    partition,
    with_outline,
)
from napari_inpaintaff.separation import affinities_from_labels

FAR = PUBLISHED_OFFSETS.index((0, -27))
BOTH = PartitionParameters("outline_mutex_watershed")


def blobs(seed: int, shape: tuple[int, int] = (60, 70)) -> NDArray[np.bool_]:
    noise = np.random.default_rng(seed).normal(size=shape)
    return np.asarray(ndimage.gaussian_filter(noise, 4) > 0.02)


def two_discs(scale: int = 1) -> NDArray[np.bool_]:
    """Touching, the left one around (30, 25), the right one around (30, 46)."""
    rows, columns = np.indices((70, 90))
    mask = ((rows - 30) ** 2 + (columns - 25) ** 2 <= 144) | (
        (rows - 30) ** 2 + (columns - 46) ** 2 <= 144
    )
    return np.kron(mask, np.ones((scale, scale), bool))


def rod() -> NDArray[np.bool_]:
    """As wide everywhere: 16 by 60 pixels from (27, 15) on."""
    mask = np.zeros((70, 90), bool)
    mask[27:43, 15:75] = True
    return mask


def test_a_waist_separates_and_a_disc_holds_together() -> None:
    values = outline_affinities(two_discs(), PUBLISHED_OFFSETS)
    assert values.shape == (12, 70, 90)
    assert values.dtype == np.float32
    # From (30, 49) to (30, 22): across the waist.
    assert values[FAR, 30, 49] == 0
    # Upright within the left disc.
    down = PUBLISHED_OFFSETS.index((-9, 0))
    assert values[down, 34, 25] == 1
    # Pixels at the left border have no partner on their left.
    assert (values[FAR, :, :27] == 0).all()


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6), diameter=st.floats(6, 60))
def test_outlines_say_so_for_every_pair_of_pixels(seed: int, diameter: float) -> None:
    mask = blobs(seed)
    values = outline_affinities(mask, PUBLISHED_OFFSETS, diameter=diameter)
    assert values.min() >= 0
    assert values.max() <= 1
    # Different components never belong together.
    components = ndimage.label(mask)[0]
    apart = (affinities_from_labels(components).values == 0) & mask
    assert (values[apart] == 0).all()


def test_lengths_follow_the_diameter() -> None:
    offsets = ((-1, 0), (0, -1), (0, -27))
    values = outline_affinities(two_discs(3), offsets, diameter=75)[2, 1::3, 1::3]
    near = PUBLISHED_OFFSETS.index((0, -9))
    small = outline_affinities(two_discs(), PUBLISHED_OFFSETS)[near]
    assert 0.3 < small[two_discs()].mean() < 0.9
    assert np.abs(values - small)[two_discs()].mean() < 0.02


def test_the_share_of_the_outline_is_added_and_weights_stay() -> None:
    mask = two_discs()
    image = affinities_from_labels(mask.astype(int))
    both = with_outline(image, mask)
    outline = outline_affinities(mask, image.offsets)
    np.testing.assert_allclose(both.values, 0.7 * image.values + 0.3 * outline, atol=1e-6)
    np.testing.assert_array_equal(both.weight, image.weight)
    assert both.offsets == image.offsets


def test_without_any_background_the_image_decides_alone() -> None:
    labels = np.ones((40, 60), int)
    labels[:, 30:] = 2
    image = affinities_from_labels(labels)
    np.testing.assert_array_equal(partition(image, parameters=BOTH), labels)


def test_an_image_that_shows_nothing_is_cut_at_the_waist() -> None:
    mask = two_discs()
    nothing = affinities_from_labels(np.ones(mask.shape, int))
    assert partition(nothing, foreground=mask).max() == 1
    # What all of the outline says weighs as much as 0.3 of the image.
    parameters = PartitionParameters("outline_mutex_watershed", alpha=3)
    labels = partition(nothing, foreground=mask, parameters=parameters)
    assert labels.max() == 2
    assert labels[30, 25] != labels[30, 46]


def test_the_image_cuts_where_the_outline_shows_nothing() -> None:
    mask = rod()
    halves = np.where(np.arange(90) < 45, 1, 2) * np.ones((70, 1), int)
    labels = partition(affinities_from_labels(halves), foreground=mask, parameters=BOTH)
    np.testing.assert_array_equal(labels, np.where(mask, halves, 0))


def test_doubts_of_both_together_cut() -> None:
    """Neither evidence is enough alone; a waist where the image has a doubt is."""
    mask = two_discs()
    halves = np.where(np.arange(90) < 36, 1, 2) * np.ones((70, 1), int)
    sure = affinities_from_labels(halves)
    doubtful = Affinities(0.6 + 0.4 * sure.values, sure.offsets, sure.weight)
    alpha = 1.2
    alone = partition(doubtful, foreground=mask, parameters=PartitionParameters(alpha=alpha))
    assert alone.max() == 1
    parameters = PartitionParameters("outline_mutex_watershed", alpha=alpha)
    assert partition(doubtful, foreground=mask, parameters=parameters).max() == 2


def test_parameters_follow_the_scale() -> None:
    large = PartitionParameters(alpha=1.2, minimum_size=60).at_scale(2)
    assert large == PartitionParameters(alpha=1.2, minimum_size=240, diameter=50)


@pytest.mark.parametrize("diameter", [0.0, -3.0, float("nan"), float("inf")])
def test_the_diameter_must_be_a_length(diameter: float) -> None:
    with pytest.raises(ParameterError, match="diameter of a cell must be a number of pixels"):
        PartitionParameters(diameter=diameter)

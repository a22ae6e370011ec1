"""Simulated scenes: repeatable, of known masks, and not to be solved by brightness."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.color import rgb2gray
from skimage.filters import threshold_otsu

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images import HUES, PLACEMENTS, layered_scenes, two_digit_scenes


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("hues", HUES)
@pytest.mark.parametrize("side", [32, 128])
def test_brightness_does_not_solve_layered_scenes(side, hues, placement):
    scenes = layered_scenes(20, side, placement=placement, hues=hues)
    for grey in (np.mean, lambda image, axis: rgb2gray(image, channel_axis=axis)):
        scores = []
        for image, mask in zip(scenes.images, scenes.masks, strict=True):
            values = grey(image, axis=0)
            scores.append(iou(values > threshold_otsu(values), mask))
        assert np.mean(scores) <= 0.3


def test_object_and_background_have_the_same_grey_levels():
    scenes = layered_scenes(5, 64)
    parts = np.linspace(0.02, 0.98, 25)
    for image, mask in zip(scenes.images, scenes.masks, strict=True):
        grey = image.mean(axis=0)
        inside, outside = np.quantile(grey[mask], parts), np.quantile(grey[~mask], parts)
        np.testing.assert_allclose(inside, outside, atol=0.02)


def middle_hues(hues: str) -> np.ndarray:
    """Return unit vectors: the mean colour of every background and object, without grey."""
    scenes = layered_scenes(60, 24, hues=hues)
    found = []
    for image, mask in zip(scenes.images, scenes.masks, strict=True):
        chroma = image - image.mean(axis=0)
        for inside in (~mask, mask):
            red, green, blue = chroma[:, inside].mean(axis=1)
            found.append(red + green * np.exp(2j * np.pi / 3) + blue * np.exp(-2j * np.pi / 3))
    vectors = np.array(found).reshape(60, 2)
    return vectors / np.abs(vectors)


def test_opposite_hues_follow_each_other_and_own_ones_do_not():
    background, shape = middle_hues("opposite").T
    assert np.abs(background.mean()) < 0.3
    assert (shape / background).real.mean() < -0.6
    background, shape = middle_hues("own").T
    assert shape.real.mean() > 0.6  # red
    assert background.real.mean() < -0.6  # cyan
    turns = np.angle(shape), np.angle(-background)
    assert abs(np.corrcoef(*turns)[0, 1]) < 0.35


def test_objects_lie_as_said():
    frames = {}
    for placement in PLACEMENTS:
        masks = layered_scenes(30, 48, placement=placement).masks
        rim = np.concatenate([masks[:, 0], masks[:, -1], masks[..., 0], masks[..., -1]], axis=1)
        frames[placement] = rim.any(axis=1).mean()
        assert (masks.mean((1, 2)) > 0.07).all()
        assert (masks.mean((1, 2)) <= 0.5).all()
    assert frames["whole"] == 0
    assert frames["cropped"] > 0.3


@settings(max_examples=15, deadline=None)
@given(
    st.integers(1, 4), st.integers(16, 40), st.integers(0, 2**32 - 1), st.sampled_from(PLACEMENTS)
)
def test_a_scene_depends_on_seed_and_number_only(count, side, seed, placement):
    few = layered_scenes(count, side, seed=seed, placement=placement)
    more = layered_scenes(count + 2, side, seed=seed, placement=placement)
    assert few.images.shape == (count, 3, side, side)
    assert (few.images.dtype, few.masks.dtype) == (np.float32, bool)
    assert few.images.min() >= 0
    assert few.images.max() <= 1
    assert np.array_equal(few.images, more.images[:count])
    assert np.array_equal(few.masks, more.masks[:count])
    assert not np.array_equal(more.images[0], more.images[1])
    digits = two_digit_scenes(count, side, seed=seed)
    assert np.array_equal(digits.images, two_digit_scenes(count + 1, side, seed=seed).images[:-1])


def test_digits_are_three_regions_of_their_own_colours():
    scenes = two_digit_scenes(12, 64)
    assert scenes.regions.dtype == np.uint8
    for image, regions in zip(scenes.images, scenes.regions, strict=True):
        assert set(np.unique(regions)) == {0, 1, 2}
        for number in (1, 2):
            assert 0.01 < (regions == number).mean() < 0.25
            assert ndimage.label(regions == number, np.ones((3, 3)))[1] == 1
            # One colour with a little noise.
            assert image[:, regions == number].std(axis=1).max() < 0.04
        odd, even = image[:, regions == 1].mean(1), image[:, regions == 2].mean(1)
        assert odd[0] > odd[2] - 0.2
        assert even[2] > even[0]


@pytest.mark.parametrize("simulate", [layered_scenes, two_digit_scenes])
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"count": 0}, "at least 1 scene"),
        ({"count": 1, "side": 15}, "at least 16"),
        ({"count": 1, "seed": -1}, "seed"),
    ],
)
def test_scenes_that_cannot_be(simulate, settings, said):
    with pytest.raises(ParameterError, match=said):
        simulate(**settings)


def test_unknown_placement():
    with pytest.raises(ParameterError, match="whole, cropped"):
        layered_scenes(1, placement="outside")

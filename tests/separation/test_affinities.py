"""Affinities of label images, their average over patches, and what is joined."""

from __future__ import annotations

import numpy as np
import pytest
from bioimage_cpp.affinities import compute_affinities as affinities_of_bioimage_cpp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS, Affinities, Offset
from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.separation import affinities_from_labels
from napari_inpaintaff.separation.affinities import (
    AffinityAverage,
    known_pixels,
    merge_affinities,
    pair_slices,
)

OFFSETS = st.tuples(st.integers(-12, 12), st.integers(-12, 12)).filter(any)


@settings(deadline=None)
@given(
    labels=hnp.arrays(
        np.int32,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=14),
        elements=st.integers(0, 3),
    ),
    offsets=st.lists(OFFSETS, min_size=1, max_size=5),
)
def test_labels_give_the_affinities_of_bioimage_cpp(
    labels: NDArray[np.int32], offsets: list[Offset]
) -> None:
    values, valid = affinities_of_bioimage_cpp(labels, offsets)
    found = affinities_from_labels(labels, offsets)
    np.testing.assert_array_equal(found.values, values)
    np.testing.assert_array_equal(found.weight, valid)
    assert found.values.dtype == found.weight.dtype == np.float32


def test_published_offsets_on_a_large_label_image() -> None:
    labels = np.random.default_rng(0).integers(0, 4, (90, 70)).astype(np.int32)
    values, valid = affinities_of_bioimage_cpp(labels, PUBLISHED_OFFSETS)
    found = affinities_from_labels(labels)
    assert found.offsets == PUBLISHED_OFFSETS
    np.testing.assert_array_equal(found.values, values)
    np.testing.assert_array_equal(found.weight, valid)


def test_labels_must_be_a_plane() -> None:
    with pytest.raises(ImageError, match="plane"):
        affinities_from_labels(np.zeros((2, 3, 4), int))


@settings(deadline=None)
@given(shape=st.tuples(st.integers(1, 9), st.integers(1, 9)), offset=OFFSETS)
def test_pairs_are_those_whose_partner_is_inside(shape: tuple[int, int], offset: Offset) -> None:
    number = np.arange(shape[0] * shape[1]).reshape(shape)
    here, there = pair_slices(shape, offset)
    pairs = set(zip(number[here].ravel().tolist(), number[there].ravel().tolist(), strict=True))
    expected = set()
    for y in range(shape[0]):
        for x in range(shape[1]):
            v, u = y + offset[0], x + offset[1]
            if 0 <= v < shape[0] and 0 <= u < shape[1]:
                expected.add((int(number[y, x]), int(number[v, u])))
    assert pairs == expected


def test_overlapping_patches_are_averaged() -> None:
    average = AffinityAverage((1, 4), ((0, -1), (0, -2)))
    everywhere = np.ones((3, 3), bool)
    outside = [0, 0, 0]
    # Both patches reach beyond the image; only their second rows are inside.
    average.add(np.array([outside, [1, 1, 2], outside]), everywhere, (-1, 0))
    average.add(np.array([outside, [5, 7, 7], outside]), everywhere, (-1, 1))
    result = average.result()
    np.testing.assert_array_equal(result.weight, [[[0, 1, 2, 1]], [[0, 0, 1, 1]]])
    np.testing.assert_array_equal(result.values, [[[0, 1, 0, 1]], [[0, 0, 0, 0]]])
    average.add(np.array([outside, [1, 2, 2], outside]), everywhere, (-1, 0))
    np.testing.assert_allclose(average.result().values[0], [[0, 0.5, 1 / 3, 1]], rtol=1e-6)
    np.testing.assert_array_equal(result.values[0], [[0, 1, 0, 1]], "a result is a copy")


def test_only_wanted_pixels_count_but_their_partners_may_be_anything() -> None:
    average = AffinityAverage((2, 3), ((0, -1), (1, 0)))
    wanted = np.array([[False, True, False], [False, False, False]])
    average.add(np.array([[4, 4, 4], [4, 9, 9]]), wanted, (0, 0))
    result = average.result()
    assert np.argwhere(result.weight).tolist() == [[0, 0, 1], [1, 0, 1]]
    assert result.values[0, 0, 1] == 1
    assert result.values[1, 0, 1] == 0


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_the_patches_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    patches = [
        (rng.integers(1, 4, (8, 8)), rng.random((8, 8)) < 0.7, (int(y), int(x)))
        for y, x in rng.integers(-7, 12, (6, 2))
    ]
    results = []
    for order in (patches, patches[::-1]):
        average = AffinityAverage((12, 12), PUBLISHED_OFFSETS)
        for patch in order:
            average.add(*patch)
        results.append(average.result())
    np.testing.assert_array_equal(results[0].values, results[1].values)
    np.testing.assert_array_equal(results[0].weight, results[1].weight)


def make(values: list[float], weight: list[float], offset: Offset = (0, -1)) -> Affinities:
    return Affinities(np.array([[values]], np.float32), (offset,), np.array([[weight]], np.float32))


def test_joined_affinities_keep_what_was_known_first() -> None:
    joined = merge_affinities(make([0.0, 0.5, 0.0], [0, 2, 0]), make([0.0, 1.0, 0.25], [0, 1, 4]))
    np.testing.assert_array_equal(joined.values, [[[0, 0.5, 0.25]]])
    np.testing.assert_array_equal(joined.weight, [[[0, 2, 4]]])
    np.testing.assert_array_equal(known_pixels(joined), [[True, True, True]])


def test_pixels_are_known_by_any_pair_or_for_want_of_pairs() -> None:
    weight = np.zeros((2, 2, 3), np.float32)
    weight[1, 1, 2] = 1
    known = known_pixels(Affinities(np.zeros_like(weight), ((-1, 0), (0, -1)), weight))
    # Pixel (0, 0) has no partner: nothing about it can be computed.
    np.testing.assert_array_equal(known, [[1, 0, 0], [0, 0, 1]])


def test_affinities_of_two_images_are_not_joined() -> None:
    with pytest.raises(ImageError, match="do not belong to one image"):
        merge_affinities(make([0.0], [0]), make([0.0, 0.0], [0, 0]))
    with pytest.raises(ImageError, match="different offsets"):
        merge_affinities(make([0.0], [0]), make([0.0], [0], (-1, 0)))

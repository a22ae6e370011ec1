"""Methods that read the outline of the foreground alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.partition import (
    OUTLINE_METHODS,
    OutlineParameters,
    distance_watershed,
    foreground_components,
    partition_outline,
)


def discs(*middles: tuple[int, int], radius: int = 12, shape: Any = (70, 90)) -> NDArray[np.bool_]:
    rows, columns = np.indices(shape)
    inside = [(rows - y) ** 2 + (columns - x) ** 2 <= radius**2 for y, x in middles]
    return np.logical_or.reduce(inside)


def blobs(seed: int, shape: tuple[int, int] = (60, 70)) -> NDArray[np.bool_]:
    noise = np.random.default_rng(seed).normal(size=shape)
    return np.asarray(ndimage.gaussian_filter(noise, 4) > 0.02)


def test_touching_discs_come_apart_at_their_waist() -> None:
    mask = discs((30, 25), (30, 46))
    labels = distance_watershed(mask)
    assert labels.max() == 2
    assert labels[30, 25] == 1
    assert labels[30, 46] == 2
    waist = np.flatnonzero(np.diff(labels[30, 25:47].astype(int)))
    assert waist.tolist() == [10]
    assert foreground_components(mask).max() == 1


def test_components_share_sides_of_pixels() -> None:
    mask = np.eye(4, dtype=bool)
    np.testing.assert_array_equal(foreground_components(mask), np.diag([1, 2, 3, 4]))


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    method=st.sampled_from(sorted(OUTLINE_METHODS)),
    sigma=st.floats(0, 4),
    distance=st.floats(0.1, 12),
    diameter=st.floats(5, 80),
)
def test_every_foreground_pixel_and_no_other_has_a_label(
    seed: int, method: str, sigma: float, distance: float, diameter: float
) -> None:
    mask = blobs(seed)
    parameters = OutlineParameters(method, sigma, distance)
    labels = partition_outline(mask, parameters, diameter=diameter)
    assert labels.dtype == np.uint32
    np.testing.assert_array_equal(labels > 0, mask)
    values, first = np.unique(labels, return_index=True)
    np.testing.assert_array_equal(values[values > 0], np.arange(1, labels.max() + 1))
    order = first[values > 0]
    assert (np.diff(order) > 0).all()
    # No segment reaches from one component to another.
    components = ndimage.label(mask)[0]
    for label in range(1, int(labels.max()) + 1):
        assert len(np.unique(components[labels == label])) == 1


def test_lengths_follow_the_diameter() -> None:
    mask = discs((30, 25), (30, 46))
    large = np.kron(mask, np.ones((3, 3), bool))
    parameters = OutlineParameters(sigma=2, minimum_distance=9)
    small, enlarged = partition_outline(mask, parameters), None
    enlarged = partition_outline(large, parameters, diameter=75)
    agree = np.kron(small, np.ones((3, 3), np.uint32)) == enlarged
    assert small.max() == enlarged.max() == 2
    assert agree[large].mean() > 0.97
    as_given = distance_watershed(large, sigma=6, minimum_distance=27)
    np.testing.assert_array_equal(enlarged, as_given)


def test_a_larger_minimum_distance_leaves_fewer_segments() -> None:
    mask = blobs(1, (200, 200))
    counts = [
        int(distance_watershed(mask, minimum_distance=distance).max()) for distance in (1, 4, 16)
    ]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1] >= foreground_components(mask).max()


@pytest.mark.parametrize("method", sorted(OUTLINE_METHODS))
@pytest.mark.parametrize("shape", [(0, 5), (1, 1), (3, 4)])
def test_an_empty_or_full_foreground(method: str, shape: tuple[int, int]) -> None:
    parameters = OutlineParameters(method)
    assert not partition_outline(np.zeros(shape, bool), parameters).any()
    full = partition_outline(np.ones(shape, bool), parameters)
    assert (full > 0).all()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"method": "guess"}, "'guess'; choose one of: distance_watershed, foreground_components"),
        ({"sigma": -1.0}, "sigma"),
        ({"sigma": float("nan")}, "sigma"),
        ({"minimum_distance": 0.0}, "minimum distance"),
        ({"minimum_distance": float("inf")}, "minimum distance"),
    ],
)
def test_parameters_that_cannot_be(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        OutlineParameters(**values)


def test_what_cannot_be_a_foreground() -> None:
    with pytest.raises(ImageError, match="plane"):
        partition_outline(np.ones((2, 3, 4), bool))
    with pytest.raises(ParameterError, match="diameter"):
        partition_outline(np.ones((3, 4), bool), diameter=0)

from __future__ import annotations

import brute_force
import numpy as np
import pytest
from bioimage_cpp.affinities import compute_affinities
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS, Affinities
from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.partition import (
    PARTITION_METHODS,
    PartitionParameters,
    partition,
)


def ideal(labels: NDArray[np.integer]) -> Affinities:
    """The affinities that a perfect separation of these labels would give."""
    values, valid = compute_affinities(labels.astype(np.int32), PUBLISHED_OFFSETS)
    return Affinities(values.astype(np.float32), PUBLISHED_OFFSETS, valid.astype(np.float32))


def touching_blocks() -> NDArray[np.int64]:
    y, x = np.mgrid[:60, :70]
    blocks = (y // 20) * 4 + x // 20 + 1
    return np.where((y > 3) & (x > 5) & (y < 57), blocks, 0)


@pytest.mark.parametrize("method", list(PARTITION_METHODS))
def test_ideal_affinities_give_the_objects_back(method: str, backend: str) -> None:
    truth = touching_blocks()
    labels = partition(
        ideal(truth), foreground=truth > 0, parameters=PartitionParameters(method=method)
    )
    assert brute_force.same_partition(labels, truth)
    assert labels.dtype == np.uint32
    assert np.array_equal(np.unique(labels), np.arange(labels.max() + 1))


@pytest.mark.parametrize("method", list(PARTITION_METHODS))
def test_without_a_foreground_every_pixel_is_labelled(method: str) -> None:
    truth = touching_blocks()
    labels = partition(ideal(truth), parameters=PartitionParameters(method=method))
    assert labels.min() == 1
    assert brute_force.same_partition(labels, truth + 1)


@pytest.mark.parametrize("method", list(PARTITION_METHODS))
def test_a_large_foreground_is_partitioned_island_by_island(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(6)
    pairs = ideal(np.kron(np.ones((2, 2), int), touching_blocks()))
    noisy = np.abs(pairs.values - random.random(pairs.values.shape, np.float32) * 0.6)
    if method in ("mutex_watershed", "connected_components"):
        # Many equal strengths, as in real affinities; the others break ties by the number of an
        # edge, which is another one in another image.
        noisy = np.round(noisy * 8) / 8
    pairs = Affinities(noisy, PUBLISHED_OFFSETS, pairs.weight)
    islands = ndimage.gaussian_filter(random.normal(size=pairs.shape), 4) > 0.01
    parameters = PartitionParameters(method=method, minimum_size=5)
    at_once = partition(pairs, foreground=islands, parameters=parameters)
    monkeypatch.setattr("napari_inpaintaff.partition.islands._GROUP", 24)
    in_groups = partition(pairs, foreground=islands, parameters=parameters)
    assert at_once.max() > 20
    np.testing.assert_array_equal(in_groups, at_once)


def test_the_place_of_the_foreground_in_the_image_does_not_matter() -> None:
    random = np.random.default_rng(5)
    truth = touching_blocks()
    small = ideal(truth)
    noisy = np.clip(small.values + random.normal(0, 0.4, small.values.shape), 0, 1)
    noisy = np.round(noisy * 8).astype(np.float32) / 8  # many equal strengths, as in real ones
    small = Affinities(noisy, PUBLISHED_OFFSETS, small.weight)
    margins = ((0, 0), (13, 9), (4, 30))
    large = Affinities(
        np.pad(noisy, margins, constant_values=0.5),
        PUBLISHED_OFFSETS,
        np.pad(small.weight, margins, constant_values=3),
    )
    within = partition(small, foreground=truth > 0)
    inside_large = partition(large, foreground=np.pad(truth > 0, margins[1:]))
    assert np.array_equal(np.pad(within, margins[1:]), inside_large)
    assert np.array_equal(within, partition(small, foreground=truth > 0))


def test_foreground_pixels_of_unknown_affinity_get_a_label() -> None:
    nothing = np.zeros((2, 9, 9), np.float32)
    foreground = np.zeros((9, 9), bool)
    foreground[2, 3] = foreground[7, 7] = True
    for method in PARTITION_METHODS:
        labels = partition(
            Affinities(nothing, ((-1, 0), (0, -1)), nothing),
            foreground=foreground,
            parameters=PartitionParameters(method=method),
        )
        assert (labels[2, 3], labels[7, 7], labels.max()) == (1, 2, 2)
        assert np.array_equal(labels > 0, foreground)


def test_an_empty_foreground_gives_no_objects() -> None:
    labels = partition(ideal(touching_blocks()), foreground=np.zeros((60, 70), bool))
    assert labels.shape == (60, 70)
    assert labels.dtype == np.uint32
    assert not labels.any()


def test_the_fragments_are_absorbed() -> None:
    truth = np.ones((20, 20), np.int64)
    truth[:, 10:] = 2
    truth[8:12, 8:10] = 3
    kept = partition(ideal(truth), parameters=PartitionParameters(minimum_size=0))
    assert kept.max() == 3
    absorbed = partition(ideal(truth), parameters=PartitionParameters(minimum_size=30))
    assert absorbed.max() == 2


def test_more_alpha_gives_more_segments() -> None:
    random = np.random.default_rng(2)
    perfect = ideal(touching_blocks())
    values = np.clip(perfect.values * 0.6 + random.random(perfect.values.shape) * 0.4, 0, 1)
    noisy = Affinities(values.astype(np.float32), PUBLISHED_OFFSETS, perfect.weight)
    counts = [
        int(partition(noisy, parameters=PartitionParameters(alpha=alpha, minimum_size=0)).max())
        for alpha in (0.2, 1.0, 3.0)
    ]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


def test_a_foreground_of_another_shape_is_refused() -> None:
    with pytest.raises(ImageError, match=r"\(60, 71\).*\(60, 70\)"):
        partition(ideal(touching_blocks()), foreground=np.ones((60, 71), bool))


@pytest.mark.parametrize("alpha", [0.0, -1.0, float("nan"), float("inf")])
def test_alpha_must_be_positive(alpha: float) -> None:
    with pytest.raises(ParameterError, match="alpha must be a number above 0"):
        PartitionParameters(alpha=alpha)


def test_the_minimum_size_must_not_be_negative() -> None:
    with pytest.raises(ParameterError, match="got -1"):
        PartitionParameters(minimum_size=-1)


def test_an_unknown_method_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ParameterError, match=r"'gasp'.*mutex_watershed, greedy_additive"):
        PartitionParameters(method="gasp")

from __future__ import annotations

import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.datatypes import Affinities, Offset
from napari_inpaintaff.partition import absorb_fragments, relabel_by_position

LOCAL: tuple[Offset, ...] = ((-1, 0), (0, -1))


def links(shape: tuple[int, int], value: float = 0.5) -> Affinities:
    values = np.full((2, *shape), value, np.float32)
    return Affinities(values, LOCAL, np.ones_like(values))


def labels_of(rows: list[list[int]]) -> NDArray[np.uint32]:
    return np.array(rows, np.uint32)


def test_a_fragment_goes_where_the_summed_link_is_strongest() -> None:
    labels = labels_of([[1, 1, 1], [1, 2, 1], [3, 3, 3], [3, 3, 3]])
    affinities = links((4, 3), 0.1)
    affinities.values[0, 2, 1] = 0.4  # one strong pair to 3, three weak ones to 1: 0.4 to 0.3
    merged = absorb_fragments(labels, affinities, minimum_size=2)
    assert merged.tolist() == [[1, 1, 1], [1, 2, 1], [2, 2, 2], [2, 2, 2]]


def test_equal_links_go_to_the_longer_border_then_to_the_lower_label() -> None:
    labels = labels_of([[1, 1, 1], [1, 2, 1], [3, 3, 3], [3, 3, 3]])
    assert absorb_fragments(labels, links((4, 3), 0.0), minimum_size=2)[1, 1] == 1
    tie = labels_of([[1, 1, 2, 3, 3]])
    assert absorb_fragments(tie, links((1, 5)), minimum_size=2).tolist() == [[1, 1, 1, 2, 2]]


def test_the_smallest_goes_first_and_fragments_may_grow_together() -> None:
    # 2 (one pixel) prefers 3 (two pixels); together they are large enough to stay.
    labels = labels_of([[1, 1, 1, 2, 3, 3, 4, 4, 4]])
    affinities = links((1, 9), 0.2)
    affinities.values[1, 0, 4] = 0.9
    merged = absorb_fragments(labels, affinities, minimum_size=3)
    assert merged.tolist() == [[1, 1, 1, 2, 2, 2, 3, 3, 3]]


def test_a_chain_of_fragments_ends_in_one_segment() -> None:
    labels = np.arange(1, 101, dtype=np.uint32)[None]
    assert absorb_fragments(labels, links((1, 100)), minimum_size=1000).max() == 1


def test_an_isolated_fragment_is_kept() -> None:
    labels = labels_of([[1, 0, 2, 2], [0, 3, 0, 0]])
    assert np.array_equal(absorb_fragments(labels, links((2, 4)), minimum_size=30), labels)


def test_minimum_sizes_of_zero_and_one_change_nothing() -> None:
    labels = labels_of([[1, 2, 3], [3, 3, 4]])
    for minimum in (0, 1):
        assert np.array_equal(absorb_fragments(labels, links((2, 3)), minimum_size=minimum), labels)


def test_links_without_weight_count_nothing() -> None:
    labels = labels_of([[1, 1, 2, 3, 3]])
    values = np.full((2, 1, 5), 0.9, np.float32)
    values[1, 0, 3] = 0.1
    weight = np.ones_like(values)
    weight[1, 0, 2] = 0
    merged = absorb_fragments(labels, Affinities(values, LOCAL, weight), minimum_size=2)
    assert merged.tolist() == [[1, 1, 2, 2, 2]]


@st.composite
def random_partitions(draw: st.DrawFn) -> tuple[NDArray[np.uint32], Affinities, int]:
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    seeds = random.integers(0, draw(st.integers(1, 6)), (height, width))
    components = np.zeros((height, width), np.uint32)
    for value in range(1, int(seeds.max()) + 1):
        parts, _ = ndimage.label(seeds == value)
        components[parts > 0] = parts[parts > 0] + components.max()
    values = random.random((2, height, width)).astype(np.float32)
    affinities = Affinities(values, LOCAL, np.ones_like(values))
    return components, affinities, draw(st.integers(0, 20))


@settings(deadline=None)
@given(case=random_partitions())
def test_properties(case: tuple[NDArray[np.uint32], Affinities, int]) -> None:
    labels, affinities, minimum = case
    merged = absorb_fragments(labels, affinities, minimum_size=minimum)
    assert merged.dtype == np.uint32
    assert np.array_equal(merged > 0, labels > 0)
    assert np.array_equal(np.unique(merged[merged > 0]), np.arange(1, merged.max() + 1))
    for label in range(1, int(labels.max()) + 1):  # segments are joined, never cut
        assert np.unique(merged[labels == label]).size <= 1
    for label in range(1, int(merged.max()) + 1):
        inside = merged == label
        assert ndimage.label(inside)[1] == 1
        around = ndimage.binary_dilation(inside) & ~inside & (merged > 0)
        assert inside.sum() >= minimum or not around.any()
    assert np.array_equal(absorb_fragments(merged, affinities, minimum_size=minimum), merged)


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 300))
def test_numbers_follow_the_first_pixels(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, count, (7, 9)) * 11
    numbered = relabel_by_position(labels)
    order: list[int] = []
    for value in labels.ravel().tolist():
        if value and value not in order:
            order.append(value)
    expected = [order.index(value) + 1 if value else 0 for value in labels.ravel().tolist()]
    assert numbered.ravel().tolist() == expected


def test_is_fast_enough_for_a_slider() -> None:
    """A megapixel in 2000 segments, every third of them a fragment to be absorbed."""
    y, x = np.mgrid[:1000, :1000]
    blocks = (y // 25) * 40 + x // 25 + 1
    specks = (y % 25 < 5) & (x % 25 < 5) & (blocks % 3 == 0)
    labels = np.where(specks, blocks + 1600, blocks).astype(np.uint32)
    values = np.random.default_rng(0).random((2, 1000, 1000)).astype(np.float32)
    affinities = Affinities(values, LOCAL, np.ones_like(values))
    times = []
    for _ in range(5):
        start = time.process_time()
        merged = absorb_fragments(labels, affinities, minimum_size=30)
        times.append(time.process_time() - start)
    assert merged.max() == 1600
    assert min(times) < 0.15, f"{min(times):.3f} s"

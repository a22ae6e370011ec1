"""Random conditionals: what the network is trained to see."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from torch import Tensor

from napari_inpaintaff.inpainting import masks as masks_module
from napari_inpaintaff.inpainting.masks import (
    Conditionals,
    near_hole,
    random_conditionals,
    random_shapes,
)
from napari_inpaintaff.networks.morphology import band


def draw(batch: int = 500, size: int = 64, seed: int = 0, distance: int = 8) -> Conditionals:
    generator = torch.Generator().manual_seed(seed)
    return random_conditionals(batch, size, generator, distance=distance)


@cache
def many() -> Conditionals:
    return draw(800)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31), size=st.sampled_from([8, 32, 50]), distance=st.integers(1, 8))
def test_known_pixels_are_a_part_of_the_region(seed: int, size: int, distance: int) -> None:
    drawn = draw(20, size, seed, distance)
    assert drawn.known.shape == drawn.region.shape == (20, size, size)
    assert drawn.known.dtype == drawn.region.dtype == torch.bool
    assert not (drawn.known & ~drawn.region).any()


def test_same_seed_same_masks() -> None:
    one, same, other = draw(8, seed=3), draw(8, seed=3), draw(8, seed=4)
    assert torch.equal(one.known, same.known)
    assert torch.equal(one.region, same.region)
    assert not torch.equal(one.known, other.known)


def test_never_all_and_rarely_nothing_is_known() -> None:
    drawn = many()
    known = drawn.known.flatten(1).float().mean(1)
    assert known.max() < 0.9
    assert 0 < (known == 0).float().mean() < 0.06
    assert (known < 0.02).float().mean() < 0.15
    assert 0.1 < known.median() < 0.4
    to_predict = (near_hole(drawn.known, 16) & drawn.region).flatten(1).any(1)
    assert to_predict.float().mean() > 0.93


def test_whole_patches_and_parts_of_them() -> None:
    region = many().region.flatten(1).float().mean(1)
    assert 0.25 < (region == 1).float().mean() < 0.35
    assert region.min() > 0.1
    assert ((region > 0.15) & (region < 0.5)).float().mean() > 0.2


@pytest.mark.parametrize("distance", [1, 2, 8])
def test_a_band_of_every_half_width_is_hidden(
    distance: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Tensor, Tensor, Tensor]] = []

    def spy(side: Tensor, other: Tensor, reach: Tensor, limit: int) -> Tensor:
        seen.append((side, other, reach))
        return band(side, other, reach, limit)

    monkeypatch.setattr(masks_module, "band", spy)
    drawn = draw(300, distance=distance)
    [(side, other, reach)] = seen
    assert sorted(set(reach.tolist())) == list(range(1, distance + 1))
    if distance > 2:
        assert 0.25 < (reach == 1).float().mean() < 0.45
    for index in range(0, 300, 10):
        if not (side[index].any() and other[index].any()):
            continue
        away = ndimage.distance_transform_cdt(~other[index].numpy(), metric="chessboard")
        expected = side[index].numpy() & (away > int(reach[index]))
        np.testing.assert_array_equal(drawn.known[index].numpy(), expected)


def test_shapes_cover_15_to_85_percent() -> None:
    shapes = random_shapes(400, 64, torch.Generator().manual_seed(0), plane=2.0)
    area = shapes.flatten(1).float().mean(1)
    assert area.min() > 0.14
    assert area.max() < 0.86
    assert area.std() > 0.15


def test_shapes_are_straight_cuts_and_blobs_and_unions() -> None:
    shapes = random_shapes(400, 64, torch.Generator().manual_seed(0), plane=2.0)
    parts = [(ndimage.label(s)[1], ndimage.label(~s)[1]) for s in shapes.numpy()]
    connected = np.mean([max(pair) == 1 for pair in parts])
    unions = np.mean([max(pair) >= 3 for pair in parts])
    assert connected > 0.2
    assert unions > 0.2
    # A straight cut along an axis: the borders of the two halves are short.
    lengths = (shapes[:, 1:] ^ shapes[:, :-1]).sum((1, 2)) + (
        shapes[:, :, 1:] ^ shapes[:, :, :-1]
    ).sum((1, 2))
    assert 0.03 < (lengths < 1.3 * 64).float().mean() < 0.5


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31), distance=st.integers(1, 8))
def test_near_hole_equals_scipy(seed: int, distance: int) -> None:
    known = draw(4, 40, seed).known
    result = near_hole(known, distance).numpy()
    for mask, near in zip(known.numpy(), result, strict=True):
        away = ndimage.distance_transform_cdt(~mask, metric="chessboard")
        expected = (away > 0) & (away <= distance) if mask.any() else np.zeros_like(mask)
        np.testing.assert_array_equal(near, expected)

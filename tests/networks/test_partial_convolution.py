"""Partial convolutions against the formula written out as loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_inpaintaff.networks.blocks import PartialConv2d, box_count

Floats = NDArray[np.float64]


def slow_partial_convolution(
    features: Floats,
    masks: Floats,
    weight: Floats,
    bias: Floats,
    groups: tuple[int, ...],
    stride: int,
) -> tuple[Floats, Floats]:
    """Equations 1 and 2 of Liu et al. 2018; outside the image nothing is known."""
    kernel = weight.shape[-1]
    pad = kernel // 2
    known = np.repeat(masks, groups, axis=0)
    border = ((0, 0), (pad, pad), (pad, pad))
    features, known = np.pad(features, border), np.pad(known, border)
    rows = range(0, features.shape[1] - kernel + 1, stride)
    columns = range(0, features.shape[2] - kernel + 1, stride)
    result = np.zeros((len(weight), len(rows), len(columns)))
    updated = np.zeros((len(rows), len(columns)))
    for i, y in enumerate(rows):
        for j, x in enumerate(columns):
            window = features[:, y : y + kernel, x : x + kernel]
            seen = known[:, y : y + kernel, x : x + kernel]
            if seen.sum() > 0:
                scaled = (weight * window * seen).sum((1, 2, 3)) * (seen.size / seen.sum())
                result[:, i, j] = scaled + bias
                updated[i, j] = 1
    return result, updated


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**31),
    groups=st.sampled_from([(1,), (3,), (2, 1), (1, 4)]),
    kernel=st.sampled_from([1, 3, 5, 7]),
    stride=st.sampled_from([1, 2]),
    density=st.sampled_from([0.0, 0.05, 0.5, 1.0]),
)
def test_equals_the_loops(
    seed: int, groups: tuple[int, ...], kernel: int, stride: int, density: float
) -> None:
    random = np.random.default_rng(seed)
    masks = (random.random((len(groups), 8, 10)) < density).astype(float)
    features = random.normal(size=(sum(groups), 8, 10)) * np.repeat(masks, groups, axis=0)
    layer = PartialConv2d(groups, 4, kernel, stride).double()
    torch.nn.init.normal_(layer.bias)
    with torch.no_grad():
        result, updated = layer(torch.from_numpy(features)[None], torch.from_numpy(masks)[None])
    expected, expected_mask = slow_partial_convolution(
        features,
        masks,
        layer.conv.weight.detach().numpy(),
        layer.bias.detach().numpy(),
        groups,
        stride,
    )
    np.testing.assert_array_equal(updated[0, 0], expected_mask)
    np.testing.assert_allclose(result[0], expected, rtol=1e-5, atol=1e-6)


def test_a_constant_image_stays_constant_wherever_something_is_known() -> None:
    layer = PartialConv2d((1,), 1, 3)
    torch.nn.init.constant_(layer.conv.weight, 1 / 9)
    known = (torch.rand(1, 1, 20, 20, generator=torch.Generator().manual_seed(0)) < 0.1).float()
    result, mask = layer(5 * known, known)
    torch.testing.assert_close(result, 5 * mask)


def test_nothing_known_gives_zero_whatever_the_bias() -> None:
    layer = PartialConv2d((2, 3), 4, 3)
    torch.nn.init.constant_(layer.bias, 7)
    result, mask = layer(torch.zeros(2, 5, 6, 6), torch.zeros(2, 2, 6, 6))
    assert not result.any()
    assert not mask.any()


def test_padding_counts_as_hidden() -> None:
    count = box_count(torch.ones(1, 1, 4, 4), 3)
    assert count[0, 0].round().int().tolist() == [
        [4, 6, 6, 4],
        [6, 9, 9, 6],
        [6, 9, 9, 6],
        [4, 6, 6, 4],
    ]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_still_counts_exactly(dtype: torch.dtype) -> None:
    layer = PartialConv2d((512, 1), 1, 3).to(dtype)
    torch.nn.init.zeros_(layer.conv.weight)
    with torch.no_grad():
        layer.conv.weight[0, 0, 1, 1] = 1
    mask = torch.zeros(1, 2, 3, 3, dtype=dtype)
    mask[0, :, 1, 1] = 1
    mask[0, 1] = 1
    features = torch.zeros(1, 513, 3, 3, dtype=dtype)
    features[0, 0, 1, 1] = 1
    result, _ = layer(features, mask)
    # 513 * 9 inputs, of which 512 + 9 are known: the scale is the nearest number of this type.
    assert result[0, 0, 1, 1] == torch.tensor(513 * 9 / 521).to(dtype)
    assert result.dtype == dtype

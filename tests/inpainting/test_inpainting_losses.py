"""Errors of a prediction: Laplace negative log-likelihood, or plain L1."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from napari_inpaintaff.inpainting.losses import LOG_SCALE_BOUNDS, pixel_error, split_head


@settings(deadline=None)
@given(
    mean=st.floats(-10, 10, width=32),
    log_scale=st.floats(-6, 6, width=32),
    value=st.floats(-10, 10, width=32),
)
def test_laplace_error_is_the_negative_log_likelihood(
    mean: float, log_scale: float, value: float
) -> None:
    output = torch.tensor([mean, log_scale])[None, :, None, None]
    scale = np.exp(np.clip(log_scale, *LOG_SCALE_BOUNDS))
    expected = -stats.laplace.logpdf(value, loc=mean, scale=scale)
    error = pixel_error(output, torch.full((1, 1, 1), value))
    assert error.item() == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_one_output_is_plain_l1() -> None:
    output = torch.tensor([[[[1.0, -2.0]]]])
    mean, log_scale = split_head(output)
    assert mean.tolist() == [[[1.0, -2.0]]]
    assert log_scale is None
    assert pixel_error(output, torch.tensor([[[3.0, -2.5]]])).tolist() == [[[2.0, 0.5]]]


def test_errors_are_computed_in_float32() -> None:
    output = torch.tensor([1.0, 0.0], dtype=torch.bfloat16)[None, :, None, None]
    error = pixel_error(output, torch.full((1, 1, 1), 1.001))
    assert error.dtype == torch.float32
    assert error.item() == pytest.approx(0.001 + np.log(2), abs=1e-6)


def test_the_best_scale_is_the_mean_absolute_error() -> None:
    values = torch.randn(1, 50, 50, generator=torch.Generator().manual_seed(0))
    spread = values.abs().mean().log()

    def error(log_scale: torch.Tensor) -> float:
        output = torch.stack([torch.zeros(50, 50), log_scale.expand(50, 50)])[None]
        return pixel_error(output, values).mean().item()

    assert error(spread) < min(error(spread - 0.2), error(spread + 0.2))

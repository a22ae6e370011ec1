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


@settings(deadline=None)
@given(
    raw=st.floats(-9, 9, width=32),
    downstream=st.floats(-3, 3, width=32).filter(lambda value: abs(value) > 1e-3),
)
def test_only_steps_further_out_of_the_bounds_are_stopped(raw: float, downstream: float) -> None:
    channels = torch.tensor([0.0, raw])[None, :, None, None].requires_grad_()
    log_scale = split_head(channels)[1]
    assert log_scale is not None
    assert log_scale.item() == np.clip(np.float32(raw), *LOG_SCALE_BOUNDS)
    (downstream * log_scale).sum().backward()
    assert channels.grad is not None
    gradient = channels.grad[0, 1, 0, 0].item()
    low, high = LOG_SCALE_BOUNDS
    step = -downstream
    further_out = (raw < low and step < 0) or (raw > high and step > 0)
    assert gradient == (0 if further_out else np.float32(downstream))


@pytest.mark.parametrize("start", [-8.0, 7.0])
def test_a_scale_out_of_bounds_finds_back(start: float) -> None:
    values = torch.randn(1, 20, 20, generator=torch.Generator().manual_seed(0))
    raw = torch.tensor(start, requires_grad=True)
    optimiser = torch.optim.Adam([raw], lr=0.1)
    for _ in range(300):
        output = torch.stack([torch.zeros(20, 20), raw.expand(20, 20)])[None]
        optimiser.zero_grad()
        pixel_error(output, values).mean().backward()
        optimiser.step()
    assert raw.item() == pytest.approx(values.abs().mean().log().item(), abs=0.05)


def test_errors_of_what_was_predicted_without_gradients() -> None:
    with torch.inference_mode():
        output = torch.zeros(1, 2, 3, 3)
    assert pixel_error(output, torch.ones(1, 3, 3)).shape == (1, 3, 3)

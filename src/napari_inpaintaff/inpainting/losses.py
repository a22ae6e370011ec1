"""Errors of a prediction, pixel by pixel; training minimises them and the splits compare them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

#: Bounds of the logarithm of the Laplace scale, in normalised units. The lower one keeps
#: flat background from winning a split by being predicted a little more exactly.
LOG_SCALE_BOUNDS = (-3.0, 2.0)


class _Bounded(torch.autograd.Function):
    """Clamp to `LOG_SCALE_BOUNDS`; descent can bring a value back that has left them.

    The gradient of a plain clamp is 0 outside the bounds: a network whose scale has once
    left them everywhere would never find back.
    """

    @staticmethod
    def forward(ctx: Any, raw: Tensor) -> Tensor:
        ctx.save_for_backward(raw)
        return raw.clamp(*LOG_SCALE_BOUNDS)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (raw,) = ctx.saved_tensors
        (gradient,) = gradients
        low, high = LOG_SCALE_BOUNDS
        # A descent step goes against the gradient.
        outwards = ((raw < low) & (gradient > 0)) | ((raw > high) & (gradient < 0))
        return gradient.masked_fill(outwards, 0.0)


def split_head(output: Tensor) -> tuple[Tensor, Tensor | None]:
    """Read mean and scale from the channels of a network.

    Parameters
    ----------
    output : Tensor, shape (B, 1 or 2, Y, X)
        One channel is a plain mean (L1); two are mean and logarithm of the scale (Laplace).

    Returns
    -------
    mean : Tensor of float32, shape (B, Y, X)
        Predicted value.
    log_scale : Tensor of float32, shape (B, Y, X), or None
        Within `LOG_SCALE_BOUNDS`. Its gradient reaches a channel outside the bounds only
        where a descent step would bring that closer to them.
    """
    output = output.float()
    if output.shape[1] == 1:
        return output[:, 0], None
    log_scale: Tensor = _Bounded.apply(output[:, 1])  # type: ignore[no-untyped-call]
    return output[:, 0], log_scale


def pixel_error(output: Tensor, values: Tensor) -> Tensor:
    """Return the error of every pixel at its observed value.

    Parameters
    ----------
    output : Tensor, shape (B, 1 or 2, Y, X)
        Network output, see `split_head`.
    values : Tensor, shape (B, Y, X)
        Observed values, normalised.

    Returns
    -------
    Tensor of float32, shape (B, Y, X)
        Negative log-likelihood of a Laplace distribution in nats (Wolf et al. 2020,
        equation 1), or the absolute difference for an L1 network.
    """
    mean, log_scale = split_head(output)
    difference = (values.float() - mean).abs()
    if log_scale is None:
        return difference
    return difference * torch.exp(-log_scale) + log_scale + 0.6931472  # log 2

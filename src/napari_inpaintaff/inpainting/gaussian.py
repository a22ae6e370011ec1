"""Inpainting without learning: the Gaussian-weighted mean of the known pixels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def gaussian_inpainting(
    values: Tensor, known: Tensor, *, sigma: float = 5.0, radius: int = 10, fallback: float = 0.0
) -> Tensor:
    """Predict every pixel as the Gaussian-weighted mean of the known ones around it.

    Parameters
    ----------
    values : Tensor of float32, shape (B, Y, X)
        Images, without NaN; only the known pixels count.
    known : Tensor of bool, shape (B, Y, X)
        What may be seen.
    sigma : float, optional
        Standard deviation of the kernel in pixels.
    radius : int, optional
        The kernel is a square of side ``2 * radius + 1``.
    fallback : float, optional
        Prediction where no known pixel is within reach.

    Returns
    -------
    Tensor of float32, shape (B, Y, X)
        ``K * X / K * M`` (Savarese et al. 2021, equation 7), with their sizes by default.
    """
    positions = torch.arange(-radius, radius + 1, dtype=torch.float32, device=values.device)
    kernel = torch.exp(-positions.square() / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    mask = known.to(torch.float32)
    both = torch.cat([values * mask, mask])[:, None]
    both = functional.conv2d(both, kernel[None, None, :, None], padding=(radius, 0))
    both = functional.conv2d(both, kernel[None, None, None, :], padding=(0, radius))
    mass, weight = both[:, 0].chunk(2)
    return torch.where(weight > 1e-6, mass / weight.clamp(min=1e-6), fallback)

"""The losses of PerturbGAN (Bielski and Favaro 2019, equations 3 to 6)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def size_loss(masks: Tensor, minimum: float) -> Tensor:
    """Hinge on the mean of every mask (equation 3).

    Parameters
    ----------
    masks : Tensor, shape (B, 1, Y, X)
        0 to 1.
    minimum : float
        Part of the image below which a mask is too small.

    Returns
    -------
    Tensor
        Scalar; 0 if every mask is large enough.
    """
    return (minimum - masks.mean((1, 2, 3))).clamp(min=0).mean()


def binarisation_loss(masks: Tensor) -> Tensor:
    """Mean of min(m, 1 - m) over all pixels (equation 4): 0 for masks of zeros and ones."""
    return torch.minimum(masks, 1 - masks).mean()


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
    """Mean of (|gradient| - 1)^2 on lines between real and generated images (equation 6).

    Parameters
    ----------
    critic : callable
        Images (B, C, Y, X) to scores (B,).
    real, fake : Tensor, shape (B, C, Y, X)
        Where on the lines is drawn at random.

    Returns
    -------
    Tensor
        Scalar, with gradients in the weights of the critic.
    """
    where = torch.rand(len(real), 1, 1, 1, device=real.device)
    between = torch.lerp(fake.detach(), real.detach(), where).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    # The root has no slope at 0.
    norm = (gradient.square().sum((1, 2, 3)) + 1e-12).sqrt()
    return (norm - 1).square().mean()


def drift_loss(scores: Tensor) -> Tensor:
    """Mean square of the scores of real images: keeps them near 0 (equation 6)."""
    return scores.square().mean()

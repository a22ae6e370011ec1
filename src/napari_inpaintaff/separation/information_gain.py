"""The relative information gain of the pixels in a band, and the update it implies."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from napari_inpaintaff.inpainting.inpainter import Inpainter


def smoothing_matrices(size: int, sigmas: tuple[float, ...]) -> Tensor:
    """Return one-dimensional Gaussians as matrices.

    Parameters
    ----------
    size : int
        Side of the patch, in pixels.
    sigmas : tuple of float
        Standard deviations in pixels.

    Returns
    -------
    Tensor of float32, shape (len(sigmas), size, size)
        ``G @ map @ G`` convolves a map with the two-dimensional Gaussian, zero outside;
        the rows of an unbounded kernel sum to 1.
    """
    position = np.arange(size, dtype=np.float64)
    reach = np.arange(-4 * size, 4 * size + 1, dtype=np.float64)
    matrices = []
    for sigma in sigmas:
        total = np.exp(-0.5 * (reach / sigma) ** 2).sum()
        distance = position[:, None] - position[None, :]
        matrices.append(np.exp(-0.5 * (distance / sigma) ** 2) / total)
    return (
        torch.from_numpy(np.stack(matrices).astype(np.float32))
        if matrices
        else torch.zeros(0, size, size)
    )


def relative_information_gain(
    inpainter: Inpainter,
    values: Tensor,
    observed: Tensor,
    side: Tensor,
    other: Tensor,
    hidden: Tensor,
) -> Tensor:
    """Compare how well the two sides of a split predict the band between them.

    RIG(i | M) = NLL(i | M without N) - NLL(i | complement without N) at the observed value:
    equations 3 and 4 of Wolf et al. 2020 with p(x_i | rest) as a point mass, and the
    conditionals of equation 7.

    Parameters
    ----------
    inpainter : Inpainter
        Predicts both conditionals in one batch.
    values : Tensor of float32, shape (B, Y, X)
        Normalised, without NaN.
    observed : Tensor of bool, shape (B, Y, X)
        False where the value is unknown.
    side, other : Tensor of bool, shape (B, Y, X)
        M and its complement within the region; everything else is hidden from both.
    hidden : Tensor of bool, shape (B, Y, X)
        The band N.

    Returns
    -------
    Tensor of float32, shape (B, Y, X)
        In nats; positive where the complement predicts better, 0 outside the band and where
        nothing was observed.
    """
    seen = observed & ~hidden
    known = torch.cat([side & seen, other & seen])
    errors = inpainter.errors(torch.cat([values, values]), known)
    from_side, from_other = errors.chunk(2)
    return torch.where(hidden & observed, from_side - from_other, 0.0)


def reassign(gain: Tensor, side: Tensor, hidden: Tensor, smoothing: Tensor) -> Tensor:
    """Give every pixel of the band to the side that predicts it better.

    The paper's equation 11 prints RIG > 0 for M, which contradicts its own definition of
    RIG as the information that the complement adds: minimising IGM (equation 8) needs the
    opposite sign, used here. Both errors are smoothed by the same linear filters, so their
    difference is smoothed once.

    Parameters
    ----------
    gain : Tensor of float32, shape (B, Y, X)
        RIG(i | M), 0 outside the band.
    side, hidden : Tensor of bool, shape (B, Y, X)
        M, and the band N.
    smoothing : Tensor of float32, shape (S, Y, Y)
        See `smoothing_matrices`; patches are square.

    Returns
    -------
    Tensor of bool, shape (B, Y, X)
        The new M. A pixel without any evidence keeps its side.
    """
    filtered = torch.matmul(torch.matmul(smoothing, gain[:, None]), smoothing)
    evidence = gain + filtered.sum(1)
    better = torch.where(evidence == 0, side, evidence < 0)
    return (side & ~hidden) | (better & hidden)


def split_evidence(gain: Tensor, side: Tensor, hidden: Tensor) -> Tensor:
    """Return by how much the sides of a split predict themselves better than each other.

    Parameters
    ----------
    gain : Tensor of float32, shape (B, Y, X)
        RIG(i | M), 0 outside the band.
    side, hidden : Tensor of bool, shape (B, Y, X)
        M, and the observed pixels of the band N.

    Returns
    -------
    Tensor of float32, shape (B,)
        -IGM_N / |N| (equation 8): mean over the band of the error from the other side minus
        the error from the own side, in nats per pixel; 0 for an empty band.
    """
    own = torch.where(side, -gain, gain)
    return own.sum((1, 2)) / hidden.sum((1, 2)).clamp(min=1)

"""One update of the masks of inpainting error maximisation."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from napari_inpaintaff.foreground.iem_objective import IEMObjective
from napari_inpaintaff.foreground.iem_parameters import IEMParameters


def updated(objective: IEMObjective, masks: Tensor, parameters: IEMParameters) -> Tensor:
    """Return the masks after one update (equation 10 and the smoothing).

    Parameters
    ----------
    objective : IEMObjective
        Of the images of the masks.
    masks : Tensor of float32, shape (N, 1, Y, X)
        0 or 1.
    parameters : IEMParameters
        Which pixels may change, and whether to smooth.

    Returns
    -------
    Tensor of float32, shape (N, 1, Y, X)
        0 or 1.
    """
    gradient = objective.gradient(masks)
    wanted = torch.where(gradient == 0, masks, (gradient > 0).to(masks.dtype))
    if parameters.boundary_only:
        wanted = torch.where(boundary(masks), wanted, masks)
    return majority(wanted) if parameters.smoothing else wanted


def boundary(masks: Tensor) -> Tensor:
    """Return the pixels of which one of the four neighbours has the opposite value.

    Parameters
    ----------
    masks : Tensor of float32, shape (N, 1, Y, X)

    Returns
    -------
    Tensor of bool, shape (N, 1, Y, X)
    """
    found = torch.zeros_like(masks, dtype=torch.bool)
    across = masks[..., 1:, :] != masks[..., :-1, :]
    found[..., 1:, :] |= across
    found[..., :-1, :] |= across
    along = masks[..., 1:] != masks[..., :-1]
    found[..., 1:] |= along
    found[..., :-1] |= along
    return found


def majority(masks: Tensor) -> Tensor:
    """Return what most pixels of each 3x3 neighbourhood are; the image goes on at its border.

    Parameters
    ----------
    masks : Tensor of float32, shape (N, 1, Y, X)

    Returns
    -------
    Tensor of float32, shape (N, 1, Y, X)
    """
    around = functional.pad(masks, (1, 1, 1, 1), mode="replicate")
    rows = around[..., :-2, :] + around[..., 1:-1, :] + around[..., 2:, :]
    return (rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:] > 4.5).to(masks.dtype)

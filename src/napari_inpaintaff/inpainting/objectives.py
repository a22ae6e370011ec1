"""What a training of an inpainter minimises."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from napari_inpaintaff.inpainting.losses import pixel_error
from napari_inpaintaff.inpainting.masks import Conditionals, near_hole
from napari_inpaintaff.networks.devices import autocast


def conditional_loss(network: nn.Module, values: Tensor, masks: Conditionals) -> Tensor:
    """Return the mean error of the hidden pixels, most of all near the known ones.

    Parameters
    ----------
    network : Module
        See `networks.build_unet`.
    values : Tensor, shape (B, Y, X)
        Normalised crops.
    masks : Conditionals
        What is known.

    Returns
    -------
    Tensor
        Scalar. Hidden pixels of the region within 16 px of known ones (twice the largest
        half width of a band: as far as a split ever asks) weigh 1, the others 0.1: there
        the network has to learn its constant prior.
    """
    with autocast(values.device):
        output = network(values[:, None], masks.known[:, None].to(values.dtype))
    error = pixel_error(output, values)
    asked = near_hole(masks.known, 16) & masks.region
    weight = torch.where(asked, 1.0, 0.1) * ~masks.known
    return (error * weight).sum() / weight.sum()

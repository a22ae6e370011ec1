"""What a training of an inpainter minimises."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias, get_args

import torch
from torch import Tensor, nn

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.inpainting.losses import pixel_error, split_head
from napari_inpaintaff.inpainting.masks import Conditionals, near_hole
from napari_inpaintaff.inpainting.parameters import LossName
from napari_inpaintaff.inpainting.perceptual import VGG16, load_vgg16
from napari_inpaintaff.networks.devices import autocast
from napari_inpaintaff.networks.morphology import dilate

#: Loss of a network on normalised crops (B, Y, X) of which some pixels are known.
Objective: TypeAlias = Callable[[nn.Module, Tensor, Conditionals], Tensor]

_logger = logging.getLogger(__name__)


def build_objective(
    loss: LossName, *, vgg: str | Path | None = None, device: torch.device | None = None
) -> Objective:
    """Return the objective of a loss.

    Parameters
    ----------
    loss : {"laplace", "l1", "liu2018"}
        ``laplace`` and ``l1`` are `conditional_loss`, for networks of two channels and of
        one; ``liu2018`` is that of Liu et al. 2018 (section 3.3), for one channel.
    vgg : str or Path, optional
        File of VGG16 weights for ``liu2018`` (see `load_vgg16`). Without one its perceptual
        and style terms are left out, and the log says so.
    device : torch.device, optional
        Where the network is trained; by default the CPU.

    Returns
    -------
    callable
        Called with network, values and `Conditionals`, gives a scalar tensor.

    Raises
    ------
    ParameterError
        If the loss is unknown, or weights are given for a loss that has no use for them.
    ModelFileError
        If the VGG16 weights cannot be loaded.
    """
    if loss not in get_args(LossName):
        raise ParameterError(f"unknown loss {loss!r}; use one of {', '.join(get_args(LossName))}")
    if loss != "liu2018":
        if vgg is not None:
            raise ParameterError(f"VGG16 weights are for the loss 'liu2018', not for {loss!r}")
        return conditional_loss
    if vgg is None:
        _logger.warning(
            "without VGG16 weights the perceptual and style terms of the liu2018 loss are left out"
        )
        return liu_loss
    return partial(liu_loss, features=load_vgg16(vgg, device=device))


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
    error = pixel_error(_predict(network, values, masks), values)
    asked = near_hole(masks.known, 16) & masks.region
    weight = torch.where(asked, 1.0, 0.1) * ~masks.known
    return (error * weight).sum() / weight.sum()


def liu_loss(
    network: nn.Module, values: Tensor, masks: Conditionals, *, features: VGG16 | None = None
) -> Tensor:
    """Return the loss of Liu et al. 2018 (equation 7), averaged over the crops.

    Hidden pixels are the hole, known ones are valid; what lies outside the region is hole,
    too. The composite image has the true values of the known pixels and the predicted ones
    of the hole. All norms are L1 norms.

    Parameters
    ----------
    network : Module
        With one output channel, see `networks.build_unet`.
    values : Tensor, shape (B, Y, X)
        Normalised crops: the truth.
    masks : Conditionals
        What is known.
    features : VGG16, optional
        On the device of the crops; without it the perceptual and style terms are 0.

    Returns
    -------
    Tensor
        Scalar: ``valid + 6 hole + 0.05 perceptual + 120 style + 0.1 variation``.

    Raises
    ------
    ParameterError
        If the network has more than one output channel.
    """
    predicted, log_scale = split_head(_predict(network, values, masks))
    if log_scale is not None:
        raise ParameterError("the loss 'liu2018' is for networks with one output, this one has two")
    values = values.float()
    composite = torch.where(masks.known, values, predicted)
    difference = (predicted - values).abs()
    # Both are means over all pixels of the crops, not over those of the hole.
    valid = (difference * masks.known).mean()
    hole = (difference * ~masks.known).mean()
    loss = valid + 6 * hole + 0.1 * hole_variation(composite, masks.known)
    if features is None:
        return loss
    low, high = _range_of_photographs(values)
    with torch.no_grad():
        true = features((values - low) / (high - low))
    perceptual, style = torch.zeros_like(loss), torch.zeros_like(loss)
    for image in (predicted, composite):
        found = features((image - low) / (high - low))
        perceptual = perceptual + perceptual_distance(found, true)
        style = style + style_distance(found, true)
    return loss + 0.05 * perceptual + 120 * style


def perceptual_distance(features: list[Tensor], true: list[Tensor]) -> Tensor:
    """Return the sum over layers of the mean difference (Liu et al. 2018, equation 3).

    Parameters
    ----------
    features, true : list of Tensor, shapes (B, C, Y, X)
        Of two batches of images, see `VGG16`.

    Returns
    -------
    Tensor
        Scalar; equation 3 is that of the prediction plus that of the composite.
    """
    pairs = zip(features, true, strict=True)
    return torch.stack([(one - other).abs().mean() for one, other in pairs]).sum()


def style_distance(features: list[Tensor], true: list[Tensor]) -> Tensor:
    """Return how far the correlations of features differ (Liu et al. 2018, equations 4 and 5).

    Parameters
    ----------
    features, true : list of Tensor, shapes (B, C, Y, X)
        Of two batches of images, see `VGG16`.

    Returns
    -------
    Tensor
        Scalar: sum over layers of the mean difference between the (C, C) autocorrelations,
        which are divided by ``C * Y * X``. Equation 4 is that of the prediction, equation 5
        that of the composite.
    """
    pairs = zip(features, true, strict=True)
    distances = [(_autocorrelation(one) - _autocorrelation(other)).abs() for one, other in pairs]
    return torch.stack([distance.mean() for distance in distances]).sum()


def hole_variation(composite: Tensor, known: Tensor) -> Tensor:
    """Return the total variation in and around the hole (Liu et al. 2018, equation 6).

    Parameters
    ----------
    composite : Tensor of float32, shape (B, Y, X)
        Known pixels true, the others predicted.
    known : Tensor of bool, shape (B, Y, X)
        The others are the hole.

    Returns
    -------
    Tensor
        Scalar: differences of neighbours that both lie in the hole dilated by one pixel,
        summed and divided by the number of all pixels.
    """
    around = dilate(~known)
    down = (composite[:, 1:] - composite[:, :-1]).abs() * (around[:, 1:] & around[:, :-1])
    right = (composite[..., 1:] - composite[..., :-1]).abs() * (around[..., 1:] & around[..., :-1])
    return (down.sum() + right.sum()) / composite.numel()


def _predict(network: nn.Module, values: Tensor, masks: Conditionals) -> Tensor:
    with autocast(values.device):
        output: Tensor = network(values[:, None], masks.known[:, None].to(values.dtype))
    return output


def _autocorrelation(features: Tensor) -> Tensor:
    """Return the Gram matrix (B, C, C) of features, per element."""
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / (flat.shape[1] * flat.shape[2])


def _range_of_photographs(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return what becomes black and white for VGG16: the 1st and 99th percentile of a batch.

    Normalised values have no upper bound, and it depends on the normalisation where most
    of them lie. A range below one normalised unit holds nothing but noise: it is not
    stretched.
    """
    sample = values.flatten()
    sample = sample[:: 1 + sample.numel() // 2**20]  # quantiles of more are an error
    low, high = sample.quantile(0.01), sample.quantile(0.99)
    return low, torch.maximum(high, low + 1)

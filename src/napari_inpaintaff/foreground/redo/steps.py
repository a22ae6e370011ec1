"""One step of both players of ReDO (Chen et al. 2019, Algorithm 1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from napari_inpaintaff.foreground.redo.losses import (
    conservation_loss,
    discriminator_loss,
    generator_loss,
    redraw,
)
from napari_inpaintaff.foreground.redo.networks import ReDONetworks
from napari_inpaintaff.foreground.redo.parameters import ReDOTraining


@dataclass(frozen=True)
class Batch:
    """What one step sees.

    Attributes
    ----------
    real, redrawn : Tensor, shape (B, C, Y, X)
        Two draws of images, in [-1, 1]; the second ones are divided and redrawn.
    codes : Tensor, shape (B, Z)
        From a normal distribution, for the regions that are redrawn.
    """

    real: Tensor
    redrawn: Tensor
    codes: Tensor


def take_step(
    networks: ReDONetworks, batch: Batch, training: ReDOTraining, *, masks_learn: bool = True
) -> Tensor:
    """Update the discriminator, then mask network, generators and encoder.

    Both see the same redrawn images, which are drawn once: Algorithm 1 draws others for each,
    which costs more and expects the same.

    Parameters
    ----------
    networks : ReDONetworks
        Changed in place.
    batch : Batch
        Images and codes.
    training : ReDOTraining
        Shapes and weights.
    masks_learn : bool, optional
        Whether the mask network takes the step, too.

    Returns
    -------
    Tensor of float32, shape (3,)
        The losses of `ReDOLosses`, in their order.
    """
    generated = redrawn_parts(networks, networks.masks(batch.redrawn), batch)
    judged = networks.discriminator(torch.cat((batch.real, generated.detach())))
    of_discriminator = discriminator_loss(*judged.chunk(2))
    networks.descend(of_discriminator, ["discriminator"])

    # Its own gradient is not needed here, and half of the work.
    networks.discriminator.requires_grad_(False)
    of_generators = generator_loss(networks.discriminator(generated))
    conserved = _conservation(networks, generated, batch.codes, training)
    regions, code = training.architecture.regions, training.architecture.code
    weight = training.conservation / (regions * code)
    updated = ["masks", "generators"] if masks_learn else ["generators"]
    if weight:
        networks.descend(of_generators + weight * conserved, [*updated, "encoder"])
    else:
        networks.descend(of_generators, updated)
    networks.discriminator.requires_grad_(True)
    return torch.stack((of_discriminator, of_generators, conserved / code)).detach()


def redrawn_parts(networks: ReDONetworks, masks: Tensor, batch: Batch) -> Tensor:
    """Redraw each region in its part of a batch, in the order of the regions.

    Parameters
    ----------
    networks : ReDONetworks
        With the generators.
    masks : Tensor, shape (B, regions, Y, X)
        Of ``batch.redrawn``.
    batch : Batch
        Images and codes.

    Returns
    -------
    Tensor, shape (B, C, Y, X)
        In [-1, 1].
    """
    regions = masks.shape[1]
    parts = zip(
        *(values.chunk(regions) for values in (batch.redrawn, masks, batch.codes)),
        networks.generators,
        strict=True,
    )
    return torch.cat(
        [
            redraw(images, mask, generator(mask[:, region : region + 1], codes), region)
            for region, (images, mask, codes, generator) in enumerate(parts)
        ]
    )


def _conservation(
    networks: ReDONetworks, generated: Tensor, codes: Tensor, training: ReDOTraining
) -> Tensor:
    regions = training.architecture.regions
    found = networks.encoder(generated).unflatten(1, (regions, -1)).chunk(regions)
    parts = enumerate(zip(found, codes.chunk(regions), strict=True))
    losses = [conservation_loss(one[:, region], given) for region, (one, given) in parts]
    return torch.stack(losses).mean()

"""The critic: tells real images from composed ones (the discriminator of a Wasserstein GAN)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_inpaintaff.foreground.perturbgan.architecture import SEED_SIDE, LayeredArchitecture
from napari_inpaintaff.foreground.perturbgan.generator import scale_of
from napari_inpaintaff.foreground.perturbgan.layers import (
    EqualisedConv2d,
    EqualisedLinear,
    rectify,
)


class CriticBlock(nn.Module):
    """A scale of the critic: two convolutions, the second at half the side."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = EqualisedConv2d(inputs, inputs, 3)
        self.shrinking = EqualisedConv2d(inputs, outputs, 3)

    def forward(self, features: Tensor) -> Tensor:
        """Return (B, outputs, Y / 2, X / 2) for features (B, inputs, Y, X)."""
        features = functional.avg_pool2d(rectify(self.conv(features)), 2)
        return rectify(self.shrinking(features))


class Critic(nn.Module):
    """A critic that grows along with the generator.

    Parameters
    ----------
    architecture : LayeredArchitecture
        Sides and widths.
    """

    def __init__(self, architecture: LayeredArchitecture) -> None:
        super().__init__()
        self.architecture = architecture
        sides, width = architecture.sides, architecture.width
        self.stems = nn.ModuleList(
            [EqualisedConv2d(architecture.channels, width(side), 1) for side in sides[1:]]
        )
        pairs = pairwise(sides)
        self.blocks = nn.ModuleList(
            [CriticBlock(width(fine), width(coarse)) for coarse, fine in pairs]
        )
        last = width(SEED_SIDE)
        self.conv = EqualisedConv2d(last + 1, last, 3)
        self.hidden = EqualisedLinear(last * SEED_SIDE**2, last)
        self.head = EqualisedLinear(last, 1, gain=1.0)

    def forward(self, images: Tensor, alpha: float = 1.0) -> Tensor:
        """Score images.

        Parameters
        ----------
        images : Tensor, shape (B, C, Y, X)
            Of any side of the architecture from 8 on.
        alpha : float, optional
            How far this side is faded in from half of it.

        Returns
        -------
        Tensor, shape (B,)
            Higher for what looks real.
        """
        scale = scale_of(images.shape[-1])
        features = self.blocks[scale](rectify(self.stems[scale](images)))
        if scale and alpha < 1:
            coarse = rectify(self.stems[scale - 1](functional.avg_pool2d(images, 2)))
            features = torch.lerp(coarse, features, alpha)
        for index in reversed(range(scale)):
            features = self.blocks[index](features)
        spread = features.var(0, unbiased=False).add(1e-8).sqrt().mean()
        features = torch.cat([features, spread.expand(len(features), 1, *features.shape[2:])], 1)
        hidden = rectify(self.hidden(rectify(self.conv(features)).flatten(1)))
        scores: Tensor = self.head(hidden)[:, 0]
        return scores

    def features(self, images: Tensor) -> Tensor:
        """Return what the critic sees at a quarter of the side, for the perceptual loss.

        Parameters
        ----------
        images : Tensor, shape (B, C, side, side)
            At the full side.

        Returns
        -------
        Tensor, shape (B, F, side / 4, side / 4)
        """
        scale = scale_of(self.architecture.side)
        features = rectify(self.stems[scale](images))
        for index in reversed(range(max(0, scale - 1), scale + 1)):
            features = self.blocks[index](features)
        return features

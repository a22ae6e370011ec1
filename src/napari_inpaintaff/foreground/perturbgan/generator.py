"""The layered generator: latent codes to background, foreground and mask."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from napari_inpaintaff.foreground.perturbgan.architecture import (
    FIRST_SIDE,
    SEED_SIDE,
    LayeredArchitecture,
)
from napari_inpaintaff.foreground.perturbgan.composition import Layers
from napari_inpaintaff.foreground.perturbgan.layers import (
    EqualisedConv2d,
    EqualisedLinear,
    Style,
    StyleBlock,
    rectify,
)

#: How much slower the mapping learns than all else (Karras et al. 2018, StyleGAN).
_MAPPING_RATE = 0.01


#: Of the mask at first.
FIRST_LOGIT = -2.0


class Mapping(nn.Module):
    """The network from Gaussian latent codes to those that style the features."""

    def __init__(self, architecture: LayeredArchitecture) -> None:
        super().__init__()
        code = architecture.code
        self.layers = nn.ModuleList(
            [EqualisedLinear(code, code, rate=_MAPPING_RATE) for _ in range(architecture.mapping)]
        )

    def forward(self, latents: Tensor) -> Tensor:
        """Map (B, code) to (B, code)."""
        features = latents / (latents.square().mean(1, keepdim=True) + 1e-8).sqrt()
        for layer in self.layers:
            features = rectify(layer(features))
        return features


class Synthesis(nn.Module):
    """A style-based generator of images that grows: features from a constant, scale by scale.

    Parameters
    ----------
    architecture : LayeredArchitecture
        Sides and widths.
    outputs : int
        Channels of what it generates.
    """

    def __init__(self, architecture: LayeredArchitecture, outputs: int) -> None:
        super().__init__()
        sides, width, code = architecture.sides, architecture.width, architecture.code
        first = width(SEED_SIDE)
        self.constant = nn.Parameter(torch.randn(1, first, SEED_SIDE, SEED_SIDE))
        self.conv = EqualisedConv2d(first, first, 3)
        self.styles = nn.ModuleList([Style(code, first) for _ in range(2)])
        pairs = pairwise(sides)
        self.blocks = nn.ModuleList(
            [StyleBlock(width(coarse), width(fine), code) for coarse, fine in pairs]
        )
        self.heads = nn.ModuleList(
            [EqualisedConv2d(width(side), outputs, 1, gain=1.0) for side in sides[1:]]
        )

    def forward(self, codes: Tensor, scale: int) -> list[Tensor]:
        """Generate at one scale, and at the coarser one that it is faded in from.

        Parameters
        ----------
        codes : Tensor, shape (B, K, code)
            Two for every scale; those of finer scales are not looked at.
        scale : int
            0 for images of side 8, 1 for 16 ...

        Returns
        -------
        list of Tensor, shape (B, outputs, Y, X)
            The coarser one, if there is one, then that of the scale.
        """
        features = self.constant.expand(len(codes), -1, -1, -1)
        features = self.styles[0](features, codes[:, 0])
        features = self.styles[1](self.conv(features), codes[:, 1])
        generated = []
        for index in range(scale + 1):
            features = self.blocks[index](features, codes[:, 2 * index + 2 : 2 * index + 4])
            if index >= scale - 1:
                generated.append(self.heads[index](features))
        return generated


class LayeredGenerator(nn.Module):
    """Two generators, one of the background and one of foreground and mask; or a single one.

    Parameters
    ----------
    architecture : LayeredArchitecture
        Sizes of the networks.
    """

    def __init__(self, architecture: LayeredArchitecture) -> None:
        super().__init__()
        self.architecture = architecture
        image = architecture.channels
        outputs = [image, image + 1] if architecture.generators == 2 else [2 * image + 1]
        self.mappings = nn.ModuleList([Mapping(architecture) for _ in outputs])
        self.syntheses = nn.ModuleList([Synthesis(architecture, count) for count in outputs])
        for head in cast(Synthesis, self.syntheses[-1]).heads:
            # Masks begin small. Large ones hold background around the object, which nothing
            # drives out of them as long as the background looks the same everywhere.
            nn.init.constant_(cast(EqualisedConv2d, head).bias[-1:], FIRST_LOGIT)

    def forward(self, codes: Tensor, side: int | None = None, alpha: float = 1.0) -> Layers:
        """Generate layered scenes.

        Parameters
        ----------
        codes : Tensor, shape (B, architecture.codes, code)
            As `styles` makes them.
        side : int, optional
            Of the images; by default that of the architecture.
        alpha : float, optional
            How far this side is faded in from half of it.

        Returns
        -------
        Layers
            Of shape (B, C, side, side).
        """
        scale = scale_of(self.architecture.side if side is None else side)
        parts = codes.chunk(self.architecture.generators, dim=1)
        generated = [
            synthesis(part, scale) for synthesis, part in zip(self.syntheses, parts, strict=True)
        ]
        found = [self._layers(torch.cat(images, 1)) for images in zip(*generated, strict=True)]
        return found[-1] if len(found) == 1 or alpha >= 1 else found[1].faded_in(found[0], alpha)

    def _layers(self, generated: Tensor) -> Layers:
        count = self.architecture.channels
        background, foreground = generated[:, :count], generated[:, count:-1]
        return Layers(background, foreground, generated[:, -1:].sigmoid())

    def styles(self, latents: Tensor) -> Tensor:
        """Map latent codes (B, code) to the codes of all layers, (B, architecture.codes, code).

        Both generators take the same latent codes.
        """
        count = self.architecture.codes // self.architecture.generators
        mapped = [mapping(latents)[:, None].expand(-1, count, -1) for mapping in self.mappings]
        return torch.cat(mapped, 1)

    def mixed_styles(self, first: Tensor, second: Tensor, crossovers: Tensor) -> Tensor:
        """Mix two latent codes: layers from a crossover on take the second.

        Parameters
        ----------
        first, second : Tensor, shape (B, code)
            Latent codes.
        crossovers : Tensor of int64, shape (B,)
            First layer of each generator that takes the second code.

        Returns
        -------
        Tensor, shape (B, architecture.codes, code)
        """
        count = self.architecture.codes // self.architecture.generators
        layers = torch.arange(count, device=first.device).repeat(self.architecture.generators)
        later = (layers >= crossovers[:, None])[:, :, None]
        return torch.where(later, self.styles(second), self.styles(first))


def scale_of(side: int) -> int:
    """Return the number of a scale: 0 for images of side 8, 1 for 16 ..."""
    return side.bit_length() - FIRST_SIDE.bit_length()

"""The generator of one region: it is told where the region is, not what it looked like."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_inpaintaff.foreground.redo.architecture import COARSEST, ReDOArchitecture
from napari_inpaintaff.foreground.redo.blocks import (
    SelfAttention,
    UpBlock,
    normalised_conv,
    spectral,
)


class RegionGenerator(nn.Module):
    """Draws the pixels of one region from its mask and a latent vector (G_k of the paper).

    Parameters
    ----------
    architecture : ReDOArchitecture
        Shape.
    """

    def __init__(self, architecture: ReDOArchitecture) -> None:
        super().__init__()
        widths, code = architecture.generator_widths, architecture.code
        self.first = spectral(nn.Linear(code, widths[0] * COARSEST**2))
        self.blocks = nn.ModuleList(
            UpBlock(inputs, outputs, code) for inputs, outputs in itertools.pairwise(widths)
        )
        self.attended = architecture.attention
        self.attention = SelfAttention(widths[(self.attended // COARSEST).bit_length() - 1])
        self.norm = nn.BatchNorm2d(widths[-1] + 1, track_running_stats=False)
        self.last = normalised_conv(widths[-1] + 1, architecture.channels, 3)

    def forward(self, mask: Tensor, code: Tensor) -> Tensor:
        """Draw.

        Parameters
        ----------
        mask : Tensor, shape (B, 1, Y, X)
            Where the region is, in [0, 1].
        code : Tensor, shape (B, Z)
            From a normal distribution.

        Returns
        -------
        Tensor, shape (B, C, Y, X)
            In [-1, 1], inside the region and outside.
        """
        features = self.first(code).unflatten(1, (-1, COARSEST, COARSEST))
        for block in self.blocks:
            if features.shape[-1] == self.attended:
                features = self.attention(features)
            here = functional.adaptive_avg_pool2d(mask, features.shape[-1])
            features = block(features, here, code)
        features = functional.relu(self.norm(torch.cat((features, mask), 1)))
        drawn: Tensor = self.last(features).tanh()
        return drawn

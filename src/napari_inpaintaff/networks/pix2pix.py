"""The U-Net of pix2pix, which the papers train with labels."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_inpaintaff.networks.architecture import UNetArchitecture

#: The innermost decoders have dropout, ...
_DROPOUT_LEVELS = 3
#: ... of so many features.
_DROPOUT = 0.5


class Pix2PixUNet(nn.Module):
    """U-Net generator of pix2pix (Isola et al. 2017, appendix 6.1.1) over (hidden image, mask).

    Every encoder level is a 4x4 convolution of stride 2 after a leaky ReLU of slope 0.2, every
    decoder level a transposed one after a ReLU; the innermost decoders have dropout. Neither
    the outermost nor the innermost convolution is normalised. The output is a logit where
    pix2pix has a hyperbolic tangent.

    Parameters
    ----------
    architecture : UNetArchitecture
        Of kind ``pix2pix``.
    """

    def __init__(self, architecture: UNetArchitecture) -> None:
        super().__init__()
        widths = architecture.widths
        innermost = len(widths) - 1
        normalised = architecture.batch_norm
        self.encoders = nn.ModuleList()
        inputs = 2
        for level, width in enumerate(widths):
            with_norm = normalised and 0 < level < innermost
            self.encoders.append(_Block(nn.Conv2d(inputs, width, 4, 2, 1), with_norm))
            inputs = width
        self.decoders = nn.ModuleList()
        for level in range(innermost, 0, -1):
            width = widths[level - 1]
            doubled = inputs if level == innermost else 2 * inputs
            convolution = nn.ConvTranspose2d(doubled, width, 4, 2, 1)
            dropout = _DROPOUT if innermost - level < _DROPOUT_LEVELS else 0.0
            self.decoders.append(_Block(convolution, normalised, dropout))
            inputs = width
        self.head = nn.ConvTranspose2d(2 * inputs, architecture.outputs, 4, 2, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, values: Tensor, known: Tensor) -> Tensor:
        """Give a logit per pixel and output; see `build_unet` for the shapes."""
        features = torch.cat([values * known, known], dim=1)
        skips: list[Tensor] = []
        for level, encoder in enumerate(self.encoders):
            features = encoder(functional.leaky_relu(features, 0.2) if level else features)
            skips.append(features)
        skips.pop()
        for decoder in self.decoders:
            features = decoder(functional.relu(features))
            features = torch.cat([features, skips.pop()], dim=1)
        logits: Tensor = self.head(functional.relu(features).to(self.head.weight.dtype))
        return logits


class _Block(nn.Module):
    """A convolution, batch normalisation or none, and dropout or none."""

    def __init__(
        self, convolution: nn.Conv2d | nn.ConvTranspose2d, batch_norm: bool, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.convolution = convolution
        if batch_norm:
            convolution.register_parameter("bias", None)  # the normalisation has one
        self.norm = nn.BatchNorm2d(convolution.out_channels) if batch_norm else nn.Identity()
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor) -> Tensor:
        result: Tensor = self.dropout(self.norm(self.convolution(features)))
        return result

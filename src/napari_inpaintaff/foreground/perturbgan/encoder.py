"""The encoder: images to the codes of their layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from napari_inpaintaff.foreground.perturbgan.architecture import LayeredArchitecture


class ResidualBlock(nn.Module):
    """The basic block of ResNet18 (He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.skip: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.skip = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, features: Tensor) -> Tensor:
        """Return (B, outputs, Y / stride, X / stride) for features (B, inputs, Y, X)."""
        return torch.relu(self.path(features) + self.skip(features))


class Encoder(nn.Module):
    """A ResNet18, without average pooling at its end, that predicts the codes of an image.

    Parameters
    ----------
    architecture : LayeredArchitecture
        Of the generator that the codes are for.
    mean, spread : Tensor, shape (architecture.codes, code)
        Of the codes that the generator makes of latent ones: what the encoder begins with.
    """

    def __init__(self, architecture: LayeredArchitecture, mean: Tensor, spread: Tensor) -> None:
        super().__init__()
        width = architecture.narrow
        layers: list[nn.Module] = [
            nn.Conv2d(architecture.channels, width, 3, 1, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        ]
        side, inputs = architecture.side, width
        for stage in range(4):
            outputs = width * 2**stage
            stride = 2 if side > 2 else 1
            layers += [ResidualBlock(inputs, outputs, stride), ResidualBlock(outputs, outputs, 1)]
            side, inputs = side // stride, outputs
        self.trunk = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Linear(inputs * side**2, mean.numel())
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.mean: Tensor
        self.spread: Tensor
        self.register_buffer("mean", mean.clone())
        self.register_buffer("spread", spread.clone())

    def forward(self, images: Tensor) -> Tensor:
        """Return codes (B, architecture.codes, code) of images (B, C, side, side)."""
        deviations: Tensor = self.head(self.trunk(images)).unflatten(1, self.mean.shape)
        return self.mean + self.spread * deviations

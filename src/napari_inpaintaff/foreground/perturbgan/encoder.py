"""The encoder: images to the codes of their layers."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Encoding:
    """What an image consists of, according to the encoder.

    Attributes
    ----------
    codes : Tensor, shape (B, architecture.codes, code)
        For the generator.
    shifts : Tensor, shape (B, 2)
        Of foreground and mask, in parts of the side: rows down and columns to the right.
    """

    codes: Tensor
    shifts: Tensor


class Encoder(nn.Module):
    """A ResNet18, without average pooling at its end, that predicts the codes of an image.

    Images look like scenes whose foreground was shifted, so it predicts the shift, too. In the
    publication it does not: then objects in places that are reached by a shift only are missed.

    Parameters
    ----------
    architecture : LayeredArchitecture
        Of the generator that the codes are for.
    mean, spread : Tensor, shape (architecture.codes, code)
        Of the codes that the generator makes of latent ones: what the encoder begins with.
    reach : float
        Furthest shift, in parts of the side.
    """

    def __init__(
        self, architecture: LayeredArchitecture, mean: Tensor, spread: Tensor, reach: float
    ) -> None:
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
        self.head = nn.Linear(inputs * side**2, mean.numel() + 2)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.mean: Tensor
        self.spread: Tensor
        self.reach: Tensor
        self.register_buffer("mean", mean.clone())
        self.register_buffer("spread", spread.clone())
        self.register_buffer("reach", torch.tensor(reach))

    def forward(self, images: Tensor) -> Encoding:
        """Encode images (B, C, side, side)."""
        found: Tensor = self.head(self.trunk(images))
        deviations = found[:, 2:].reshape(-1, *self.mean.shape)
        return Encoding(self.mean + self.spread * deviations, self.reach * found[:, :2].tanh())

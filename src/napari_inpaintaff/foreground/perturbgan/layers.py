"""Layers with equalised learning rates (Karras et al. 2018), and the blocks made of them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

_SLOPE = 0.2
#: Gain of a leaky rectifier: what keeps the spread of values.
_GAIN = math.sqrt(2 / (1 + _SLOPE**2))


def rectify(features: Tensor) -> Tensor:
    """Apply the leaky rectifier of all the networks."""
    return functional.leaky_relu(features, _SLOPE)


class EqualisedConv2d(nn.Module):
    """A convolution whose weights are scaled when used, so that all learn at the same rate.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    kernel : int
        Odd side of the kernel; the image keeps its size.
    gain : float
        Of the layer: 1 where no rectifier follows.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, gain: float = _GAIN) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.scale = gain / math.sqrt(inputs * kernel**2)

    def forward(self, features: Tensor) -> Tensor:
        """Convolve (B, inputs, Y, X) to (B, outputs, Y, X)."""
        padding = self.weight.shape[-1] // 2
        return functional.conv2d(features, self.weight * self.scale, self.bias, padding=padding)


class EqualisedLinear(nn.Module):
    """A fully connected layer with an equalised learning rate.

    Parameters
    ----------
    inputs, outputs : int
        Features.
    gain : float
        Of the layer: 1 where no rectifier follows.
    bias : float
        That it begins with.
    rate : float
        Factor of the learning rate.
    """

    def __init__(
        self, inputs: int, outputs: int, gain: float = _GAIN, bias: float = 0.0, rate: float = 1.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias / rate))
        self.scale = gain * rate / math.sqrt(inputs)
        self.rate = rate

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, inputs) to (B, outputs)."""
        return functional.linear(features, self.weight * self.scale, self.bias * self.rate)


class Style(nn.Module):
    """Noise, rectifier and adaptive instance normalisation: what a code does to features.

    Parameters
    ----------
    code : int
        Values of a code.
    width : int
        Feature maps.
    """

    def __init__(self, code: int, width: int) -> None:
        super().__init__()
        self.noise = nn.Parameter(torch.zeros(width, 1, 1))
        self.affine = EqualisedLinear(code, 2 * width, gain=1.0)

    def forward(self, features: Tensor, code: Tensor) -> Tensor:
        """Restyle features (B, width, Y, X) by codes (B, code); noise only while training."""
        if self.training:
            batch, _, height, width = features.shape
            noise = torch.randn(batch, 1, height, width, device=features.device)
            features = features + self.noise * noise
        affine: Tensor = self.affine(code)[:, :, None, None]
        scale, shift = affine.chunk(2, dim=1)
        return functional.instance_norm(rectify(features)) * (1 + scale) + shift


class StyleBlock(nn.Module):
    """A scale of a style-based generator: two convolutions, each with a style of its own.

    The first convolution comes before the enlargement, where it costs a quarter.

    Parameters
    ----------
    inputs, outputs : int
        Feature maps of the coarser scale and of this one.
    code : int
        Values of a code.
    """

    def __init__(self, inputs: int, outputs: int, code: int) -> None:
        super().__init__()
        self.enlarging = EqualisedConv2d(inputs, outputs, 3)
        self.styles = nn.ModuleList([Style(code, outputs) for _ in range(2)])
        self.conv = EqualisedConv2d(outputs, outputs, 3)

    def forward(self, features: Tensor, codes: Tensor) -> Tensor:
        """Return (B, outputs, 2Y, 2X) for features (B, inputs, Y, X) and codes (B, 2, code)."""
        features = functional.interpolate(
            self.enlarging(features), scale_factor=2.0, mode="bilinear", align_corners=False
        )
        features = self.styles[0](features, codes[:, 0])
        restyled: Tensor = self.styles[1](self.conv(features), codes[:, 1])
        return restyled

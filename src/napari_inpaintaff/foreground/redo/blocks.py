"""The blocks of SAGAN (Zhang et al. 2018) that generators, discriminator and encoder share."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrize import register_parametrization

LayerT = TypeVar("LayerT", nn.Conv2d, nn.Linear)


class SpectralNorm(nn.Module):
    """Divides a weight by its largest singular value (Miyato et al. 2018).

    Like that of PyTorch, with one power iteration for each use in training, but in half as many
    operations: small networks spend a third of a step on it.

    Parameters
    ----------
    outputs : int
        Rows of the weight, when all other axes are one.
    """

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.direction: Tensor
        self.register_buffer("direction", functional.normalize(torch.randn(outputs), dim=0))

    def forward(self, weight: Tensor) -> Tensor:
        """Return the weight with a spectral norm of about 1."""
        matrix = weight.flatten(1)
        image = matrix.t().mv(self.direction)
        value = torch.linalg.vector_norm(image)
        if self.training:
            with torch.no_grad():
                # Not in place: the gradient of this use still needs the old direction.
                self.direction = functional.normalize(matrix.mv(image), dim=0)
        normalised: Tensor = weight / value
        return normalised


def spectral(layer: LayerT) -> LayerT:
    """Give the weight of a layer spectral normalisation; returns the layer."""
    assert isinstance(layer.weight, Tensor)
    register_parametrization(layer, "weight", SpectralNorm(len(layer.weight)), unsafe=True)
    return layer


def normalised_conv(inputs: int, outputs: int, kernel: int) -> nn.Module:
    """Return a convolution that keeps the size, with spectral normalisation."""
    return spectral(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2))


def initialise(network: nn.Module, gain: float) -> None:
    """Give a network orthogonal weights and no biases (Saxe et al. 2014), before it is normalised.

    Parameters
    ----------
    network : Module
        Changed in place. Its convolutions and linear layers may have spectral normalisation.
    gain : float
        The publication needs 0.8; 0.2 and 1.4 did not work at all.
    """
    for module in network.modules():
        if not isinstance(module, nn.Conv2d | nn.Linear):
            continue
        # Through the parametrisation the weight is derived: its origin is what is learned.
        origin = getattr(module, "parametrizations", None)
        weight = module.weight if origin is None else origin.weight.original
        nn.init.orthogonal_(weight, gain)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class SelfAttention(nn.Module):
    """Every position looks at all others (Zhang et al. 2018); at first it changes nothing.

    Parameters
    ----------
    width : int
        Feature maps.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        narrow = max(1, width // 8)
        self.query = normalised_conv(width, narrow, 1)
        self.key = normalised_conv(width, narrow, 1)
        self.value = normalised_conv(width, max(1, width // 2), 1)
        self.out = normalised_conv(max(1, width // 2), width, 1)
        self.strength = nn.Parameter(torch.zeros(()))

    def forward(self, features: Tensor) -> Tensor:
        """Add to features (B, C, Y, X) what they find elsewhere; Y and X are even."""
        query = self.query(features).flatten(2)
        key = functional.max_pool2d(self.key(features), 2).flatten(2)
        value = functional.max_pool2d(self.value(features), 2).flatten(2)
        weights = (query.transpose(1, 2) @ key).softmax(-1)
        found = (value @ weights.transpose(1, 2)).unflatten(2, features.shape[2:])
        added: Tensor = features + self.strength * self.out(found)
        return added


class DownBlock(nn.Module):
    """A residual block of a discriminator that halves the size or keeps it.

    Parameters
    ----------
    inputs, outputs : int
        Feature maps.
    first : bool
        Whether it sees the image, to which no activation is applied.
    halve : bool
        Whether both sides are halved.
    """

    def __init__(
        self, inputs: int, outputs: int, *, first: bool = False, halve: bool = True
    ) -> None:
        super().__init__()
        self.first, self.halve = first, halve
        self.conv1 = normalised_conv(inputs, outputs, 3)
        self.conv2 = normalised_conv(outputs, outputs, 3)
        keeps = inputs == outputs and not halve
        self.skip = None if keeps else normalised_conv(inputs, outputs, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return features (B, outputs, Y', X')."""
        inner = features if self.first else functional.relu(features)
        inner = self.conv2(functional.relu(self.conv1(inner)))
        if self.halve:
            inner, features = functional.avg_pool2d(inner, 2), functional.avg_pool2d(features, 2)
        kept: Tensor = features if self.skip is None else self.skip(features)
        return kept + inner


class ConditionalNorm(nn.Module):
    """Batch normalisation whose scale and shift a latent vector gives.

    The statistics are always those of the batch: generators draw for the training only.

    Parameters
    ----------
    width : int
        Feature maps.
    code : int
        Length of the latent vector.
    """

    def __init__(self, width: int, code: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width, affine=False, track_running_stats=False)
        self.style = spectral(nn.Linear(code, 2 * width))

    def forward(self, features: Tensor, code: Tensor) -> Tensor:
        """Normalise features (B, C, Y, X) and style them by codes (B, Z)."""
        scale, shift = self.style(code)[:, :, None, None].chunk(2, 1)
        styled: Tensor = self.norm(features) * (1 + scale) + shift
        return styled


class UpBlock(nn.Module):
    """A residual block of a generator that doubles the size.

    Parameters
    ----------
    inputs, outputs : int
        Feature maps; the mask comes in as one more.
    code : int
        Length of the latent vector.
    """

    def __init__(self, inputs: int, outputs: int, code: int) -> None:
        super().__init__()
        self.norm1 = ConditionalNorm(inputs + 1, code)
        self.conv1 = normalised_conv(inputs + 1, outputs, 3)
        self.norm2 = ConditionalNorm(outputs, code)
        self.conv2 = normalised_conv(outputs, outputs, 3)
        self.skip = normalised_conv(inputs + 1, outputs, 1)

    def forward(self, features: Tensor, mask: Tensor, code: Tensor) -> Tensor:
        """Return features (B, outputs, 2 Y, 2 X).

        Parameters
        ----------
        features : Tensor, shape (B, inputs, Y, X)
            Of the level below.
        mask : Tensor, shape (B, 1, Y, X)
            Where the region is, in [0, 1].
        code : Tensor, shape (B, Z)
            What it looks like.
        """
        given = torch.cat((features, mask), 1)
        inner = functional.interpolate(functional.relu(self.norm1(given, code)), scale_factor=2)
        inner = self.conv2(functional.relu(self.norm2(self.conv1(inner), code)))
        # A convolution of one pixel may as well come before the enlargement.
        grown: Tensor = functional.interpolate(self.skip(given), scale_factor=2) + inner
        return grown

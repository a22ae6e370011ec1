"""The U-Nets by architecture, and the two that inpainters are made of.

All take an image and a mask of known pixels and give one map per output channel, at any
size that is a multiple of their ``stride``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_inpaintaff.networks.architecture import UNetArchitecture
from napari_inpaintaff.networks.blocks import PartialConv2d
from napari_inpaintaff.networks.pix2pix import Pix2PixUNet


def build_unet(architecture: UNetArchitecture) -> nn.Module:
    """Build a freshly initialised network.

    Parameters
    ----------
    architecture : UNetArchitecture
        What to build.

    Returns
    -------
    Module
        Called with ``values`` and ``known`` (B, 1, Y, X), gives (B, outputs, Y, X).
    """
    if architecture.kind == "partial":
        return PartialUNet(architecture)
    if architecture.kind == "pix2pix":
        return Pix2PixUNet(architecture)
    return PlainUNet(architecture)


def seeded_unet(architecture: UNetArchitecture, seed: int) -> nn.Module:
    """Build a network whose initial weights depend on a seed alone.

    Parameters
    ----------
    architecture : UNetArchitecture
        What to build.
    seed : int
        Same seed, same weights.

    Returns
    -------
    Module
        See `build_unet`.
    """
    # The caller's own random numbers go on as if nothing had been drawn here.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return build_unet(architecture)


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    conv = nn.Conv2d(inputs, outputs, 3, stride, 1)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    conv.bias = nn.Parameter(torch.zeros(outputs))
    return conv


class _Double(nn.Module):
    """Two 3x3 convolutions, each followed by a ReLU; the first one may halve the size."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = _conv(inputs, outputs, stride)
        self.second = _conv(outputs, outputs)

    def forward(self, features: Tensor) -> Tensor:
        features = functional.relu(self.first(features), inplace=True)
        return functional.relu(self.second(features), inplace=True)


class PlainUNet(nn.Module):
    """U-Net of ordinary convolutions over (hidden image, mask).

    Parameters
    ----------
    architecture : UNetArchitecture
        Of kind ``plain``.
    """

    def __init__(self, architecture: UNetArchitecture) -> None:
        super().__init__()
        widths = architecture.widths
        self.stem = architecture.stem
        inputs = 2 * self.stem**2
        self.encoders = nn.ModuleList()
        for level, width in enumerate(widths):
            self.encoders.append(_Double(inputs, width, stride=1 if level == 0 else 2))
            inputs = width
        self.decoders = nn.ModuleList()
        for skip in reversed(widths[:-1]):
            self.decoders.append(_Double(inputs + skip, skip))
            inputs = skip
        self.head = _conv(inputs, architecture.outputs * self.stem**2)
        nn.init.normal_(self.head.weight, std=0.01)

    def forward(self, values: Tensor, known: Tensor) -> Tensor:
        """Predict every pixel from the known ones; see `build_unet` for the shapes."""
        features = torch.cat([values * known, known], dim=1)
        features = functional.pixel_unshuffle(features, self.stem)
        skips: list[Tensor] = []
        for encoder in self.encoders:
            features = encoder(features)
            skips.append(features)
        skips.pop()
        for decoder in self.decoders:
            features = functional.interpolate(features, scale_factor=2.0, mode="nearest")
            features = torch.cat([features, skips.pop()], dim=1)
            features = decoder(features)
        outputs = self.head(features.to(self.head.weight.dtype))
        return functional.pixel_shuffle(outputs, self.stem)


class PartialUNet(nn.Module):
    """U-Net of partial convolutions (Liu et al. 2018, section 3.2, scaled to few levels).

    Every encoder level is one partial convolution (7x7, 5x5, 5x5, then 3x3; stride 2 from
    the second on), every decoder level one 3x3 over the upsampled features and the skip,
    with a leaky ReLU of slope 0.2; the last one sees the hidden image itself. Pixels that
    no known pixel reaches get the bias alone: the constant prior.

    Parameters
    ----------
    architecture : UNetArchitecture
        Of kind ``partial``.
    """

    def __init__(self, architecture: UNetArchitecture) -> None:
        super().__init__()
        widths = architecture.widths
        kernels = (7, 5, 5)
        self.encoders = nn.ModuleList()
        inputs = 1
        for level, width in enumerate(widths):
            kernel = kernels[level] if level < len(kernels) else 3
            self.encoders.append(PartialConv2d((inputs,), width, kernel, 1 if level == 0 else 2))
            inputs = width
        self.decoders = nn.ModuleList()
        for skip in reversed(widths[:-1]):
            self.decoders.append(PartialConv2d((inputs, skip), skip, 3))
            inputs = skip
        norms = (*widths[1:], *reversed(widths[:-1])) if architecture.batch_norm else ()
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in norms)
        self.head = PartialConv2d((inputs, 1), architecture.outputs, 3)
        # Starts as the constant prior: at the rims of holes the scaled features of untrained
        # partial convolutions are so large that even small weights predict nonsense.
        nn.init.zeros_(self.head.conv.weight)
        self.prior = nn.Parameter(torch.zeros(architecture.outputs))

    def _activate(self, features: Tensor, mask: Tensor, norm: int, slope: float) -> Tensor:
        if 0 <= norm < len(self.norms):
            features = self.norms[norm](features) * mask
        return functional.leaky_relu(features, slope)

    def forward(self, values: Tensor, known: Tensor) -> Tensor:
        """Predict every pixel from the known ones; see `build_unet` for the shapes."""
        image = values * known
        features, mask = image, known
        skips: list[tuple[Tensor, Tensor]] = [(image, known)]
        for level, encoder in enumerate(self.encoders):
            features, mask = encoder(features, mask)
            features = self._activate(features, mask, level - 1, 0.0)
            skips.append((features, mask))
        skips.pop()
        for level, decoder in enumerate(self.decoders, start=len(self.encoders) - 1):
            features, mask = _upsample_and_join(features, mask, skips.pop())
            features, mask = decoder(features, mask)
            features = self._activate(features, mask, level, 0.2)
        image, known = skips.pop()
        result: Tensor
        seen = torch.cat([features, image], 1).to(self.head.conv.weight.dtype)
        result, _ = self.head(seen, torch.cat([mask, known], 1))
        prior: Tensor = self.prior[:, None, None].to(result.dtype)
        return result + prior


def _upsample_and_join(
    features: Tensor, mask: Tensor, skip: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    features = functional.interpolate(features, scale_factor=2.0, mode="nearest")
    mask = functional.interpolate(mask, scale_factor=2.0, mode="nearest")
    return torch.cat([features, skip[0]], dim=1), torch.cat([mask, skip[1]], dim=1)

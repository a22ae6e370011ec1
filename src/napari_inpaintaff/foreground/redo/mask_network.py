"""The mask network of ReDO: from an image to soft masks of its regions."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_inpaintaff.foreground.redo.architecture import ReDOArchitecture

#: Sides of the grids into which the pyramid pools (Zhao et al. 2017).
_GRIDS = (1, 2, 3, 6)


class MaskNetwork(nn.Module):
    """The network of Table 2: like that of CycleGAN, with a pyramid pooling module.

    Parameters
    ----------
    architecture : ReDOArchitecture
        Shape.
    """

    def __init__(self, architecture: ReDOArchitecture) -> None:
        super().__init__()
        self.regions = architecture.regions
        self.step = architecture.mask_step
        width = architecture.mask_width
        inner = 4 * width + len(_GRIDS)
        self.encoder = nn.Sequential(
            _reflecting(architecture.channels, width, 7),
            *_normalised(width),
            _reflecting(width, 2 * width, 3, stride=2),
            *_normalised(2 * width),
            _reflecting(2 * width, 4 * width, 3, stride=2),
            *_normalised(4 * width),
            *(_ResidualBlock(4 * width) for _ in range(architecture.mask_blocks)),
            _PyramidPooling(4 * width),
        )
        layers: list[nn.Module] = []
        while len(layers) < 4 * (3 - self.step):
            layers += [
                nn.Upsample(scale_factor=2, mode="bilinear"),
                _reflecting(inner, inner // 2, 3),
                *_normalised(inner // 2),
            ]
            inner //= 2
        self.decoder = nn.Sequential(*layers)
        outputs = 1 if self.regions == 2 else self.regions
        self.last = _reflecting(inner, outputs, 3)

    def forward(self, images: Tensor) -> Tensor:
        """Divide images.

        Parameters
        ----------
        images : Tensor, shape (B, C, Y, X)
            In [-1, 1]; Y and X are multiples of 4 and 8 or more.

        Returns
        -------
        Tensor, shape (B, regions, Y, X)
            In [0, 1]; they sum to 1 everywhere. The last region is the background of the
            publication; which one lies behind is not known before it is measured.
        """
        logits = self._logits(images)
        if self.step > 1:
            logits = functional.interpolate(logits, scale_factor=self.step, mode="bilinear")
        if self.regions == 2:
            first: Tensor = logits.sigmoid()
            return torch.cat((first, 1 - first), 1)
        masks: Tensor = logits.softmax(1)
        return masks

    @torch.no_grad()
    def balance(self, images: Tensor, contrast: float) -> None:
        """Scale the last layer so that it divides images clearly, and into fair shares.

        Random weights give all pixels about the same probability, and one region most of the
        images. From there a run collapses: what covers little is neither seen nor learned.

        Parameters
        ----------
        images : Tensor, shape (B, C, Y, X)
            In [-1, 1]: some of those of the training.
        contrast : float
            Standard deviation that the logits get over these images; their mean becomes 0.
        """
        logits = self._logits(images)
        spread, mean = torch.std_mean(logits, (0, 2, 3))
        factor = contrast / spread.clamp(min=1e-6)
        self.last.weight.mul_(factor[:, None, None, None])
        assert self.last.bias is not None
        self.last.bias.copy_(factor * (self.last.bias - mean))

    def _logits(self, images: Tensor) -> Tensor:
        logits: Tensor = self.last(self.decoder(self.encoder(images)))
        return logits


def _reflecting(inputs: int, outputs: int, kernel: int, *, stride: int = 1) -> nn.Conv2d:
    """Return a convolution that sees images reflected at their frame.

    The table says so of some layers. Zeros, in any of them, would tell the network where the
    frame is, and it would soon divide all images alike, by place.
    """
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, padding_mode="reflect")


def _normalised(width: int) -> tuple[nn.Module, nn.Module]:
    return nn.InstanceNorm2d(width, affine=True), nn.ReLU(inplace=True)


class _ResidualBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _reflecting(width, width, 3),
            *_normalised(width),
            _reflecting(width, width, 3),
            nn.InstanceNorm2d(width, affine=True),
        )

    def forward(self, features: Tensor) -> Tensor:
        added: Tensor = features + self.layers(features)
        return added


class _PyramidPooling(nn.Module):
    """Adds one feature map of each of four scales, from the whole image to its sixths."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(width, 1, 1) for _ in _GRIDS)

    def forward(self, features: Tensor) -> Tensor:
        size = features.shape[2:]
        # Not normalised: of the whole image there is but one value for each map.
        pooled = [
            functional.interpolate(
                functional.relu(layer(functional.adaptive_avg_pool2d(features, grid))),
                size,
                mode="bilinear",
            )
            for grid, layer in zip(_GRIDS, self.layers, strict=True)
        ]
        return torch.cat((features, *pooled), 1)

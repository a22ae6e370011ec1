"""The network that learns from masks of IEM: a variant of PSPNet (Zhao et al. 2017).

As Savarese et al. 2021 say: a residual block that halves the resolution, three that keep it,
pyramid pooling, instance normalisation throughout. Begun with random weights.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Sides of the grids that the pyramid pools into, as in PSPNet.
_GRIDS = (1, 2, 3, 6)


class _Residual(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.InstanceNorm2d(outputs, affine=True),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.InstanceNorm2d(outputs, affine=True),
        )
        kept = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if kept else nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, features: Tensor) -> Tensor:
        """Return features of the stride's part of the size."""
        return functional.relu(self.body(features) + self.shortcut(features))


class IEMSegmenter(nn.Module):
    """From pictures to logits of their foreground.

    Parameters
    ----------
    channels : int
        Of the pictures.
    width : int
        Channels of the features.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            _Residual(channels, width, 2), *(_Residual(width, width) for _ in range(3))
        )
        narrow = max(1, width // len(_GRIDS))
        self.pyramid = nn.ModuleList(nn.Conv2d(width, narrow, 1) for _ in _GRIDS)
        self.head = nn.Sequential(
            nn.Conv2d(width + narrow * len(_GRIDS), width, 3, 1, 1, bias=False),
            nn.InstanceNorm2d(width, affine=True),
            nn.ReLU(),
            nn.Conv2d(width, 1, 1),
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """Return logits.

        Parameters
        ----------
        pictures : Tensor, shape (B, C, Y, X)
            Standardised; sides of at least 24.

        Returns
        -------
        Tensor, shape (B, 1, Y, X)
        """
        features = self.features(pictures)
        size = features.shape[-2:]
        levels = [
            functional.interpolate(
                functional.relu(convolution(functional.adaptive_avg_pool2d(features, grid))),
                size=size,
                mode="bilinear",
            )
            for grid, convolution in zip(_GRIDS, self.pyramid, strict=True)
        ]
        logits = self.head(torch.cat([features, *levels], 1))
        return functional.interpolate(logits, size=pictures.shape[-2:], mode="bilinear")

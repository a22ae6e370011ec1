"""Building blocks that several networks share."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def box_count(mask: Tensor, kernel: int, stride: int = 1) -> Tensor:
    """Count the known pixels under every position of a square kernel.

    Parameters
    ----------
    mask : Tensor of float, shape (B, G, Y, X)
        1 where known, 0 where hidden. Outside the image everything is hidden.
    kernel : int
        Odd side of the kernel.
    stride : int, optional
        Step between positions.

    Returns
    -------
    Tensor of float32, shape (B, G, Y', X')
        Number of known pixels, 0 to ``kernel ** 2``.
    """
    # In float32, whatever the network computes in: counts must be whole numbers.
    return functional.avg_pool2d(mask.float(), kernel, stride, kernel // 2) * kernel**2


class PartialConv2d(nn.Module):
    """Partial convolution (Liu et al. 2018, equations 1 and 2).

    The sum over known inputs is scaled by the fraction of the window that is known; where
    nothing is known the output is 0 and stays hidden.

    Parameters
    ----------
    groups : sequence of int
        Channels of every part of a concatenated input; each part has its own mask, shared
        by its channels.
    outputs : int
        Output channels.
    kernel, stride : int
        Odd side of the kernel, and step.
    """

    def __init__(self, groups: tuple[int, ...], outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.groups = groups
        self.kernel = kernel
        self.stride = stride
        self.conv = nn.Conv2d(sum(groups), outputs, kernel, stride, kernel // 2, bias=False)
        self.bias = nn.Parameter(torch.zeros(outputs))
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Convolve what is known.

        Parameters
        ----------
        features : Tensor, shape (B, C, Y, X)
            0 wherever the mask of their group is 0.
        mask : Tensor, shape (B, G, Y, X)
            One mask per group, 1 where known.

        Returns
        -------
        features : Tensor, shape (B, outputs, Y', X')
            0 where ``mask`` is 0.
        mask : Tensor, shape (B, 1, Y', X')
            1 where the window held a known pixel.
        """
        # In float32 whatever the precision: bfloat16 cannot count to 500.
        count = box_count(mask.float(), self.kernel, self.stride)
        channels = torch.tensor(self.groups, dtype=count.dtype, device=count.device)
        known = (count * channels[:, None, None]).sum(1, keepdim=True)
        valid = (known > 0).to(features.dtype)
        total = sum(self.groups) * self.kernel**2
        ratio = (valid * total / known.clamp(min=1.0)).to(features.dtype)
        result = self.conv(features) * ratio + self.bias[:, None, None].to(features.dtype) * valid
        return result, valid

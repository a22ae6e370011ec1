"""A segmenter that learned from the true masks of simulated scenes.

It stands where the publication has Mask R-CNN: it says where the object of a generated image is.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

_STEPS, _BATCH, _RATE = 500, 16, 2e-3
#: An image without so much object holds none.
DETECTED = 0.04


def _stage(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(inputs, outputs, 3, 1, 1), nn.BatchNorm2d(outputs), nn.ReLU()),
        *(nn.Conv2d(outputs, outputs, 3, 1, 1), nn.BatchNorm2d(outputs), nn.ReLU()),
    )


class ReferenceSegmenter(nn.Module):
    """A small U-Net: images (B, 3, Y, X) to logits (B, Y, X)."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width, 4 * width]
        self.down = nn.ModuleList(map(_stage, [3, *widths[:-1]], widths))
        self.up = nn.ModuleList(
            _stage(fine + coarse, fine) for fine, coarse in itertools.pairwise(widths)
        )
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Say where objects are."""
        features = [self.down[0](images)]
        for stage in self.down[1:]:
            features.append(stage(functional.avg_pool2d(features[-1], 2)))
        result = features.pop()
        for stage in reversed(self.up):
            enlarged = functional.interpolate(result, scale_factor=2.0, mode="bilinear")
            result = stage(torch.cat([features.pop(), enlarged], 1))
        return self.head(result)[:, 0]


def train_reference(
    pictures: NDArray[np.float32], masks: NDArray[np.bool_], side: int
) -> ReferenceSegmenter:
    """Learn from images (N, 3, Y, X) and masks (N, Y, X) in random crops of a side."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    images, truth = torch.from_numpy(pictures), torch.from_numpy(masks).float()
    network = ReferenceSegmenter().train()
    adam = torch.optim.Adam(network.parameters(), _RATE)
    for step in range(_STEPS):
        for group in adam.param_groups:
            group["lr"] = _RATE * (1 - step / _STEPS)
        chosen = torch.from_numpy(rng.integers(0, len(images), _BATCH))
        top, left = rng.integers(0, images.shape[-1] - side + 1, 2)
        part = np.s_[..., top : top + side, left : left + side]
        logits = network(images[chosen][part])
        adam.zero_grad()
        functional.binary_cross_entropy_with_logits(logits, truth[chosen][part]).backward()
        adam.step()
    return network.eval()


@torch.no_grad()
def find_objects(
    network: ReferenceSegmenter, images: NDArray[np.float32], side: int
) -> NDArray[np.bool_]:
    """Return the objects (N, side, side) in images (N, 3, Y, X) of about -1 to 1."""
    enlarged = functional.interpolate(torch.from_numpy(images), (side, side), mode="bilinear")
    return np.concatenate([(network(part) > 0).numpy() for part in enlarged.split(200)])

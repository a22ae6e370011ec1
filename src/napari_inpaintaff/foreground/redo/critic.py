"""The discriminator, and the encoder that finds the latent vector in a redrawn image."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from napari_inpaintaff.foreground.redo.architecture import ReDOArchitecture
from napari_inpaintaff.foreground.redo.blocks import DownBlock, SelfAttention, spectral


class Critic(nn.Module):
    """The network of Table 3: from an image to numbers.

    With one output it is the discriminator D. With as many as all latent vectors have
    together it is the encoder: the functions delta_k share all but their last layers.

    Parameters
    ----------
    architecture : ReDOArchitecture
        Shape.
    outputs : int
        Numbers for every image.
    """

    def __init__(self, architecture: ReDOArchitecture, outputs: int) -> None:
        super().__init__()
        widths = architecture.widths
        inputs = (architecture.channels, *widths[:-1])
        down: list[nn.Module] = [
            DownBlock(narrow, wide, first=index == 0)
            for index, (narrow, wide) in enumerate(zip(inputs, widths, strict=True))
        ]
        sides = [architecture.side >> level for level in range(1, len(down) + 1)]
        level = sides.index(architecture.attention)
        self.layers = nn.Sequential(
            *down[: level + 1],
            SelfAttention(widths[level]),
            *down[level + 1 :],
            DownBlock(widths[-1], widths[-1], halve=False),
        )
        self.last = spectral(nn.Linear(widths[-1], outputs))

    def forward(self, images: Tensor) -> Tensor:
        """Judge images (B, C, Y, X) in [-1, 1]; returns (B, outputs)."""
        features = functional.relu(self.layers(images))
        judged: Tensor = self.last(features.sum((2, 3)))
        return judged

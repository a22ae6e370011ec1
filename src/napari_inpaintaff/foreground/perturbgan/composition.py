"""Layered scenes: how background, foreground and mask become an image (equations 1 and 2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Layers:
    """A batch of layered scenes.

    Attributes
    ----------
    background, foreground : Tensor, shape (B, C, Y, X)
        Images, about -1 to 1.
    mask : Tensor, shape (B, 1, Y, X)
        Of the foreground, 0 to 1.
    """

    background: Tensor
    foreground: Tensor
    mask: Tensor

    def compose(self) -> Tensor:
        """Return the images, shape (B, C, Y, X): the masked foreground over the background."""
        return torch.lerp(self.background, self.foreground, self.mask)

    def shifted(self, shifts: Tensor) -> Layers:
        """Move foreground and mask together; the background stays (equation 2).

        Parameters
        ----------
        shifts : Tensor of int64, shape (B, 2)
            Rows down and columns to the right, of every scene.

        Returns
        -------
        Layers
            Where nothing moves in, the mask is 0.
        """
        return Layers(
            self.background,
            shift_images(self.foreground, shifts),
            shift_images(self.mask, shifts),
        )

    def slid(self, shifts: Tensor) -> Layers:
        """Move foreground and mask by parts of pixels, too; see `slide_images` and `shifted`."""
        return Layers(
            self.background,
            slide_images(self.foreground, shifts),
            slide_images(self.mask, shifts),
        )

    def faded_in(self, coarse: Layers, alpha: float) -> Layers:
        """Blend with the scenes of half the side, enlarged; ``alpha`` 0 is these alone."""
        return Layers(
            fade(coarse.background, self.background, alpha),
            fade(coarse.foreground, self.foreground, alpha),
            fade(coarse.mask, self.mask, alpha),
        )


def fade(coarse: Tensor, fine: Tensor, alpha: float) -> Tensor:
    """Blend images with those of half their side (progressive growing).

    Parameters
    ----------
    coarse, fine : Tensor, shapes (B, C, Y, X) and (B, C, 2Y, 2X)
        Images.
    alpha : float in [0, 1]
        0 gives the coarse ones, enlarged, 1 the fine ones.
    """
    return torch.lerp(functional.interpolate(coarse, scale_factor=2.0), fine, alpha)


def shift_images(images: Tensor, shifts: Tensor) -> Tensor:
    """Shift every image by its own whole number of pixels.

    Parameters
    ----------
    images : Tensor, shape (B, C, Y, X)
        Any values.
    shifts : Tensor of int64, shape (B, 2)
        Rows down and columns to the right.

    Returns
    -------
    Tensor, shape (B, C, Y, X)
        0 where nothing moves in.
    """
    furthest = int(shifts.abs().max())
    if furthest == 0:
        return images
    batch, channels, height, width = images.shape
    padded = functional.pad(images, (furthest,) * 4)
    rows = torch.arange(height, device=images.device) + furthest - shifts[:, :1]
    columns = torch.arange(width, device=images.device) + furthest - shifts[:, 1:]
    rows = rows[:, None, :, None].expand(batch, channels, height, padded.shape[-1])
    columns = columns[:, None, None, :].expand(batch, channels, height, width)
    return padded.gather(2, rows).gather(3, columns)


def slide_images(images: Tensor, shifts: Tensor) -> Tensor:
    """Shift every image by its own number of pixels, which need not be whole.

    Parameters
    ----------
    images : Tensor, shape (B, C, Y, X)
        Any values.
    shifts : Tensor of float, shape (B, 2)
        Rows down and columns to the right.

    Returns
    -------
    Tensor, shape (B, C, Y, X)
        Interpolated between neighbours, 0 where nothing moves in; has gradients in the shifts.
    """
    height, width = images.shape[2:]
    matrices = torch.eye(2, 3, device=images.device).repeat(len(images), 1, 1)
    moved = torch.stack([-2 * shifts[:, 1] / width, -2 * shifts[:, 0] / height], dim=1)
    matrices = torch.cat([matrices[:, :, :2], moved[:, :, None]], dim=2)
    grid = functional.affine_grid(matrices, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def draw_shifts(count: int, reach: float, device: torch.device) -> Tensor:
    """Draw shifts from the uniform distribution over a square, rounded to whole pixels.

    Parameters
    ----------
    count : int
        How many.
    reach : float
        Furthest shift along either axis, in pixels.
    device : torch.device
        Of the result.

    Returns
    -------
    Tensor of int64, shape (count, 2)
    """
    return ((2 * torch.rand(count, 2, device=device) - 1) * reach).round().long()


def jitter_contrast(images: Tensor, strength: float) -> Tensor:
    """Change the contrast of every image at random (Table 1, row d).

    Parameters
    ----------
    images : Tensor, shape (B, C, Y, X)
        Backgrounds.
    strength : float
        Factors are uniform in [1 - strength, 1 + strength]; 0 changes nothing.

    Returns
    -------
    Tensor, shape (B, C, Y, X)
        Around the mean of each channel, and within the range of values that it had.
    """
    if strength == 0:
        return images
    factors = 1 + strength * (2 * torch.rand(len(images), 1, 1, 1, device=images.device) - 1)
    mean = images.mean((2, 3), keepdim=True)
    lowest, highest = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    return torch.minimum(torch.maximum(mean + factors * (images - mean), lowest), highest)

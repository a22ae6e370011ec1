"""The inpainting error of a mask and its gradient (Savarese et al. 2021, equations 6 to 11).

The gradient is written out rather than left to automatic differentiation: it needs no graph,
hence works in inference mode, and one convolution serves both sides, because what the kernel
sees of the background is what it sees of all less what it sees of the foreground.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from napari_inpaintaff.foreground.iem_parameters import IEMParameters

#: Weight of the known pixels in reach below which there is nothing to inpaint from.
_NOTHING = 1e-6


def kernel_matrix(size: int, parameters: IEMParameters) -> Tensor:
    """Return one axis of the inpainter's kernel as a matrix.

    Parameters
    ----------
    size : int
        Side of the image along the axis, in pixels.
    parameters : IEMParameters
        With sigma and radius.

    Returns
    -------
    Tensor of float32, shape (size, size)
        Two passes of a Gaussian cut off at the radius; zero outside the image. Symmetric.
    """
    position = torch.arange(size, dtype=torch.float64)
    distance = (position[:, None] - position).abs()
    reach = torch.arange(-parameters.radius, parameters.radius + 1, dtype=torch.float64)
    total = torch.exp(-0.5 * (reach / parameters.sigma) ** 2).sum()
    once = torch.exp(-0.5 * (distance / parameters.sigma) ** 2) / total
    once[distance > parameters.radius] = 0
    return (once @ once).float()


@dataclass(frozen=True)
class _Side:
    """One side of a split and what it makes of the image.

    Attributes
    ----------
    pixels : Tensor, shape (N, 1, Y, X)
        1 in known pixels of the side.
    size : Tensor, shape (N, 1, 1, 1)
        How many they are, at least 1.
    mean : Tensor, shape (N, C, 1, 1)
        Of their intensities.
    inverse : Tensor, shape (N, 1, Y, X)
        One over the weight of those in reach; 0 where there are none.
    seen : Tensor, shape (N, C, Y, X)
        The image inpainted from this side.
    """

    pixels: Tensor
    size: Tensor
    mean: Tensor
    inverse: Tensor
    seen: Tensor


class IEMObjective:
    """The inpainting error of masks of images, as a function of the masks.

    Parameters
    ----------
    images : Tensor of float32, shape (N, C, Y, X)
        Intensities; finite.
    known : Tensor of float32, shape (N, 1, Y, X)
        1 where the intensity is known, 0 elsewhere: such pixels are on neither side.
    parameters : IEMParameters
        Of the kernel and the diversity.
    """

    def __init__(self, images: Tensor, known: Tensor, parameters: IEMParameters) -> None:
        self._rows, self._columns = (
            kernel_matrix(size, parameters).to(images.device) for size in images.shape[-2:]
        )
        self._images = images * known
        self._known = known
        self._all = self._smooth(torch.cat([self._images, known], 1))
        self._sum = self._images.sum((-2, -1), keepdim=True)
        self._count = known.sum((-2, -1), keepdim=True)
        self._diversity = parameters.for_pixels(1) / self._count.clamp(min=1)

    def __getitem__(self, chosen: Tensor) -> IEMObjective:
        """Return the objective of some of the images."""
        part = object.__new__(IEMObjective)
        part._rows, part._columns = self._rows, self._columns
        for name in ("_images", "_known", "_all", "_sum", "_count", "_diversity"):
            setattr(part, name, getattr(self, name)[chosen])
        return part

    def inpainted(self, masks: Tensor) -> tuple[Tensor, Tensor]:
        """Inpaint the images from the foreground and from the background (equation 7).

        Parameters
        ----------
        masks : Tensor of float32, shape (N, 1, Y, X)
            1 is foreground, 0 background.

        Returns
        -------
        tuple of Tensor, each of shape (N, C, Y, X)
            ``K * (X M) / K * M`` for the two sides; the mean of the side where none of it
            is in reach.
        """
        foreground, background = self._sides(masks)
        return foreground.seen, background.seen

    def error(self, masks: Tensor) -> Tensor:
        """Return the inpainting error of the masks (equation 8).

        Parameters
        ----------
        masks : Tensor of float32, shape (N, 1, Y, X)

        Returns
        -------
        Tensor of float32, shape (N,)
            Mean error of the foreground inpainted from the background, plus the other way
            round; summed over channels. 0 if a side is empty.
        """
        foreground, background = self._sides(masks)
        total = self._mean_error(foreground, background) + self._mean_error(background, foreground)
        # One side alone has nothing to be inpainted from.
        empty = (foreground.pixels.amax((1, 2, 3)) == 0) | (background.pixels.amax((1, 2, 3)) == 0)
        return torch.where(empty, 0, total)

    def regularised(self, masks: Tensor) -> Tensor:
        """Return the inpainting error less the deviation of the layers (equation 11).

        Parameters
        ----------
        masks : Tensor of float32, shape (N, 1, Y, X)

        Returns
        -------
        Tensor of float32, shape (N,)
        """
        deviation = torch.zeros_like(self._count)
        for side in self._sides(masks):
            squares = side.pixels * (self._images - side.mean).square()
            deviation = deviation + squares.sum((1, 2, 3), keepdim=True)
        return self.error(masks) - (self._diversity / 2 * deviation).flatten()

    def gradient(self, masks: Tensor) -> Tensor:
        """Return the derivative of `regularised` by each pixel of the masks.

        Parameters
        ----------
        masks : Tensor of float32, shape (N, 1, Y, X)

        Returns
        -------
        Tensor of float32, shape (N, 1, Y, X)
            0 in unknown pixels.
        """
        foreground, background = self._sides(masks)
        near_f, through_b, constant_b = self._parts(foreground, background)
        near_b, through_f, constant_f = self._parts(background, foreground)
        channels = self._images.shape[1]
        spread = self._smooth(
            torch.cat(
                [
                    through_b - through_f,
                    (through_b * background.seen - through_f * foreground.seen).sum(
                        1, keepdim=True
                    ),
                ],
                1,
            )
        )
        far = (self._images * spread[:, :channels]).sum(1, keepdim=True) - spread[:, channels:]
        # Where nothing is in reach the mean of the other side is seen, which moves as well.
        far = far + ((self._images - background.mean) * constant_b).sum(1, keepdim=True)
        far = far - ((self._images - foreground.mean) * constant_f).sum(1, keepdim=True)
        deviation = (self._images - foreground.mean).square()
        deviation = deviation - (self._images - background.mean).square()
        diversity = self._diversity / 2 * deviation.sum(1, keepdim=True)
        return self._known * (near_f - near_b + far - diversity)

    def _parts(self, side: _Side, other: _Side) -> tuple[Tensor, Tensor, Tensor]:
        """Return what the mean error of a side gains by one more pixel of it.

        The gain by the pixel itself; what the other side loses in reach of each pixel, still
        to be smoothed; and what it loses in its mean.
        """
        difference = self._images - other.seen
        error = difference.abs().sum(1, keepdim=True)
        mean = (side.pixels * error).sum((-2, -1), keepdim=True) / side.size
        signs = side.pixels * difference.sign() / side.size
        out_of_reach = torch.where(other.inverse == 0, signs, 0).sum((-2, -1), keepdim=True)
        return (error - mean) / side.size, signs * other.inverse, out_of_reach / other.size

    def _mean_error(self, side: _Side, other: _Side) -> Tensor:
        error = (self._images - other.seen).abs().sum(1, keepdim=True)
        return ((side.pixels * error).sum((-2, -1), keepdim=True) / side.size).flatten()

    def _sides(self, masks: Tensor) -> tuple[_Side, _Side]:
        pixels = masks * self._known
        values = self._images * pixels
        reached = self._smooth(torch.cat([values, pixels], 1))
        size = pixels.sum((-2, -1), keepdim=True)
        total = values.sum((-2, -1), keepdim=True)
        return (
            _side(pixels, size, total, reached),
            _side(self._known - pixels, self._count - size, self._sum - total, self._all - reached),
        )

    def _smooth(self, maps: Tensor) -> Tensor:
        return torch.matmul(torch.matmul(maps, self._columns).mT, self._rows).mT


def _side(pixels: Tensor, size: Tensor, total: Tensor, reached: Tensor) -> _Side:
    size = size.clamp(min=1)
    mean = total / size
    weight = reached[:, -1:]
    inverse = torch.where(weight > _NOTHING, 1 / weight.clamp(min=_NOTHING), 0)
    seen = torch.where(weight > _NOTHING, reached[:, :-1] * inverse, mean)
    return _Side(pixels, size, mean, inverse, seen)

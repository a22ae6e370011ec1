"""The real images of a PerturbGAN: scaled to squares of every side, and cropped at random."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from skimage.transform import resize
from torch import Tensor
from torch.nn import functional

from napari_inpaintaff.errors import ImageError

#: Side of the images out of which crops are taken, in parts of the crops' side (section 3.4).
CROP_MARGIN = 1.125
#: Fewest images to learn from: a generator learns what they have in common.
FEWEST_IMAGES = 16
#: Percentiles of the intensities that become -1 and 1.
_DARK, _BRIGHT = 1.0, 99.0
#: Nothing is brighter or darker than this afterwards.
_LIMIT = 1.5


def as_picture(
    image: ArrayLike, side: int, *, smallest: int | None = None, name: str = "the image"
) -> NDArray[np.float32]:
    """Scale an image to a square of a side and to intensities of about -1 to 1.

    Parameters
    ----------
    image : array of numbers, shape (Y, X) or (C, Y, X)
        Raw intensities, with 1 or 3 channels; pixels that are not finite become as dark as
        the darkest ones.
    side : int
        Of the result, whatever the shape of the image (section 3.4).
    smallest : int, optional
        Side that the image must have; by default that of the result.
    name : str, optional
        For messages.

    Returns
    -------
    ndarray of float32, shape (C, side, side)
        The 1st percentile over all channels is -1, the 99th is 1; limited to -1.5 to 1.5.

    Raises
    ------
    ImageError
        If it is no such image, too small, or the same everywhere.
    """
    pixels = np.asarray(image, np.float32)
    if pixels.ndim == 2:
        pixels = pixels[None]
    if pixels.ndim != 3 or pixels.shape[0] not in (1, 3):
        raise ImageError(
            f"{name} has the shape {pixels.shape}: it must be (Y, X), or (C, Y, X) with 1 or 3 "
            "channels"
        )
    smallest = side if smallest is None else smallest
    if min(pixels.shape[1:]) < smallest:
        raise ImageError(
            f"{name} has {pixels.shape[1]} x {pixels.shape[2]} pixels, less than the side "
            f"{smallest}: leave it out, or choose a smaller side"
        )
    known = np.isfinite(pixels)
    if not known.any() or pixels[known].min() == pixels[known].max():
        raise ImageError(f"{name} has the same intensity everywhere: leave it out")
    low, high = np.percentile(pixels[known], (_DARK, _BRIGHT))
    if low == high:  # a few bright pixels
        low, high = pixels[known].min(), pixels[known].max()
    scaled = np.where(known, 2 * (np.where(known, pixels, low) - low) / (high - low) - 1, -1)
    shrunk = resize(np.clip(scaled, -_LIMIT, _LIMIT), (len(pixels), side, side), order=1)
    return np.asarray(shrunk, np.float32)


class Pictures:
    """Real images at the sides that a progressive training needs.

    Parameters
    ----------
    images : sequence of array, shape (Y, X) or (C, Y, X)
        Of any sizes, all with the same number of channels.
    side : int
        The largest side that is trained.
    random_crops : bool
        Whether images are kept a little larger, to be cropped.
    names : sequence of str, optional
        Of the images, for messages.

    Raises
    ------
    ImageError
        If there are too few images, or one of them cannot be used.
    """

    def __init__(
        self,
        images: Sequence[ArrayLike],
        side: int,
        *,
        random_crops: bool,
        names: Sequence[str] | None = None,
    ) -> None:
        if len(images) < FEWEST_IMAGES:
            raise ImageError(
                f"there are only {len(images)} images: a PerturbGAN learns what many have in "
                f"common; give at least {FEWEST_IMAGES}, better thousands"
            )
        called = names or [f"image {number}" for number in range(len(images))]
        wanted = round(CROP_MARGIN * side) if random_crops else side
        found = [
            as_picture(image, wanted, smallest=side, name=one)
            for image, one in zip(images, called, strict=True)
        ]
        if len({picture.shape for picture in found}) > 1:
            raise ImageError("some images are in colour and others are not: give one kind only")
        self._largest = torch.from_numpy(np.stack(found))
        self._random_crops = random_crops
        self._sides: dict[int, Tensor] = {}

    @property
    def channels(self) -> int:
        """Of every image."""
        return self._largest.shape[1]

    def fingerprint(self) -> str:
        """Return what tells these images from others."""
        return hashlib.sha256(self._largest.numpy().tobytes()).hexdigest()

    def draw(self, side: int, batch: int, rng: np.random.Generator) -> Tensor:
        """Draw real images at one side.

        Parameters
        ----------
        side : int
            Of the images.
        batch : int
            How many; none twice, as long as there are enough.
        rng : Generator
            Decides which, and where they are cropped.

        Returns
        -------
        Tensor of float32, shape (batch, C, side, side)
        """
        images = self._at(round(CROP_MARGIN * side) if self._random_crops else side)
        chosen = rng.choice(len(images), batch, replace=batch > len(images))
        margin = images.shape[-1] - side
        if margin == 0:
            return images[torch.from_numpy(chosen)]
        corners = rng.integers(0, margin + 1, (batch, 2))
        crops = [
            images[index, :, top : top + side, left : left + side]
            for index, (top, left) in zip(chosen, corners, strict=True)
        ]
        return torch.stack(crops)

    def draw_whole(self, side: int, batch: int, rng: np.random.Generator) -> Tensor:
        """Draw real images that are not cropped; see `draw`."""
        images = self._at(side)
        chosen = rng.choice(len(images), batch, replace=batch > len(images))
        return images[torch.from_numpy(chosen)]

    def _at(self, side: int) -> Tensor:
        """Return all images, shrunk to a side, and made once."""
        if side not in self._sides:
            self._sides[side] = functional.interpolate(
                self._largest, (side, side), mode="bilinear", align_corners=False, antialias=True
            )
        return self._sides[side]


def unit_range(pictures: Tensor) -> NDArray[Any]:
    """Return images of about -1 to 1 as float32 in [0, 1], for people."""
    return (0.5 + 0.5 * pictures.detach().cpu()).clamp(0, 1).numpy()

"""Random crops of normalised images, augmented, as training batches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from napari_inpaintaff.errors import ImageError


class CropSampler:
    """Draws batches of square crops with flips, quarter turns, zoom and contrast jitter.

    Parameters
    ----------
    images : sequence of ndarray of float32, shape (Y, X)
        Normalised planes; each is drawn in proportion to its area. Smaller ones are
        mirrored at their borders.
    size : int
        Side of the crops in pixels.
    seed : int
        Same seed, same crops.
    background_level : float, optional
        A crop in which fewer than 2 percent of the pixels exceed this normalised value is
        drawn again (three times at most): empty crops teach little.
    zoom : float, optional
        Crops are magnified by a factor of ``1 / zoom`` to ``zoom``.
    """

    def __init__(
        self,
        images: Sequence[NDArray[np.float32]],
        size: int,
        seed: int,
        *,
        background_level: float = 1.0,
        zoom: float = 1.25,
    ) -> None:
        if not images:
            raise ImageError("there is no image to train on")
        largest = int(np.ceil(size * zoom))
        self._images = [_at_least(_without_nan(image), largest) for image in images]
        areas = np.array([image.size for image in self._images], dtype=np.float64)
        self._chances = areas / areas.sum()
        self._size = size
        self._zoom = zoom
        self._background_level = background_level
        self._random = np.random.default_rng(seed)

    def draw(self, batch: int) -> Tensor:
        """Draw a batch.

        Parameters
        ----------
        batch : int
            Number of crops.

        Returns
        -------
        Tensor of float32, shape (batch, size, size)
            Normalised values.
        """
        random = self._random
        # One zoom for the batch: a single resampling call instead of one per crop.
        zoom = float(np.exp(random.uniform(-1, 1) * np.log(self._zoom)))
        side = round(self._size * zoom)
        crops = np.stack([self._crop(side) for _ in range(batch)])
        contrast = np.exp(random.uniform(-0.2, 0.2, (batch, 1, 1)).astype(np.float32))
        result = torch.from_numpy(crops * contrast)
        if side != self._size:
            result = functional.interpolate(
                result[:, None],
                (self._size, self._size),
                mode="bilinear",
                antialias=side > self._size,
            )[:, 0]
        return result

    def _crop(self, side: int) -> NDArray[np.float32]:
        random = self._random
        for _ in range(4):
            image = self._images[random.choice(len(self._images), p=self._chances)]
            y = random.integers(image.shape[0] - side + 1)
            x = random.integers(image.shape[1] - side + 1)
            crop = image[y : y + side, x : x + side]
            if np.mean(crop > self._background_level) > 0.02:
                break
        crop = np.rot90(crop, int(random.integers(4)))
        return np.ascontiguousarray(crop[::-1] if random.integers(2) else crop)


def _without_nan(image: NDArray[np.float32]) -> NDArray[np.float32]:
    if np.isnan(image).any():
        return np.where(np.isnan(image), np.nanmedian(image), image).astype(np.float32)
    return image


def _at_least(image: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    missing = [max(0, side - length) for length in image.shape]
    if not any(missing):
        return image
    return np.pad(image, [(m // 2, m - m // 2) for m in missing], mode="symmetric")

"""Random crops of normalised images, augmented, as training batches."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.inpainting.plane_pool import PlanePool, without_nan

#: How many places are tried to find one that is not empty.
_TRIES = 4
#: A crop is empty if no larger fraction of its pixels exceeds the background level.
_EMPTY = 0.02


@dataclass(frozen=True, eq=False)
class _Images:
    """Images to draw from, none smaller than the largest crop."""

    source: Sequence[NDArray[np.float32]]
    values: list[NDArray[np.float32]]
    shapes: NDArray[np.int64]
    shares: NDArray[np.float64]


class CropSampler:
    """Draws batches of square crops with flips, quarter turns, zoom and contrast jitter.

    A batch depends on the seed and the step only, not on what was drawn before.

    Parameters
    ----------
    images : PlanePool, or sequence of ndarray of float32, shape (Y, X)
        Normalised planes; each is drawn in proportion to its area. Smaller ones are
        mirrored at their borders, NaN is filled with the median.
    size : int
        Side of the crops in pixels.
    seed : int
        Same seed, same crops.
    background_level : float, optional
        A crop in which fewer than 2 percent of the pixels exceed this normalised value is
        drawn again (three times at most): empty crops teach little.
    zoom : float, optional
        Crops are magnified by a factor of ``1 / zoom`` to ``zoom``.
    contrast : float, optional
        The values of a crop are multiplied by ``exp(-contrast)`` to ``exp(contrast)``.

    Raises
    ------
    ImageError
        If there is no image, or the planes of a pool have fewer pixels than one crop.
    """

    def __init__(
        self,
        images: PlanePool | Sequence[NDArray[np.float32]],
        size: int,
        seed: int,
        *,
        background_level: float = 1.0,
        zoom: float = 1.25,
        contrast: float = 0.2,
    ) -> None:
        self._size = size
        self._seed = seed
        self._background_level = background_level
        self._zoom = zoom
        self._contrast = contrast
        self._pool = images if isinstance(images, PlanePool) else None
        self._images: _Images | None = None
        if isinstance(images, PlanePool):
            if images.pixels < size * size:
                raise ImageError(
                    f"all images together have {images.pixels} pixels, fewer than one crop of "
                    f"{size} x {size}: give more or larger images"
                )
        elif not images:
            raise ImageError("there is no image to train on")
        else:
            self._images = self._enlarged([without_nan(image) for image in images])

    def draw(self, step: int, batch: int) -> Tensor:
        """Draw the batch of a step.

        Parameters
        ----------
        step : int
            Not negative. Each step has crops of its own.
        batch : int
            Number of crops.

        Returns
        -------
        Tensor of float32, shape (batch, size, size)
            Normalised values, on the CPU.

        Raises
        ------
        ImageError
            If no plane of the pool can be used.
        """
        images = self._images_at(step)
        random = np.random.default_rng([self._seed, step])
        # One zoom for the batch: a single resampling call instead of one per crop.
        side = round(self._size * math.exp(random.uniform(-1, 1) * math.log(self._zoom)))
        chosen = np.searchsorted(images.shares, random.random((batch, _TRIES)), side="right")
        corners = random.integers(images.shapes[chosen] - side + 1)
        turns = random.integers(2, size=(batch, 3))
        factors = np.exp(random.uniform(-self._contrast, self._contrast, batch))
        crops = np.empty((batch, side, side), np.float32)
        for index, (transposed, upside_down, mirrored) in enumerate(turns):
            crop = self._first_with_cells(images, chosen[index], corners[index], side)
            crop = crop.T if transposed else crop
            crop = crop[:: -1 if upside_down else 1, :: -1 if mirrored else 1]
            np.multiply(crop, np.float32(factors[index]), out=crops[index])
        return self._resized(torch.from_numpy(crops))

    def _first_with_cells(
        self,
        images: _Images,
        chosen: NDArray[np.int64],
        corners: NDArray[np.int64],
        side: int,
    ) -> NDArray[np.float32]:
        for image, (y, x) in zip(chosen, corners, strict=True):
            crop: NDArray[np.float32] = images.values[image][y : y + side, x : x + side]
            if np.count_nonzero(crop > self._background_level) > _EMPTY * side * side:
                break
        return crop

    def _resized(self, crops: Tensor) -> Tensor:
        side = crops.shape[-1]
        if side == self._size:
            return crops
        shape = (self._size, self._size)
        shrinks = side > self._size
        return functional.interpolate(crops[:, None], shape, mode="bilinear", antialias=shrinks)[
            :, 0
        ]

    def _images_at(self, step: int) -> _Images:
        # Several threads may draw: each goes on with what it has found here.
        images = self._images
        if self._pool is not None:
            source = self._pool.at(step)
            if images is None or images.source is not source:
                images = self._images = self._enlarged(source)
        assert images is not None
        return images

    def _enlarged(self, source: Sequence[NDArray[np.float32]]) -> _Images:
        largest = math.ceil(self._size * self._zoom)
        values = [_at_least(image, largest) for image in source]
        areas = np.cumsum([image.size for image in values], dtype=np.float64)
        shapes = np.array([image.shape for image in values])
        return _Images(source, values, shapes, areas / areas[-1])


def _at_least(image: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    missing = [max(0, side - length) for length in image.shape]
    if not any(missing):
        return image
    return np.pad(image, [(m // 2, m - m // 2) for m in missing], mode="symmetric")


class CropLoader:
    """Draws the next batch in the background while the present one is trained on.

    Parameters
    ----------
    sampler : CropSampler
        Where the crops come from.
    batch : int
        Number of crops.

    Attributes
    ----------
    batch : int
        May be changed at any time; it holds from the next `get` on.
    waited : float
        Seconds that `get` has waited so far.
    """

    def __init__(self, sampler: CropSampler, batch: int) -> None:
        self.batch = batch
        self.waited = 0.0
        self._sampler = sampler
        self._thread = ThreadPoolExecutor(1, "draw crops")
        self._ahead: tuple[tuple[int, int], Future[Tensor]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the thread; nothing can be asked for afterwards."""
        self._thread.shutdown(cancel_futures=True)

    def get(self, step: int) -> Tensor:
        """Return the batch of a step, and have the next one drawn.

        Parameters
        ----------
        step : int
            Steps in a row are fast, any other step has to be drawn first.

        Returns
        -------
        Tensor of float32, shape (batch, size, size)
            As `CropSampler.draw` returns it, on the CPU.

        Raises
        ------
        ImageError
            If no plane of the pool can be used. Whatever else is raised while drawing
            this batch is raised here, too.
        """
        start = time.perf_counter()
        wanted = step, self.batch
        if self._ahead is None or self._ahead[0] != wanted:
            self._ahead = self._draw(wanted)
        crops = self._ahead[1].result()
        self.waited += time.perf_counter() - start
        self._ahead = self._draw((step + 1, self.batch))
        return crops

    def _draw(self, wanted: tuple[int, int]) -> tuple[tuple[int, int], Future[Tensor]]:
        return wanted, self._thread.submit(self._sampler.draw, *wanted)

"""What a foreground network learns from: crops of images, turned, scaled and made brighter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from napari_inpaintaff.foreground.targets import FOREGROUND, UNLABELLED
from napari_inpaintaff.images.normalise import NormalisationKind

#: Part of the crops that is turned by any angle and scaled; the others keep their pixels.
_WARPED = 0.5
#: These are scaled by up to this factor, or its inverse.
_SCALE = 1.25
#: Intensities are multiplied by up to this factor, or its inverse.
_BRIGHTNESS = 1.5
#: Normalised values are multiplied by up to this factor, or its inverse.
_CONTRAST = 1.2
#: Background that is added: up to so much at either end of a crop, in the units of the
#: normalisation. Without it a long training calls haze foreground.
_HAZE: dict[NormalisationKind, float] = {"fluorescence": 0.15, "linear": 0.3}
#: Standard deviation of the noise that is added, at most, in the same units.
_NOISE: dict[NormalisationKind, float] = {"fluorescence": 0.1, "linear": 0.2}


@dataclass(frozen=True, eq=False)
class LabelledImage:
    """An image at the scale of the network, and what is known about its foreground.

    Attributes
    ----------
    values : ndarray of float32, shape (Y, X)
        Normalised; NaN where unknown.
    targets : ndarray of int8, shape (Y, X)
        1 foreground, 0 background, -1 unlabelled.
    """

    values: NDArray[np.float32]
    targets: NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Crops:
    """A batch.

    Attributes
    ----------
    values, known : Tensor of float32, shape (B, 1, Y, X)
        Normalised values, 0 where unknown; and 1 where known.
    targets : Tensor of float32, shape (B, 1, Y, X)
        1, 0, or -1 for unlabelled.
    """

    values: Tensor
    known: Tensor
    targets: Tensor

    def to(self, device: torch.device) -> Crops:
        """Return the batch on a device."""
        values, known, targets = (
            one.to(device, non_blocking=True) for one in (self.values, self.known, self.targets)
        )
        return Crops(values, known, targets)


class CropSampler:
    """Draws crops around labelled pixels, each turned, mirrored and of another brightness.

    A batch depends on the seed and the step only.

    Parameters
    ----------
    images : sequence of LabelledImage
        With a labelled pixel at least.
    normalisation : {"fluorescence", "linear"}
        What the values are: it decides how another brightness looks.
    size : int
        Side of the crops.
    seed : int
        Same seed, same batches.
    """

    def __init__(
        self,
        images: Sequence[LabelledImage],
        normalisation: NormalisationKind,
        *,
        size: int,
        seed: int,
    ) -> None:
        self._normalisation = normalisation
        self._size = size
        self._seed = seed
        self._maps = [_maps(image) for image in images]
        self._shapes = [image.values.shape for image in images]
        self._labelled = [
            _places([image.targets for image in images], value) for value in (FOREGROUND, 0)
        ]

    def draw(self, step: int, batch: int) -> Crops:
        """Draw the batch of a step.

        Parameters
        ----------
        step : int
            Each step has crops of its own.
        batch : int
            Number of crops.
        """
        random = np.random.default_rng([self._seed, step])
        drawn = [self._cut(*self._around_label(random), random) for _ in range(batch)]
        values, known, targets = torch.cat(drawn).chunk(3, dim=1)
        known = (known > 0.5).float()
        values = self._change(values, random) * known
        targets = torch.where(known > 0, targets - 1, UNLABELLED)
        return Crops(values, known, targets)

    def _around_label(self, random: np.random.Generator) -> tuple[int, int, int]:
        """Choose a place near a labelled pixel, of either class as often as of the other."""
        both = [places for places in self._labelled if len(places)]
        places = both[random.integers(len(both))]
        image, y, x = places[random.integers(len(places))].tolist()
        half = self._size // 4
        down, right = random.integers(-half, half + 1, size=2).tolist()
        return image, y + down, x + right

    def _cut(self, image: int, y: int, x: int, random: np.random.Generator) -> Tensor:
        """Cut out a crop around a pixel: (1, 3, Y, X), in a random orientation."""
        angle = float(np.pi / 2 * random.integers(4))
        scale = 1.0
        if random.random() < _WARPED:
            angle = float(random.uniform(0, 2 * np.pi))
            scale = float(_SCALE ** random.uniform(-1, 1))
        mirrored = 1 - 2 * random.integers(2)
        height, width = self._shapes[image]
        steps = np.arange(self._size) - (self._size - 1) / 2
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        across, down = np.meshgrid(steps * mirrored, steps)
        # The middle of an even number of pixels lies between two of the image.
        rows = y + 0.5 + cos * down + sin * across
        columns = x + 0.5 - sin * down + cos * across
        grid = np.stack([(2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1], axis=-1)
        points = torch.from_numpy(grid.astype(np.float32))[None]
        maps = self._maps[image]
        smooth = functional.grid_sample(maps[:, :1], points, align_corners=False)
        sharp = functional.grid_sample(maps[:, 1:], points, mode="nearest", align_corners=False)
        return torch.cat([smooth, sharp], dim=1)

    def _change(self, values: Tensor, random: np.random.Generator) -> Tensor:
        """Change brightness, contrast, background and noise of every crop."""
        count, side = len(values), self._size

        def factors(largest: float) -> Tensor:
            return _per_crop(largest ** random.uniform(-1, 1, count))

        kind = self._normalisation
        fluorescence = kind == "fluorescence"
        intensities = torch.expm1(values) * factors(_BRIGHTNESS) if fluorescence else values
        ends = random.uniform(-1, 1, (2, 2, count)) * _HAZE[kind] / 2
        along = torch.linspace(0, 1, side)
        down, right = (torch.lerp(_per_crop(first), _per_crop(last), along) for first, last in ends)
        noise = random.standard_normal(values.shape, np.float32)
        noise *= random.uniform(0, _NOISE[kind], (count, 1, 1, 1)).astype(np.float32)
        changed = intensities + down.transpose(2, 3) + right + torch.from_numpy(noise)
        if fluorescence:
            changed = torch.log1p(changed.clamp(min=0))
        return changed * factors(_CONTRAST)


def _per_crop(numbers: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(numbers.astype(np.float32))[:, None, None, None]


def _maps(image: LabelledImage) -> Tensor:
    """Return values, known pixels and targets (one higher, so that 0 is unlabelled)."""
    known = np.isfinite(image.values)
    stacked = np.stack([np.where(known, image.values, 0), known, image.targets + 1.0])
    return torch.from_numpy(stacked.astype(np.float32))[None]


def _places(targets: Sequence[NDArray[np.int8]], value: int) -> NDArray[np.int64]:
    """Return (image, y, x) of all pixels with a value."""
    found = [
        np.insert(np.argwhere(one == value), 0, index, axis=1) for index, one in enumerate(targets)
    ]
    return np.concatenate(found)

"""Test images: touching areas of unlike brightness, with a little noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS
from napari_inpaintaff.separation import SeparationParameters

#: Small and quick; without the longest offsets, which not every small patch could hold.
QUICK = SeparationParameters(
    patch=32,
    stride=16,
    distance=4,
    iterations=6,
    minimum_side=8,
    offsets=PUBLISHED_OFFSETS[:10],
)


def mosaic(
    shape: tuple[int, int], *, seed: int = 0, areas: int = 14
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Voronoi cells of random points, each with its own brightness, and their labels."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 1, (areas, 2)) * shape
    brightness = rng.permutation(np.linspace(0.2, 4, areas))
    rows, columns = np.indices(shape)
    labels = np.argmin([(rows - y) ** 2 + (columns - x) ** 2 for y, x in points], axis=0)
    image = brightness[labels] + rng.normal(0, 0.05, shape)
    return image.astype(np.float32), labels

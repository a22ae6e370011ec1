"""The image that the tests of the command line segment."""

from __future__ import annotations

import numpy as np


def two_cells(size: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """Two bright touching discs on a dark, noisy background, and their labels."""
    y, x = np.mgrid[:size, :size]
    first = (y - 48) ** 2 + (x - 36) ** 2 < 14**2
    second = ((y - 48) ** 2 + (x - 62) ** 2 < 13**2) & ~first
    labels = first + 2 * second.astype(np.uint16)
    noise = np.random.default_rng(0).normal(0, 8, (size, size))
    image = 200 + 700 * first + 900 * second + noise
    return image.astype(np.uint16), labels

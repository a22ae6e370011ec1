"""Textured objects on textured backgrounds, with their masks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def scene(
    seed: int, *, channels: int = 1, side: int = 128
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return an image (C, Y, X) with one wavy object near its middle, and where that is."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side - 0.5 + random.uniform(-0.05, 0.05, (2, 1, 1))
    angle = np.arctan2(y, x)
    radius = random.uniform(0.2, 0.28) * (1 + 0.15 * np.cos(3 * angle + random.uniform(0, 6)))
    mask = np.hypot(y, x) < radius
    noise = random.normal(size=(2, channels, side, side))
    texture = ndimage.gaussian_filter(noise, (0, 0, 2, 2))
    texture *= 0.2 / texture.std()
    levels = random.uniform(0.6, 0.9, (channels, 1, 1)) * random.choice((-1, 1), (channels, 1, 1))
    return np.where(mask, texture[0] + levels, texture[1]), mask


def iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / (one | other).sum())

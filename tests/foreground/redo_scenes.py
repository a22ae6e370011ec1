"""Small scenes of one even disc before an even background, of other colours each time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def disc_scenes(
    count: int, side: int = 16, *, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return images (N, 3, Y, X) in [0, 1] and masks (N, Y, X): reddish discs on blue ground."""
    rng = np.random.default_rng(seed)
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    images = np.empty((count, 3, side, side), np.float32)
    masks = np.empty((count, side, side), bool)
    for index in range(count):
        centre = rng.uniform(0.15, 0.85, 2)
        masks[index] = np.hypot(y - centre[0], x - centre[1]) < rng.uniform(0.22, 0.32)
        ground = np.array([rng.uniform(0, 0.4), rng.uniform(0, 1), rng.uniform(0.6, 1)])
        disc = np.array([rng.uniform(0.6, 1), rng.uniform(0, 1), rng.uniform(0, 0.4)])
        images[index] = np.where(masks[index], disc[:, None, None], ground[:, None, None])
    images += rng.normal(0, 0.02, images.shape)
    return np.clip(images, 0, 1).astype(np.float32), masks

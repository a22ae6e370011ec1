"""Simulated outlines of touching cells: round or long, alike or not, smooth or bumpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def touching_cells(seed: int, *, side: int = 400, diameter: float = 25.0) -> NDArray[np.int32]:
    """Return a label image of cells, each a little squeezed where it leans on others."""
    rng = np.random.default_rng(seed)
    aspect = rng.uniform(1.0, 1.6) if rng.random() < 0.7 else rng.uniform(1.6, 3.5)
    spread, bumps = rng.uniform(0.05, 0.35), rng.uniform(0, 0.12)
    overlap = rng.uniform(0.02, 0.3)
    labels = np.zeros((side, side), np.int32)
    middles: list[tuple[float, float]] = []
    for _ in range(int(rng.integers(150, 500))):
        radius = diameter / 2 * np.exp(rng.normal() * spread)
        if rng.random() < 0.05:
            radius *= 0.45
        middle = rng.uniform(0, side, 2)
        if middles and rng.random() < 0.6:
            towards, distance = rng.uniform(0, 2 * np.pi), rng.uniform(1.4, 2.4) * radius
            step = distance * np.array([np.sin(towards), np.cos(towards)])
            middle = middles[rng.integers(len(middles))] + step
        inside = _cell(labels.shape, middle, radius, aspect, bumps, rng)
        if not inside.any() or np.count_nonzero(inside & (labels > 0)) > overlap * inside.sum():
            continue
        labels[inside & (labels == 0)] = labels.max() + 1
        middles.append((middle[0], middle[1]))
    return _in_one_piece(labels)


def _cell(
    shape: tuple[int, int],
    middle: NDArray[np.float64],
    radius: float,
    aspect: float,
    bumps: float,
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    longer = float(np.clip(aspect * np.exp(rng.normal() * 0.15), 1, 5)) ** 0.5
    angle, phases = rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi, 3)
    y, x = np.ogrid[: shape[0], : shape[1]]
    y, x = y - middle[0], x - middle[1]
    along = (x * np.cos(angle) + y * np.sin(angle)) / (radius * longer)
    across = (y * np.cos(angle) - x * np.sin(angle)) / (radius / longer)
    theta = np.arctan2(across, along)
    waves = zip((1.0, 0.6, 0.4), (2, 3, 4), phases, strict=True)
    outline = 1 + bumps * sum(size * np.sin(n * theta + phase) for size, n, phase in waves)
    return np.asarray(along**2 + across**2 < outline**2)


def _in_one_piece(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    for label, box in enumerate(ndimage.find_objects(labels), 1):
        if box is None:
            continue
        pieces, count = ndimage.label(labels[box] == label)
        if count > 1:
            largest = np.bincount(pieces.ravel())[1:].argmax() + 1
            labels[box][(pieces > 0) & (pieces != largest)] = 0
    return labels

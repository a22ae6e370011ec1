"""Simulated outlines of touching cells: round or long, alike or not, bumpy, with tails."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

#: From the coordinates of all pixels, in half axes of a cell that they are along and across, to
#: those that belong to it.
_Outline = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]


def touching_cells(seed: int, *, side: int = 400, diameter: float = 25.0) -> NDArray[np.int32]:
    """Return a label image of cells, each a little squeezed where it leans on others."""
    rng = np.random.default_rng(seed)
    aspect = rng.uniform(1.0, 1.6) if rng.random() < 0.7 else rng.uniform(1.6, 3.5)
    spread, bumps = rng.uniform(0.05, 0.35), rng.uniform(0, 0.12)
    overlap, leaning = rng.uniform(0.02, 0.3), rng.uniform(0, 0.8)

    def size() -> float:
        radius = diameter / 2 * np.exp(rng.normal() * spread)
        return float(radius * 0.45 if rng.random() < 0.05 else radius)

    def outline() -> _Outline:
        return _bumpy(bumps, rng)

    return _placed(side, size, aspect, outline, overlap, leaning, rng)


def tailed_cells(seed: int, *, side: int = 400, diameter: float = 25.0) -> NDArray[np.int32]:
    """Return a label image of long cells with tails at their ends, like those that crawl."""
    rng = np.random.default_rng((seed, 1))
    aspect = rng.uniform(1.3, 3.0)
    spread, bumps = rng.uniform(0.05, 0.3), rng.uniform(0, 0.15)
    overlap, leaning = rng.uniform(0.02, 0.2), rng.uniform(0, 0.8)

    def size() -> float:
        return float(diameter / 2 * np.exp(rng.normal() * spread))

    def outline() -> _Outline:
        parts = [_body(_bumpy(bumps, rng))]
        parts += [_tail(end, rng) for end in (-1, 1) if rng.random() < 0.6]
        return lambda along, across: np.any([part(along, across) for part in parts], axis=0)

    return _placed(side, size, aspect, outline, overlap, leaning, rng)


def _placed(
    side: int,
    size: Callable[[], float],
    aspect: float,
    outline: Callable[[], _Outline],
    overlap: float,
    leaning: float,
    rng: np.random.Generator,
) -> NDArray[np.int32]:
    """Lay cells out one after the other, some of them beside one that is there."""
    labels = np.zeros((side, side), np.int32)
    middles: list[NDArray[np.float64]] = []
    y, x = np.ogrid[:side, :side]
    for _ in range(int(rng.integers(150, 500))):
        radius = size()
        middle = rng.uniform(0, side, 2)
        if middles and rng.random() < leaning:
            towards, distance = rng.uniform(0, 2 * np.pi), rng.uniform(1.4, 2.4) * radius
            step = distance * np.array([np.sin(towards), np.cos(towards)])
            middle = middles[rng.integers(len(middles))] + step
        longer = float(np.clip(aspect * np.exp(rng.normal() * 0.15), 1, 5)) ** 0.5
        angle = rng.uniform(0, np.pi)
        dy, dx = y - middle[0], x - middle[1]
        along = (dx * np.cos(angle) + dy * np.sin(angle)) / (radius * longer)
        across = (dy * np.cos(angle) - dx * np.sin(angle)) / (radius / longer)
        inside = outline()(along, across)
        if not inside.any() or np.count_nonzero(inside & (labels > 0)) > overlap * inside.sum():
            continue
        labels[inside & (labels == 0)] = labels.max() + 1
        middles.append(middle)
    return _in_one_piece(labels)


def _bumpy(bumps: float, rng: np.random.Generator) -> _Outline:
    waves = list(zip((1.0, 0.6, 0.4), (2, 3, 4), rng.uniform(0, 2 * np.pi, 3), strict=True))

    def inside(along: NDArray[np.float64], across: NDArray[np.float64]) -> NDArray[np.bool_]:
        theta = np.arctan2(across, along)
        edge = 1 + bumps * sum(size * np.sin(n * theta + phase) for size, n, phase in waves)
        return np.asarray(along**2 + across**2 < edge**2)

    return inside


def _body(outline: _Outline) -> _Outline:
    """Return a shorter cell, for the tails are a part of its length."""
    return lambda along, across: outline(along / 0.8, across)


def _tail(end: int, rng: np.random.Generator) -> _Outline:
    """Return a tapered and bent strip that begins inside a cell."""
    length = rng.uniform(0.4, 1.2)
    begin = rng.uniform(0.35, 0.8)
    tip, bend = begin * rng.uniform(0.1, 0.6), rng.normal() * 0.2

    def inside(along: NDArray[np.float64], across: NDArray[np.float64]) -> NDArray[np.bool_]:
        beyond = end * along - 0.6
        width = begin + (tip - begin) * np.clip(beyond / length, 0, 1)
        return (beyond >= 0) & (beyond < length) & (np.abs(across - bend * beyond**2) < width)

    return inside


def _in_one_piece(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    for label, box in enumerate(ndimage.find_objects(labels), 1):
        if box is None:
            continue
        pieces, count = ndimage.label(labels[box] == label)
        if count > 1:
            largest = np.bincount(pieces.ravel())[1:].argmax() + 1
            labels[box][(pieces > 0) & (pieces != largest)] = 0
    return labels

"""Simulated scenes of three regions: an odd and an even digit on a plain background.

After the coloured two-digit scenes of Chen et al. 2019 (ReDO), with digits drawn from strokes:
odd and even digits have colours of different distributions.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.images.layered_scenes import check_scenes

#: Points (x, y), x to the right and y down, in a box of width 0.6 and height 1.
_Stroke: TypeAlias = tuple[tuple[float, float], ...]
_Strokes: TypeAlias = tuple[_Stroke, ...]


def _arc(middle: _Stroke, first: float, last: float) -> _Stroke:
    """Return points on an ellipse, given its centre and its radii, from angle to angle."""
    (x, y), (width, height) = middle
    angles = np.linspace(first, last, 15)
    return tuple((x + width * float(np.cos(a)), y + height * float(np.sin(a))) for a in angles)


_RING = _arc(((0.3, 0.5), (0.28, 0.48)), 0, 2 * np.pi)
_UPPER = _arc(((0.3, 0.26), (0.24, 0.24)), 0, 2 * np.pi)
_LOWER = _arc(((0.3, 0.74), (0.28, 0.25)), 0, 2 * np.pi)
_BELLY = _arc(((0.26, 0.7), (0.3, 0.28)), -1.5, 2.4)
_HOOK = _arc(((0.26, 0.26), (0.28, 0.24)), -2.4, 1.5)
_TWO = ((0.05, 0.22), (0.2, 0.03), (0.42, 0.04), (0.55, 0.24), (0.4, 0.55), (0.05, 0.97))
_DIGITS: tuple[_Strokes, ...] = (
    (_RING,),
    (((0.12, 0.2), (0.34, 0.02), (0.34, 0.98)),),
    ((*_TWO, (0.57, 0.97)),),
    (_HOOK, _BELLY),
    (((0.42, 0.98), (0.42, 0.02), (0.03, 0.66), (0.58, 0.66)),),
    (((0.54, 0.03), (0.1, 0.03), (0.08, 0.44), (0.28, 0.42)), _BELLY),
    (((0.46, 0.02), (0.16, 0.34), (0.03, 0.7)), _LOWER),
    (((0.03, 0.03), (0.57, 0.03), (0.22, 0.98)),),
    (_UPPER, _LOWER),
    (_UPPER, ((0.54, 0.26), (0.5, 0.98))),
)
#: Middle hues of odd and even digits in radians, and how far from it they are at most.
_ODD_HUE, _EVEN_HUE, _HUE_RANGE = 0.3, 3.4, 0.7
_NOISE = 0.02


@dataclass(frozen=True)
class TwoDigitScenes:
    """Scenes of two digits each.

    Attributes
    ----------
    images : ndarray of float32, shape (N, 3, Y, X)
        Red, green and blue, in [0, 1].
    regions : ndarray of uint8, shape (N, Y, X)
        0 background, 1 the odd digit, 2 the even one.
    """

    images: NDArray[np.float32]
    regions: NDArray[np.uint8]


def two_digit_scenes(count: int, side: int = 64, *, seed: int = 0) -> TwoDigitScenes:
    """Simulate scenes of an odd and an even digit, which do not overlap.

    Scene i depends on the seed and i only, not on the count.

    Parameters
    ----------
    count : int
        Number of scenes, at least 1.
    side : int
        Height and width in pixels, at least 16. All lengths but the noise follow it.
    seed : int
        At least 0; the same seed gives the same scenes.

    Returns
    -------
    TwoDigitScenes

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> scenes = two_digit_scenes(1, 32)
    >>> scenes.images.shape, sorted(set(scenes.regions.flat))
    ((1, 3, 32, 32), [np.uint8(0), np.uint8(1), np.uint8(2)])
    """
    check_scenes(count, side, seed)
    images = np.empty((count, 3, side, side), np.float32)
    regions = np.empty((count, side, side), np.uint8)
    for index in range(count):
        rng = np.random.default_rng((seed, index))
        regions[index] = _digits(rng, side)
        images[index] = _coloured(rng, regions[index])
    return TwoDigitScenes(images, regions)


def _digits(rng: np.random.Generator, side: int) -> NDArray[np.uint8]:
    """Draw an odd and an even digit until they lie apart."""
    odd, even = 2 * rng.integers(5) + 1, 2 * rng.integers(5)
    while True:
        first, second = _digit(rng, side, _DIGITS[odd]), _digit(rng, side, _DIGITS[even])
        if not (first & second).any():
            return np.where(first, 1, np.where(second, 2, 0)).astype(np.uint8)


def _digit(rng: np.random.Generator, side: int, strokes: _Strokes) -> NDArray[np.bool_]:
    """Draw a digit, deformed a little, somewhere within the frame."""
    size, thickness = rng.uniform(0.42, 0.55), rng.uniform(0.032, 0.05)
    turn, slant = rng.uniform(-0.25, 0.25, 2)
    cos, sin = np.cos(turn), np.sin(turn)
    matrix = size * np.array([[cos, -sin], [sin, cos]]) @ np.array([[1, slant], [0, 1]])
    bent = rng.normal(0, 0.012, 2)
    lines = [
        (np.array(stroke) + bent * np.sin(3 * np.array(stroke)[:, ::-1]) - (0.3, 0.5)) @ matrix.T
        for stroke in strokes
    ]
    points = np.concatenate(lines)
    free = thickness + 0.02
    low, high = free - points.min(0), 1 - free - points.max(0)
    place = rng.uniform(low, high)
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    mask = np.zeros((side, side), bool)
    for line in lines:
        moved = line + place
        for (x0, y0), (x1, y1) in pairwise(moved):
            length = (x1 - x0) ** 2 + (y1 - y0) ** 2
            along = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length, 0, 1)
            distance = np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0))
            mask |= distance < thickness
    return mask


def _coloured(rng: np.random.Generator, regions: NDArray[np.uint8]) -> NDArray[np.float32]:
    channels = np.arange(3) * 2 * np.pi / 3
    colours = [np.full(3, rng.uniform(0.1, 0.4))]
    for middle in (_ODD_HUE, _EVEN_HUE):
        hue = middle + rng.uniform(-_HUE_RANGE, _HUE_RANGE)
        colours.append(rng.uniform(0.5, 0.65) + 0.3 * np.cos(hue - channels))
    image: NDArray[np.float64] = np.moveaxis(np.array(colours)[regions], -1, 0)
    image = image + rng.normal(0, _NOISE, image.shape)
    return np.asarray(np.clip(image, 0, 1), np.float32)

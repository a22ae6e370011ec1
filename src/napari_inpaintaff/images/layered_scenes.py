"""Simulated scenes of one object before a background, which brightness does not tell apart.

What a method that finds a foreground without labels can be measured with: textured backgrounds,
deformable textured objects and known masks, as many as wanted. The grey levels (means of the
three channels) of object and background have one distribution, so no threshold finds the object.
Colours differ, but vary within each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.errors import ParameterError

Placement = Literal["whole", "cropped"]
PLACEMENTS: tuple[Placement, ...] = get_args(Placement)
Hues = Literal["opposite", "own"]
HUES: tuple[Hues, ...] = get_args(Hues)
#: Smallest side of a scene, in pixels.
SMALLEST_SIDE = 16

#: Grey levels of object and background.
_DARKEST, _BRIGHTEST = 0.3, 0.7
#: How far channels deviate from the grey level, and the noise.
_CHROMA, _NOISE = 0.2, 0.02
#: The two hues of a layer lie so far from its middle hue at most, in radians.
_HUES = 1.0
#: The middle hues of object and background are opposite, give or take this; or each is its own.
_TURN = 0.7
#: An object covers such a part of the scene at least, and at most.
_SMALLEST_PART, _LARGEST_PART = 0.08, 0.5
#: Free pixels between a whole object and the frame, in parts of the side.
_MARGIN = 0.03


@dataclass(frozen=True)
class LayeredScenes:
    """Scenes of one object each.

    Attributes
    ----------
    images : ndarray of float32, shape (N, 3, Y, X)
        Red, green and blue, in [0, 1].
    masks : ndarray of bool, shape (N, Y, X)
        Where the object is.
    """

    images: NDArray[np.float32]
    masks: NDArray[np.bool_]


def layered_scenes(
    count: int,
    side: int = 128,
    *,
    seed: int = 0,
    placement: Placement = "cropped",
    hues: Hues = "opposite",
) -> LayeredScenes:
    """Simulate scenes of one textured object before a textured background.

    Scene i depends on the seed and i only, not on the count.

    Parameters
    ----------
    count : int
        Number of scenes, at least 1.
    side : int
        Height and width in pixels, at least 16. All lengths but the noise follow it.
    seed : int
        At least 0; the same seed gives the same scenes.
    placement : {"whole", "cropped"}
        Whether an object lies wholly within the frame, near its middle, or may be cut by it.
    hues : {"opposite", "own"}
        Whether the background has any hue and the object about the opposite one, or objects are
        warm and backgrounds cold, each whatever the other is: methods that redraw one of them
        alone, such as ReDO, take for granted that they are independent.

    Returns
    -------
    LayeredScenes

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> scenes = layered_scenes(2, 32)
    >>> scenes.images.shape, scenes.masks.shape
    ((2, 3, 32, 32), (2, 32, 32))
    """
    check_scenes(count, side, seed)
    if placement not in PLACEMENTS:
        raise ParameterError(
            f"there is no placement {placement!r}: choose one of {', '.join(PLACEMENTS)}"
        )
    if hues not in HUES:
        raise ParameterError(f"there are no hues {hues!r}: choose one of {', '.join(HUES)}")
    images = np.empty((count, 3, side, side), np.float32)
    masks = np.empty((count, side, side), bool)
    for index in range(count):
        rng = np.random.default_rng((seed, index))
        images[index], masks[index] = _layered_scene(rng, side, placement, hues)
    return LayeredScenes(images, masks)


def check_scenes(count: int, side: int, seed: int) -> None:
    """Raise ParameterError if there can be no such scenes."""
    if count < 1:
        raise ParameterError(f"there must be at least 1 scene, got {count}")
    if side < SMALLEST_SIDE:
        raise ParameterError(
            f"the side of a scene must be at least {SMALLEST_SIDE} pixels, got {side}"
        )
    if seed < 0:
        raise ParameterError(f"the seed must be at least 0, got {seed}")


def _layered_scene(
    rng: np.random.Generator, side: int, placement: Placement, hues: Hues
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    mask = _object(rng, side, placement)
    turn = np.pi if hues == "opposite" else _TURN
    hue = np.pi + rng.uniform(-turn, turn)
    background = _colours(rng, side, hue), _texture(rng, side)
    middle = hue + np.pi if hues == "opposite" else 0.0
    shape = _colours(rng, side, middle + rng.uniform(-_TURN, _TURN)), _texture(rng, side)
    image = np.empty((3, side, side))
    for (chroma, brightness), inside in ((background, ~mask), (shape, mask)):
        # By rank, so that every grey level is as frequent in one as in the other.
        ranks = brightness[inside].argsort().argsort()
        levels = (ranks + 0.5) / len(ranks)
        image[:, inside] = _DARKEST + (_BRIGHTEST - _DARKEST) * levels + chroma[:, inside]
    image += rng.normal(0, _NOISE, image.shape)
    return np.clip(image, 0, 1).astype(np.float32), mask


def _object(rng: np.random.Generator, side: int, placement: Placement) -> NDArray[np.bool_]:
    """Draw wavy outlines until one covers enough of the scene, and not too much."""
    while True:
        y, x = (np.mgrid[:side, :side] + 0.5) / side - 0.5
        reach = 0.1 if placement == "whole" else 0.35
        centre_y, centre_x = rng.uniform(-reach, reach, 2)
        y, x = y - centre_y, x - centre_x
        turn, stretch = rng.uniform(0, 2 * np.pi), np.sqrt(rng.uniform(1, 2))
        along = (y * np.sin(turn) + x * np.cos(turn)) / stretch
        across = (y * np.cos(turn) - x * np.sin(turn)) * stretch
        theta = np.arctan2(across, along)
        radius = rng.uniform(0.2, 0.32) * (
            1
            + sum(
                rng.normal(0, size) * np.cos(number * theta + rng.uniform(0, 2 * np.pi))
                for number, size in ((2, 0.12), (3, 0.1), (4, 0.06), (5, 0.04))
            )
        )
        mask = np.asarray(np.hypot(along, across) < radius)
        rim = np.ones_like(mask)
        free = int(np.ceil(_MARGIN * side))
        rim[free:-free, free:-free] = False
        if placement == "whole" and (mask & rim).any():
            continue
        if _SMALLEST_PART <= mask.mean() <= _LARGEST_PART:
            return mask


def _colours(rng: np.random.Generator, side: int, hue: float) -> NDArray[np.float64]:
    """Return what channels deviate from the grey level by, of shape (3, Y, X), sum 0."""
    hues = hue + rng.uniform(-_HUES, _HUES, 2)
    channels = np.arange(3)[:, None] * 2 * np.pi / 3
    first, second = (_CHROMA * np.cos(hues - channels)).T[..., None, None]
    part = _texture(rng, side)
    return np.asarray(first + (second - first) * part)


def _texture(rng: np.random.Generator, side: int) -> NDArray[np.float64]:
    """Return a smooth random field or a bent grating, of shape (Y, X), in [0, 1]."""
    smooth = _field(rng, side, rng.uniform(0.02, 0.06))
    if rng.random() < 0.5:
        field = smooth
    else:
        y, x = np.mgrid[:side, :side] / side
        angle, period = rng.uniform(0, np.pi), rng.uniform(0.06, 0.16)
        bent = _field(rng, side, 0.12)
        phase = 2 * np.pi * (y * np.sin(angle) + x * np.cos(angle)) / period
        field = np.sin(phase + bent + rng.uniform(0, 2 * np.pi)) + 0.4 * smooth
    low, high = field.min(), field.max()
    return np.asarray((field - low) / (high - low))


def _field(rng: np.random.Generator, side: int, scale: float) -> NDArray[np.float64]:
    """Return a random field of standard deviation 1; the scale is in parts of the side."""
    smooth = ndimage.gaussian_filter(rng.normal(size=(side, side)), scale * side, mode="wrap")
    return np.asarray(smooth / smooth.std())

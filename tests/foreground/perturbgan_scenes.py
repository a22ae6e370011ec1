"""Small scenes for the tests of PerturbGAN: a bright square somewhere before a dark background."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.foreground.perturbgan import PerturbGANTraining

ResultT = TypeVar("ResultT")


def squares(
    count: int, side: int = 16, *, channels: int = 1, seed: int = 0
) -> tuple[list[NDArray[np.float32]], NDArray[np.bool_]]:
    """Return images (C, Y, X) of a bright square each, and masks (N, Y, X)."""
    rng = np.random.default_rng(seed)
    images, masks = [], np.zeros((count, side, side), bool)
    length = side // 2 - 1
    for mask in masks:
        top, left = rng.integers(1, side - length, 2)
        mask[top : top + length, left : left + length] = True
        image = np.where(mask, 0.9, 0.1) + rng.normal(0, 0.02, (channels, side, side))
        images.append(image.astype(np.float32))
    return images, masks


def short(**values: Any) -> PerturbGANTraining:
    """Return a training that is over soon."""
    return PerturbGANTraining(**{"side": 8, "steps": 4, "encoder_steps": 3, "batch": 4, **values})


def finish(updates: Generator[Any, None, ResultT]) -> tuple[list[Any], ResultT]:
    """Drain a generator: its updates and its result."""
    seen = []
    while True:
        try:
            seen.append(next(updates))
        except StopIteration as end:
            return seen, end.value

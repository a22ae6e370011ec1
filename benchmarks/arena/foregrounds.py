"""The foregrounds that cells are separated in: true, damaged in known ways, and found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.evaluation import close_gaps
from napari_inpaintaff.foreground import foreground_probability, threshold

Mask = NDArray[np.bool_]

#: Of the damage done to borders, in pixels of cells of 25 px: how far they move (standard
#: deviation), and over how many pixels neighbouring ones move together.
_NOISE, _GRAIN = 2.0, 3.0
_DIAMETER = 25.0


def _moved(pixels: int) -> Callable[..., Mask]:
    def make(truth: NDArray[np.integer], *_: Any) -> Mask:
        mask = close_gaps(truth)
        change = ndimage.binary_dilation if pixels > 0 else ndimage.binary_erosion
        return np.asarray(change(mask, iterations=abs(pixels)), bool)

    return make


def _true(truth: NDArray[np.integer], *_: Any) -> Mask:
    return close_gaps(truth)


def _noisy(
    truth: NDArray[np.integer], image: NDArray[Any], diameter: float, seed: tuple[int, ...]
) -> Mask:
    mask = close_gaps(truth)
    depth = ndimage.distance_transform_edt(mask) - ndimage.distance_transform_edt(~mask)
    scale = diameter / _DIAMETER
    noise = np.random.default_rng(seed).normal(size=mask.shape)
    noise = ndimage.gaussian_filter(noise, _GRAIN * scale)
    return np.asarray(depth + noise * (_NOISE * scale / noise.std()) > 0.5 * scale, bool)


def _otsu(truth: NDArray[np.integer], image: NDArray[Any], diameter: float, *_: Any) -> Mask:
    return threshold(foreground_probability(image, "otsu", diameter=diameter))


#: By name; all but ``fgnet``, which is trained. Each takes the truth, the image, the diameter
#: and a seed; only ``noisy`` looks at the last.
FOREGROUNDS: dict[str, Callable[..., Mask]] = {
    "true": _true,
    **{f"dilated {pixels}": _moved(pixels) for pixels in (1, 2, 3)},
    **{f"eroded {pixels}": _moved(-pixels) for pixels in (1, 2, 3)},
    "noisy": _noisy,
    "otsu": _otsu,
}
#: Those that are another one for every seed.
RANDOM = ("noisy", "fgnet")
NAMES = (*FOREGROUNDS, "fgnet")

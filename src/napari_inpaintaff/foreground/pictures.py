"""The foreground of colour pictures: one object, as in the publications of these methods.

IEM searches at 128 pixels, as published: larger pictures are reduced, their masks enlarged.
"""

from __future__ import annotations

import math
from collections.abc import Generator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage.transform import resize

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.foreground.grabcut import grabcut_rectangle
from napari_inpaintaff.foreground.iem_parameters import REFERENCE_SIDE
from napari_inpaintaff.foreground.largest import largest_object
from napari_inpaintaff.foreground.methods import above_global_level, global_otsu_level
from napari_inpaintaff.jobs import Job, Progress, retell

#: Methods that look at all colours.
PICTURE_METHODS = ("iem", "grabcut", "largest", "global_otsu")


def picture_foreground(
    colours: ArrayLike, method: str, *, device: str = "auto"
) -> NDArray[np.float32]:
    """Find the foreground of a colour picture; see `iterate_picture_foreground`."""
    return Job(iterate_picture_foreground(colours, method, device=device)).run()


def iterate_picture_foreground(
    colours: ArrayLike, method: str, *, device: str = "auto"
) -> Generator[Progress, None, NDArray[np.float32]]:
    """Find the foreground of a colour picture.

    Parameters
    ----------
    colours : array of numbers, shape (3, Y, X)
        Intensities; pixels that are not finite are unknown.
    method : {"iem", "grabcut", "largest", "global_otsu"}
        Inpainting error maximisation, from the squares of the publication; GrabCut, from a
        rectangle; the largest object by Otsu's threshold of the mean of the colours; or all
        that is above that threshold.
    device : str, optional
        Where IEM computes.

    Yields
    ------
    Progress
        Of IEM; the others are done at once.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        1 foreground, 0 background.

    Raises
    ------
    ParameterError
        If the method is unknown.
    ImageError
        If the image has another shape, is too small for the method, or no pixel of it is known.
    """
    if method not in PICTURE_METHODS:
        raise ParameterError(
            f"the foreground method {method!r} looks at one channel: choose it with --channel, or "
            f"one of the methods for colour, {', '.join(PICTURE_METHODS)}"
        )
    values = np.asarray(colours, np.float64)
    if values.ndim != 3 or len(values) != 3 or values.size == 0:
        raise ImageError(f"a colour picture has the shape (3, Y, X), got {values.shape}")
    if not np.isfinite(values).all(axis=0).any():
        raise ImageError("no pixel of the image has a known intensity (all are NaN or infinite)")
    if method == "iem":
        mask = yield from _iem(values, device)
    elif method == "grabcut":
        mask = grabcut_rectangle(values)
    elif method == "largest":
        mask = largest_object(values.mean(axis=0))
    else:
        grey = values.mean(axis=0)
        level = global_otsu_level([grey])
        mask = np.zeros(grey.shape, bool) if level is None else above_global_level(grey, level)
    return mask.astype(np.float32)


def _iem(colours: NDArray[np.float64], device: str) -> Generator[Progress, None, NDArray[np.bool_]]:
    from napari_inpaintaff.foreground.iem import iterate_iem

    known = np.isfinite(colours).all(axis=0)
    reduced = reduced_picture(colours, REFERENCE_SIDE)
    found = yield from retell(
        iterate_iem(reduced[None], device=device),
        lambda update: Progress(update.done, update.total, "Finding the foreground by inpainting…"),
    )
    mask = found.masks[0]
    enlarged = enlarged_map(mask.astype(np.float32), known.shape)
    return np.asarray((enlarged > 0.5) & known)


def reduced_picture(colours: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """Reduce a picture (C, Y, X) so that its shorter side has so many pixels; not if it is smaller.

    Averages over the known pixels of each spot; a spot without any is unknown.
    """
    height, width = colours.shape[-2:]
    scale = side / min(height, width)
    if scale >= 1:
        return colours
    shape = tuple(max(side, math.floor(scale * size)) for size in (height, width))
    known = np.isfinite(colours).all(axis=0)
    settings = {"order": 1, "mode": "edge", "anti_aliasing": True, "preserve_range": True}
    weight = resize(known.astype(np.float64), shape, **settings)
    safe = np.where(known, colours, 0)
    total = np.stack([resize(channel, shape, **settings) for channel in safe])
    return np.where(weight > 0.5, total / np.maximum(weight, 0.5), np.nan)


def enlarged_map(values: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Resample a map to the pixels of the picture that it was found in."""
    if values.shape == shape:
        return values
    return np.asarray(resize(values, shape, order=1, mode="edge", anti_aliasing=False), np.float32)

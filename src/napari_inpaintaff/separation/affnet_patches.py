"""The patches that an AffNet learns from: cut out of labelled images, bent and turned."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.images.zoom import Zoom
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.separation.affnet_labels import UNLABELLED, LabelledImage
from napari_inpaintaff.separation.training_patches import Patches, drawn_origins, shares

#: This part of the patches is bent; interpolation makes images smoother than they are.
_BENT = 0.5
#: A bent patch is turned by up to so many degrees either way, ...
_TURN = 45.0
#: ... made larger or smaller by up to this factor, ...
_SCALE = 1.2
#: ... and its pixels are displaced by a smooth field of this standard deviation, in pixels,
_SHIFT = 1.5
#: that is drawn on a grid of so many points a side.
_GRID = 5


@dataclass(frozen=True)
class PreparedImage:
    """A labelled image at the scale of the network.

    Attributes
    ----------
    values : ndarray of float32, shape (Y, X)
        Normalised; NaN where unknown.
    labels : ndarray of int32, shape (Y, X)
        Cells are above 0, 0 is background, -1 unlabelled or unknown.
    held_out : ndarray of bool, shape (Y, X)
        What is not learned.
    """

    values: NDArray[np.float32]
    labels: NDArray[np.int32]
    held_out: NDArray[np.bool_]


def prepare_images(
    images: Sequence[LabelledImage],
    held_out: Sequence[NDArray[np.bool_]] | None,
    normalise: Callable[[NDArray[np.generic]], NDArray[np.float32]],
    zoom: Zoom,
) -> Generator[Progress, None, list[PreparedImage]]:
    """Read and normalise images, and bring them to the scale of the network.

    Parameters
    ----------
    images : sequence of LabelledImage
        To be read.
    held_out : sequence of ndarray of bool, shape (Y, X), or None
        Of every image; None if nothing is.
    normalise : callable
        Turns raw intensities into what the network sees.
    zoom : Zoom
        To the scale of the network.

    Yields
    ------
    Progress
        Before every image.

    Returns
    -------
    list of PreparedImage
        One for every image.

    Raises
    ------
    ImageError
        If an image cannot be read or has no finite pixel.
    """
    prepared: list[PreparedImage] = []
    for done, image in enumerate(images):
        yield Progress(done, len(images), "Reading the images…")
        values = zoom.shrink(normalise(image.plane.read()))
        labels = np.where(np.isfinite(values), zoom.shrink_labels(image.labels), UNLABELLED)
        if held_out is None:
            held = np.zeros(values.shape, bool)
        else:
            held = zoom.shrink_labels(held_out[done])
        prepared.append(PreparedImage(values, labels.astype(np.int32), held))
    return prepared


def cut_patches(
    images: Sequence[PreparedImage], *, count: int, side: int, seed: int, held_out: bool
) -> tuple[Patches, NDArray[np.bool_]]:
    """Cut patches out of images, around random pixels of cells.

    Parameters
    ----------
    images : sequence of PreparedImage
        Each gets patches in proportion to its labelled cells.
    count, side : int
        How many patches, and how large.
    seed : int
        Same seed, same patches.
    held_out : bool
        Whether they are cut where it is held out, and as they are; else from the other parts,
        and half of them bent.

    Returns
    -------
    patches : Patches
        With the cells as segments; only their pixels are wanted. Bent ones have the origin
        that they had before.
    allowed : ndarray of bool, shape (N, P, P)
        What is labelled, and held out or not.
    """
    random = np.random.default_rng([seed, 1 + held_out])
    usable = [(image.labels >= 0) & (image.held_out == held_out) for image in images]
    cells = [(image.labels > 0) & part for image, part in zip(images, usable, strict=True)]
    origins = [
        (index, origin)
        for index, number in enumerate(shares([int(np.count_nonzero(c)) for c in cells], count))
        for origin in drawn_origins(cells[index], int(number), side, random)
    ]
    values = np.empty((len(origins), side, side), np.float32)
    labels = np.empty(values.shape, np.int32)
    allowed = np.empty(values.shape, bool)
    for place, (index, origin) in enumerate(origins):
        bent = not held_out and random.random() < _BENT
        where = _bent(side, random) if bent else np.indices((side, side), np.float64)
        where += np.reshape(origin, (2, 1, 1))
        image = images[index]
        values[place] = _look_up(image.values, where, np.nan, smooth=bent)
        labels[place] = _look_up(image.labels, where, UNLABELLED)
        allowed[place] = _look_up(usable[index].view(np.uint8), where, 0)
    allowed &= np.isfinite(values)
    patches = Patches(
        image=np.array([index for index, _ in origins], np.int64),
        origin=np.array([origin for _, origin in origins], np.int64).reshape(-1, 2),
        values=values,
        wanted=labels > 0,
        labels=np.zeros_like(labels),
        leaves=labels,
    )
    return patches, allowed


def _bent(side: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Return where the pixels of a turned, scaled and bent patch come from, (2, P, P)."""
    angle = math.radians(random.uniform(-_TURN, _TURN))
    factor = _SCALE ** random.uniform(-1, 1)
    turn = factor * np.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    middle = (side - 1) / 2
    grid = np.indices((side, side), np.float64) - middle
    shifts = random.normal(0, _SHIFT, (2, _GRID, _GRID))
    field = np.stack([ndimage.zoom(shift, side / _GRID, order=3) for shift in shifts])
    bent: NDArray[np.float64] = np.einsum("ij,jyx->iyx", turn, grid) + middle + field
    return bent


def _look_up(
    plane: NDArray[np.generic], where: NDArray[np.float64], outside: float, *, smooth: bool = False
) -> NDArray[np.generic]:
    """Return what a plane holds at places (2, P, P), interpolated or at the nearest pixel."""
    if smooth:
        return np.asarray(
            ndimage.map_coordinates(plane, where, order=1, mode="constant", cval=outside)
        )
    rows, columns = np.rint(where).astype(int)
    inside = (rows >= 0) & (rows < plane.shape[0]) & (columns >= 0) & (columns < plane.shape[1])
    found = plane[rows.clip(0, plane.shape[0] - 1), columns.clip(0, plane.shape[1] - 1)]
    return np.where(inside, found, np.asarray(outside, plane.dtype))

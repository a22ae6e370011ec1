"""Inpainting error maximisation: the foreground of an image without labels or learning.

Savarese, Kim, Maire, Shakhnarovich and McAllester, "Information-Theoretic Segmentation by
Inpainting Error Maximization", CVPR 2021, section 3.2. A mask is good when neither side can be
inpainted from the other. It grows and shrinks at its boundary, wherever the gradient of the
error says so.

Where the publication is silent or cannot be meant as printed:

- Equation 8 prints ``min``; the inpainting error is maximised, as in equations 3, 5 and 9.
- The "6-neighbourhood" of the smoothing, whose sum must exceed 4, fits no square grid. Taken is
  the 3x3 neighbourhood with the pixel itself, of which more than 4 are the majority.
- The kernel of 21x21 with sigma 5 is applied as two passes of 11x11. Each has sigma 5: cut off
  at 5 pixels, two such passes are nearer to it than two of ``5 / sqrt(2)``.
- Equation 7 divides 0 by 0 where no pixel of the other side is in reach; the mean of the other
  side is taken there.
- The range of intensities is not said, and lambda weighs their square against their size. They
  are shifted and scaled to mean 0 and standard deviation `CONTRAST`, which photographs have in
  the range -1 to 1.
- The deviation of equation 11 is a sum over pixels, the error a mean: lambda is meant for
  128x128 pixels and follows the number of pixels.
"""

from __future__ import annotations

from collections.abc import Generator
from functools import partial

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from napari_inpaintaff.foreground.iem_images import (
    CONTRAST,
    checked_images,
    checked_starts,
    standardised,
)
from napari_inpaintaff.foreground.iem_objective import IEMObjective
from napari_inpaintaff.foreground.iem_parameters import IEMParameters, IEMResult, IEMUpdate
from napari_inpaintaff.foreground.iem_steps import updated
from napari_inpaintaff.jobs import Job, retell
from napari_inpaintaff.networks.devices import pick_device

#: Pixels of all images, starts and channels that are worked on at once: as many as stay in
#: the cache of a processor, or keep a GPU busy.
_GROUP = {"cpu": 2**17, "cuda": 2**26, "mps": 2**24}
#: Every so many updates an update is told, and searches that have come to rest leave.
_TELL = 10


def maximise_inpainting_error(
    images: ArrayLike,
    starts: ArrayLike | None = None,
    *,
    parameters: IEMParameters | None = None,
    device: str = "auto",
) -> IEMResult:
    """Find the foreground of images by inpainting error maximisation; see `iterate_iem`."""
    return Job(iterate_iem(images, starts, parameters=parameters, device=device)).run()


def iterate_iem(
    images: ArrayLike,
    starts: ArrayLike | None = None,
    *,
    parameters: IEMParameters | None = None,
    device: str = "auto",
) -> Generator[IEMUpdate, None, IEMResult]:
    """Find the foreground of images by inpainting error maximisation.

    Nothing is random. An image's result does not depend on the others'.

    Parameters
    ----------
    images : array of numbers, shape (B, C, Y, X)
        Intensities: C is 1 for greyscale and 3 for colour. A pixel of which a channel is not
        finite is unknown: it has no part in anything, and is background.
    starts : array of bool, shape (S, Y, X) or (B, S, Y, X), optional
        Masks to begin with, for all images or for each; by default `centred_squares`.
    parameters : IEMParameters, optional
        By default those of the publication.
    device : str, optional
        ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Yields
    ------
    IEMUpdate
        Every few updates of a group of images. Not asking for the next one ends the search.

    Returns
    -------
    IEMResult
        Masks and errors.

    Raises
    ------
    ImageError
        If the shapes do not fit, an image is smaller than the inpainter's kernel, or all its
        known pixels are equal.
    DeviceError
        If the device is not available.
    """
    settings = parameters or IEMParameters()
    pixels = checked_images(images, settings)
    given = checked_starts(starts, pixels, settings)
    values, known = standardised(pixels)
    found, errors = yield from iterate_searches(values, known, given, settings, device)
    best = errors.argmax(axis=1)
    every = np.arange(len(values))
    return IEMResult(found[every, best] & known[:, 0], errors[every, best], best)


def iterate_searches(
    values: NDArray[np.float32],
    known: NDArray[np.bool_],
    starts: NDArray[np.bool_],
    parameters: IEMParameters,
    device: str = "auto",
) -> Generator[IEMUpdate, None, tuple[NDArray[np.bool_], NDArray[np.float32]]]:
    """Search from every start of every image; `iterate_iem` keeps the best.

    Parameters
    ----------
    values : ndarray of float32, shape (B, C, Y, X)
        Standardised intensities, 0 where unknown.
    known : ndarray of bool, shape (B, 1, Y, X)
        Where they are known.
    starts : ndarray of bool, shape (B, S, Y, X)
        Masks to begin with.
    parameters : IEMParameters
        How to search.
    device : str, optional
        ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Yields
    ------
    IEMUpdate
        Every few updates of a group of images.

    Returns
    -------
    masks : ndarray of bool, shape (B, S, Y, X)
    errors : ndarray of float32, shape (B, S)
        Their inpainting errors.
    """
    place = pick_device(device)
    number, channels, height, width = values.shape
    group = max(1, _GROUP[place.type] // (starts.shape[1] * channels * height * width))
    each = starts.shape[1] * parameters.iterations
    results: list[tuple[Tensor, Tensor]] = []
    for first in range(0, number, group):
        part = slice(first, first + group)
        search = _search(values[part], known[part], starts[part], parameters, place)
        before, total = first * each, number * each
        updates = retell(search, partial(_update, before=before, total=total))
        results.append((yield from updates))
    found, errors = (torch.cat(parts).numpy() for parts in zip(*results, strict=True))
    return found, errors


def _update(step: tuple[int, int], *, before: int, total: int) -> IEMUpdate:
    """Tell how far a group is, as a part of all groups."""
    worked, changed = step
    return IEMUpdate(before + worked, total, worked, changed)


@torch.no_grad()
def _search(
    values: NDArray[np.float32],
    known: NDArray[np.bool_],
    starts: NDArray[np.bool_],
    parameters: IEMParameters,
    device: torch.device,
) -> Generator[tuple[int, int], None, tuple[Tensor, Tensor]]:
    """Search from all starts of a group of images; return masks (B, S, Y, X), errors (B, S)."""
    images, count = starts.shape[:2]
    owner = torch.arange(images).repeat_interleave(count)
    objective = IEMObjective(
        torch.from_numpy(values)[owner].to(device),
        torch.from_numpy(known)[owner].to(device, torch.float32),
        parameters,
    )
    masks = torch.from_numpy(starts).to(device, torch.float32).flatten(0, 1)[:, None]
    active, going = torch.arange(len(masks), device=device), objective
    present = before = masks.clone()
    for iteration in range(1, parameters.iterations + 1):
        after = updated(going, present, parameters)
        if iteration % _TELL == 0 or iteration == parameters.iterations:
            masks[active] = after
            yield iteration * len(masks), int((after != present).sum())
            # One that repeats itself in two steps will do so for ever.
            resting = (after == before).flatten(1).all(1)
            if (parameters.iterations - iteration) % 2:
                masks[active[resting]] = present[resting]
            if resting.all():
                break
            if resting.any():
                active, going = active[~resting], going[~resting]
                after, present = after[~resting], present[~resting]
        before, present = present, after
    found = masks[:, 0].reshape(images, count, *masks.shape[-2:]) > 0.5
    return found.cpu(), objective.error(masks).reshape(images, count).cpu()


def inpainted(
    image: ArrayLike, mask: ArrayLike, *, parameters: IEMParameters | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Inpaint an image from its foreground and from its background.

    ``numpy.where(mask, from_background, from_foreground)`` is the picture of the publication's
    figures 4 to 6, in which every pixel is inpainted from the other side.

    Parameters
    ----------
    image : array of numbers, shape (Y, X) or (C, Y, X)
        Intensities; not finite where unknown.
    mask : array of bool, shape (Y, X)
        Its foreground.
    parameters : IEMParameters, optional
        Of the kernel; by default that of the publication.

    Returns
    -------
    from_foreground, from_background : ndarray of float32, with the shape of the image
        Intensities. The mean of a side where none of it is in reach.

    Raises
    ------
    ImageError
        If the shapes do not fit, or the image is smaller than the kernel or constant.
    """
    settings = parameters or IEMParameters()
    given = np.asarray(image, np.float64)
    pixels = checked_images(given[None] if given.ndim == 3 else given[None, None], settings)
    masks = torch.from_numpy(checked_starts(np.asarray(mask)[None], pixels, settings)).float()
    values, known = standardised(pixels)
    inside = np.where(known, pixels, np.nan)
    with torch.no_grad():
        objective = IEMObjective(
            torch.from_numpy(values), torch.from_numpy(known).float(), settings
        )
        sides = [side.double().numpy() for side in objective.inpainted(masks)]
    scale = float(np.nanstd(inside)) / CONTRAST
    first, second = (
        (side * scale + np.nanmean(inside)).reshape(given.shape).astype(np.float32)
        for side in sides
    )
    return first, second

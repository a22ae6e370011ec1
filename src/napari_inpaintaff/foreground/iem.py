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

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.foreground.iem_objective import IEMObjective
from napari_inpaintaff.foreground.iem_parameters import IEMParameters, IEMResult, IEMUpdate
from napari_inpaintaff.jobs import Job
from napari_inpaintaff.networks.devices import pick_device

#: Standard deviation of the intensities that the search sees.
CONTRAST = 0.5
#: Pixels of all images, starts and channels that are worked on at once: as many as stay in
#: the cache of a processor, or keep a GPU busy.
_GROUP = {"cpu": 2**18, "cuda": 2**26, "mps": 2**24}
#: Every so many updates an update is told, and searches that have come to rest leave.
_TELL = 10


def centred_squares(shape: tuple[int, int], parameters: IEMParameters) -> NDArray[np.bool_]:
    """Return the starts of the publication.

    Parameters
    ----------
    shape : tuple of (int, int)
        Height and width of the image.
    parameters : IEMParameters
        With the sides of the squares.

    Returns
    -------
    ndarray of bool, shape (S, Y, X)
    """
    squares = np.zeros((len(parameters.squares), *shape), bool)
    for square, part in zip(squares, parameters.squares, strict=True):
        side = max(1, round(part * min(shape)))
        top, left = ((size - side) // 2 for size in shape)
        square[top : top + side, left : left + side] = True
    return squares


def iem(
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
    pixels = _checked_images(images, settings)
    masks = _checked_starts(starts, pixels, settings)
    place = pick_device(device)
    values, known = _standardised(pixels)
    number, channels, height, width = values.shape
    group = max(1, _GROUP[place.type] // (masks.shape[1] * channels * height * width))
    total = number * masks.shape[1] * settings.iterations
    results: list[tuple[Tensor, Tensor]] = []
    for first in range(0, number, group):
        part = slice(first, first + group)
        done = first * masks.shape[1] * settings.iterations
        search = _search(values[part], known[part], masks[part], settings, place)
        results.append((yield from _told(search, done, total)))
    found = torch.cat([masks for masks, _ in results]).numpy()
    errors = torch.cat([errors for _, errors in results]).numpy()
    best = errors.argmax(axis=1)
    every = np.arange(number)
    return IEMResult(found[every, best] & known[:, 0], errors[every, best], best)


def _told(
    search: Generator[tuple[int, int], None, tuple[Tensor, Tensor]], done: int, total: int
) -> Generator[IEMUpdate, None, tuple[Tensor, Tensor]]:
    """Pass on how far a group is, as a part of all groups."""
    while True:
        try:
            worked, changed = next(search)
        except StopIteration as end:
            found: tuple[Tensor, Tensor] = end.value
            return found
        yield IEMUpdate(done + worked, total, worked, changed)


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
    found = masks[:, 0].unflatten(0, (images, count)) > 0.5
    return found.cpu(), objective.error(masks).unflatten(0, (images, count)).cpu()


def updated(objective: IEMObjective, masks: Tensor, parameters: IEMParameters) -> Tensor:
    """Return the masks after one update (equation 10 and the smoothing).

    Parameters
    ----------
    objective : IEMObjective
        Of the images of the masks.
    masks : Tensor of float32, shape (N, 1, Y, X)
        0 or 1.
    parameters : IEMParameters
        Which pixels may change, and whether to smooth.

    Returns
    -------
    Tensor of float32, shape (N, 1, Y, X)
        0 or 1.
    """
    gradient = objective.gradient(masks)
    wanted = torch.where(gradient == 0, masks, (gradient > 0).to(masks.dtype))
    if parameters.boundary_only:
        wanted = torch.where(boundary(masks), wanted, masks)
    return majority(wanted) if parameters.smoothing else wanted


def boundary(masks: Tensor) -> Tensor:
    """Return the pixels of which one of the four neighbours has the opposite value.

    Parameters
    ----------
    masks : Tensor of float32, shape (N, 1, Y, X)

    Returns
    -------
    Tensor of bool, shape (N, 1, Y, X)
    """
    found = torch.zeros_like(masks, dtype=torch.bool)
    across = masks[..., 1:, :] != masks[..., :-1, :]
    found[..., 1:, :] |= across
    found[..., :-1, :] |= across
    along = masks[..., 1:] != masks[..., :-1]
    found[..., 1:] |= along
    found[..., :-1] |= along
    return found


def majority(masks: Tensor) -> Tensor:
    """Return what most pixels of each 3x3 neighbourhood are; the image goes on at its border.

    Parameters
    ----------
    masks : Tensor of float32, shape (N, 1, Y, X)

    Returns
    -------
    Tensor of float32, shape (N, 1, Y, X)
    """
    around = functional.pad(masks, (1, 1, 1, 1), mode="replicate")
    rows = around[..., :-2, :] + around[..., 1:-1, :] + around[..., 2:, :]
    return (rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:] > 4.5).to(masks.dtype)


def _standardised(pixels: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return intensities of mean 0 and one spread, 0 where unknown, and where they are known."""
    known = np.isfinite(pixels).all(axis=1, keepdims=True)
    count = np.maximum(known.sum((1, 2, 3), keepdims=True) * pixels.shape[1], 1)
    safe = np.where(known, pixels, 0)
    centred = np.where(known, safe - safe.sum((1, 2, 3), keepdims=True) / count, 0)
    spread = np.sqrt(np.square(centred).sum((1, 2, 3), keepdims=True) / count)
    return (CONTRAST * centred / spread).astype(np.float32), known


def _checked_images(images: ArrayLike, parameters: IEMParameters) -> NDArray[np.float64]:
    pixels = np.asarray(images, np.float64)
    if pixels.ndim != 4 or pixels.size == 0:
        raise ImageError(
            f"IEM takes images of one size, of shape (B, C, Y, X), got the shape {pixels.shape}"
        )
    if min(pixels.shape[-2:]) < parameters.kernel_side:
        raise ImageError(
            f"the image has {pixels.shape[-2]} x {pixels.shape[-1]} pixels; for IEM each side must "
            f"have at least {parameters.kernel_side}, that of its kernel: enlarge the image"
        )
    known = np.isfinite(pixels).all(axis=1, keepdims=True)
    highest = np.where(known, pixels, -np.inf).max((1, 2, 3))
    for index, (low, high) in enumerate(
        zip(np.where(known, pixels, np.inf).min((1, 2, 3)), highest, strict=True)
    ):
        named = f"image {index} of {len(pixels)}" if len(pixels) > 1 else "the image"
        if not low <= high:
            raise ImageError(f"no pixel of {named} has a known intensity (all are NaN or infinite)")
        if low == high:
            raise ImageError(f"all pixels of {named} have the same intensity: IEM finds nothing")
    return pixels


def _checked_starts(
    starts: ArrayLike | None, pixels: NDArray[np.float64], parameters: IEMParameters
) -> NDArray[np.bool_]:
    number, _, height, width = pixels.shape
    if starts is None:
        given = centred_squares((height, width), parameters)
    else:
        given = np.asarray(starts, bool)
    if given.ndim == 3:
        given = np.broadcast_to(given, (number, *given.shape))
    if given.ndim != 4 or given.shape[1] == 0 or given.shape[::2] != (number, height):
        raise ImageError(f"starts {given.shape} do not fit images {pixels.shape}")
    if given.shape[3] != width:
        raise ImageError(f"starts {given.shape} do not fit images {pixels.shape}")
    return np.ascontiguousarray(given)

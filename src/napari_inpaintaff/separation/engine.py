"""From an image to affinities: all patches, regions and sides in one stream of batches."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities, Offset
from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images.patches import patch_origins
from napari_inpaintaff.inpainting.inpainter import Inpainter
from napari_inpaintaff.jobs import Job
from napari_inpaintaff.separation.affinities import (
    AffinityAverage,
    known_pixels,
    merge_affinities,
)
from napari_inpaintaff.separation.hierarchy import Region, RegionQueue
from napari_inpaintaff.separation.parameters import SeparationParameters
from napari_inpaintaff.separation.splits import SplitBatch, orientation
from napari_inpaintaff.separation.zoom import Zoom


@dataclass(frozen=True)
class SplitUpdate:
    """One of the splits in flight, for the eye, and how far the run is.

    Attributes
    ----------
    origin : (int, int)
        (y, x) of the first pixel shown, in working pixels; may be negative.
    zoom : float
        Image pixels per working pixel; 1 unless the image was resampled to fit the cells.
    state : ndarray of int8, square
        The part of the patch that holds the region: 0 outside it, 1 for M, 2 for its
        complement.
    band : ndarray of bool, of the same shape
        The band N that was predicted last.
    gain : float
        Evidence for the split so far, in nats per pixel of the band.
    iteration, depth : int
        Updates done, and depth of the region in its patch.
    done, total : int
        Patches.
    """

    origin: tuple[int, int]
    zoom: float
    state: NDArray[np.int8]
    band: NDArray[np.bool_]
    gain: float
    iteration: int
    depth: int
    done: int
    total: int


def iterate_affinities(
    image: NDArray[np.generic],
    inpainter: Inpainter,
    parameters: SeparationParameters | None = None,
    *,
    wanted: NDArray[np.bool_] | None = None,
    previous: Affinities | None = None,
    diameter: float | None = None,
) -> Generator[SplitUpdate, None, Affinities]:
    """Take an image apart, one network batch at a time.

    Every patch is split recursively: a first half is evolved by minimising the information
    gain between the two sides (Wolf et al. 2020, equations 8 to 11), and both sides are
    split in turn until one of them runs empty or the evidence is too weak.

    Parameters
    ----------
    image : ndarray, shape (Y, X)
        Raw intensities; NaN marks unknown pixels.
    inpainter : Inpainter
        Predicts hidden pixels.
    parameters : SeparationParameters, optional
        How to split.
    wanted : ndarray of bool, shape (Y, X), optional
        Pixels whose affinities are needed: a foreground, a region. Affinities of these do
        not depend on what else is wanted; the others get weight 0.
    previous : Affinities, optional
        Result of the same call with fewer wanted pixels; only what is missing is computed.
    diameter : float, optional
        Typical diameter of the cells in this image, in pixels. If it is not the inpainter's,
        the image is resampled so that patch, band, Gaussians and offsets fit the cells.

    Yields
    ------
    SplitUpdate
        After every network batch. Not asking for the next one cancels the run.

    Returns
    -------
    Affinities
        Averaged over the patches.

    Raises
    ------
    ImageError
        If the image is not a plane or has no finite pixel, ``wanted`` or ``previous`` has
        another shape, or ``previous`` other offsets.
    ParameterError
        If the diameter is too far from the inpainter's.
    """
    parameters = SeparationParameters() if parameters is None else parameters
    shape = _check_plane(image, wanted)
    zoom = Zoom.between(inpainter.metadata.diameter, diameter)
    normalised = inpainter.normalise(image)
    wanted = np.ones(shape, bool) if wanted is None else wanted
    if previous is not None:
        _check_previous(previous, shape, zoom.offsets(parameters.offsets))
        wanted = wanted & ~known_pixels(previous)
    affinities = yield from _take_apart(
        zoom.shrink(normalised), zoom.shrink_mask(wanted), inpainter, parameters, zoom.factor
    )
    affinities = zoom.enlarge(affinities, wanted)
    return affinities if previous is None else merge_affinities(previous, affinities)


def _check_plane(image: NDArray[np.generic], wanted: NDArray[np.bool_] | None) -> tuple[int, int]:
    if image.ndim != 2 or image.size == 0:
        raise ImageError(f"the image must be a plane (Y, X), got the shape {image.shape}")
    if wanted is not None and wanted.shape != image.shape:
        raise ImageError(
            f"the mask of wanted pixels {wanted.shape} must have the image's shape {image.shape}"
        )
    return image.shape[0], image.shape[1]


def _check_previous(
    previous: Affinities, shape: tuple[int, int], offsets: tuple[Offset, ...]
) -> None:
    if previous.shape != shape:
        raise ImageError(f"the previous affinities {previous.shape} are not of this image {shape}")
    if previous.offsets != offsets:
        raise ImageError(
            "the previous affinities have other offsets: they were computed for another cell "
            "diameter or with other parameters"
        )


def _take_apart(
    values: NDArray[np.float32],
    wanted: NDArray[np.bool_],
    inpainter: Inpainter,
    parameters: SeparationParameters,
    zoom: float,
) -> Generator[SplitUpdate, None, Affinities]:
    shape = (values.shape[0], values.shape[1])
    average = AffinityAverage(shape, parameters.offsets)
    queue = RegionQueue(
        values,
        wanted,
        patch_origins(shape, parameters.patch, parameters.stride),
        patch=parameters.patch,
        windows=parameters.windows(),
        minimum_side=parameters.minimum_side,
        device=inpainter.device,
    )
    workers = [
        _Worker(SplitBatch(inpainter, parameters, size), {}) for size in parameters.windows()
    ]
    done = 0
    while True:
        worker = _fullest(workers, queue, parameters.seed)
        for tree in queue.collect():
            average.add(tree.leaves.cpu().numpy(), tree.wanted.cpu().numpy(), tree.origin)
            done += 1
        if worker is None:
            return average.result()
        batch, regions = worker.batch, worker.regions
        slot = min(regions)
        updates = min(batch.iteration[slot] + 1, parameters.iterations)
        results = batch.step()
        yield _show(batch, slot, regions[slot], updates, (done, queue.patches), zoom)
        for result in results:
            queue.put(regions.pop(result.slot), result.sides)


def compute_affinities(
    image: NDArray[np.generic],
    inpainter: Inpainter,
    parameters: SeparationParameters | None = None,
    *,
    wanted: NDArray[np.bool_] | None = None,
    previous: Affinities | None = None,
    diameter: float | None = None,
) -> Affinities:
    """Take an image apart; `iterate_affinities` without the updates.

    Parameters
    ----------
    image, inpainter, parameters, wanted, previous, diameter
        See `iterate_affinities`.

    Returns
    -------
    Affinities
        Averaged over the patches.

    Raises
    ------
    ImageError
        See `iterate_affinities`.
    """
    updates = iterate_affinities(
        image, inpainter, parameters, wanted=wanted, previous=previous, diameter=diameter
    )
    return Job(updates, name="affinities").run()


@dataclass(frozen=True)
class _Worker:
    """A batch of one window size, and the regions in its slots."""

    batch: SplitBatch
    regions: dict[int, Region]

    def load(self, queue: RegionQueue) -> float:
        """Return the part of the slots that could be in use."""
        waiting = len(self.regions) + queue.waiting(self.batch.size)
        return min(1.0, waiting / self.batch.slots)


def _fullest(workers: list[_Worker], queue: RegionQueue, seed: int) -> _Worker | None:
    """Fill the batch that wastes the fewest slots and return it; None at the end."""
    while max(worker.load(queue) for worker in workers) < 1 and queue.open_next():
        pass
    worker = max(workers, key=lambda worker: worker.load(queue))
    for slot in worker.batch.free_slots():
        region = queue.take(worker.batch.size)
        if region is None:
            break
        worker.regions[slot] = region
        worker.batch.start(
            slot,
            region.tree.values[region.window],
            region.tree.observed[region.window],
            region.mask[region.window],
            horizontal=orientation(seed, region.tree.origin, region.depth),
        )
    return worker if worker.regions else None


def _show(
    batch: SplitBatch,
    slot: int,
    region: Region,
    updates: int,
    patches: tuple[int, int],
    zoom: float,
) -> SplitUpdate:
    state = batch.side[slot].to(torch.int8) + 2 * batch.other[slot].to(torch.int8)
    done, total = patches
    return SplitUpdate(
        origin=region.origin,
        zoom=zoom,
        state=state.cpu().numpy(),
        band=batch.hidden[slot].cpu().numpy(),
        gain=batch.evidence[slot],
        iteration=updates,
        depth=region.depth,
        done=done,
        total=total,
    )

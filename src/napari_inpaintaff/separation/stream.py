"""Patches taken apart: all patches, regions and sides in one stream of batches."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.images.patches import origins_with
from napari_inpaintaff.inpainting.inpainter import Inpainter
from napari_inpaintaff.separation.hierarchy import Region, RegionQueue
from napari_inpaintaff.separation.parameters import SeparationParameters
from napari_inpaintaff.separation.splits import SplitBatch, orientation

#: The urgent patches are shown when every one of them lies in two parts or more. Overlapping ones
#: complete each other: labels of small regions were as good then as after the last split (SEG of
#: 128 x 128 px of HeLa and BBBC039: 0.642, 0.723 and 0.642, 0.723).
SKETCH_DEPTH = 1


@dataclass(frozen=True)
class SplitUpdate:
    """One of the splits in flight, for the eye, and how far the run is.

    Attributes
    ----------
    origin : (int, int)
        (y, x) of the first pixel shown, in working pixels of the plane; may be negative.
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
    iterations : int
        Updates that every split takes, unless a side runs empty before.
    patch : int
        Number of the patch, from 1, in the order in which they are begun.
    split : int
        Number of the split, from 1, in no meaningful order: it tells splits apart.
    ended : bool
        Whether this is the last update of the split; ``gain`` is then the evidence for
        ``state``, and before that for the state of the iteration before.
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
    iterations: int
    patch: int
    split: int
    ended: bool


@dataclass(frozen=True)
class PatchLeaves:
    """A patch that was taken apart.

    Attributes
    ----------
    origin : (int, int)
        (y, x) of its first pixel in the plane; may be negative.
    leaves : ndarray of int16, shape (P, P)
        Leaf region of every pixel, from 1; 0 outside the image.
    wanted : ndarray of bool, shape (P, P)
        Pixels whose affinities were needed: what has none of them was not split further.
    """

    origin: tuple[int, int]
    leaves: NDArray[np.int16]
    wanted: NDArray[np.bool_]


@dataclass(frozen=True)
class LeafSketch:
    """The urgent patches before they are finished: no region was split less than some times.

    Attributes
    ----------
    patches : tuple of PatchLeaves
        With leaves that are still to be split.
    """

    patches: tuple[PatchLeaves, ...]


def split_patches(
    values: NDArray[np.float32],
    origins: Sequence[tuple[int, int]],
    inpainter: Inpainter,
    parameters: SeparationParameters,
    *,
    wanted: NDArray[np.bool_],
    zoom: float = 1.0,
    urgent: int = 0,
    corner: tuple[int, int] = (0, 0),
) -> Generator[SplitUpdate | PatchLeaves | LeafSketch, None, None]:
    """Take patches of an image apart, one network batch at a time.

    Parameters
    ----------
    values : ndarray of float32, shape (Y, X)
        Normalised, at the scale of the inpainter; NaN marks unknown pixels.
    origins : sequence of (int, int)
        (y, x) of the first pixel of every patch in ``values``, in the order in which they are
        begun; they may reach beyond the image. Those without a wanted pixel are left out.
    inpainter : Inpainter
        Predicts hidden pixels.
    parameters : SeparationParameters
        How to split; its stride is not looked at.
    wanted : ndarray of bool, shape (Y, X)
        Pixels whose affinities are needed.
    zoom : float, optional
        For the updates only: image pixels per pixel of ``values``.
    urgent : int, optional
        So many patches with a wanted pixel, the first ones, are finished before any other is
        begun. That costs the time of a few batches which are not full.
    corner : (int, int), optional
        (y, x) of the first pixel of ``values`` in the plane, if they are a part of one: first
        halves are drawn, and patches reported, by their place in the plane.

    Yields
    ------
    SplitUpdate, PatchLeaves or LeafSketch
        The first after every network batch, for one split until it ends and then for another;
        the second for every patch that is finished,
        roughly in the order of ``origins``, the third at most once. Not asking for the next
        one cancels the run.
    """
    queue = RegionQueue(
        values,
        wanted,
        origins_with(wanted, origins, parameters.patch),
        patch=parameters.patch,
        windows=parameters.windows(),
        minimum_side=parameters.minimum_side,
        urgent=urgent,
        corner=corner,
    )
    workers = [
        _Worker(SplitBatch(inpainter, parameters, size), {}) for size in parameters.windows()
    ]
    done = 0
    sketched = False
    while True:
        worker = _fullest(workers, queue, parameters.seed)
        for tree in queue.collect():
            done += 1
            yield PatchLeaves(tree.origin, tree.leaves, tree.wanted)
        if not sketched and queue.urgent_depth() >= SKETCH_DEPTH:
            sketched = True
            yield LeafSketch(
                tuple(
                    PatchLeaves(tree.origin, leaves, tree.wanted)
                    for tree, leaves in queue.urgent_leaves()
                )
            )
        if worker is None:
            return
        batch, regions = worker.batch, worker.regions
        slot = worker.watch()
        progress = _Progress(
            min(batch.iteration[slot] + 1, parameters.iterations),
            parameters.iterations,
            done,
            queue.patches,
        )
        results = batch.step()
        yield _show(batch, slot, regions[slot], progress, zoom)
        for result in results:
            queue.put(regions.pop(result.slot), result.sides)


def iterate_leaves(
    values: NDArray[np.float32],
    origins: Sequence[tuple[int, int]],
    inpainter: Inpainter,
    parameters: SeparationParameters,
    *,
    wanted: NDArray[np.bool_] | None = None,
) -> Generator[SplitUpdate, None, list[PatchLeaves]]:
    """Take some patches of an image apart.

    Parameters
    ----------
    values, origins, inpainter, parameters
        See `split_patches`.
    wanted : ndarray of bool, shape (Y, X), optional
        Pixels whose affinities are needed, by default all.

    Yields
    ------
    SplitUpdate
        After every network batch.

    Returns
    -------
    list of PatchLeaves
        In the order of ``origins``, without those that hold no wanted pixel.
    """
    wanted = np.ones(values.shape, bool) if wanted is None else wanted
    found: dict[tuple[int, int], PatchLeaves] = {}
    for update in split_patches(values, origins, inpainter, parameters, wanted=wanted):
        if isinstance(update, PatchLeaves):
            found[update.origin] = update
        elif isinstance(update, SplitUpdate):
            yield update
    return [found[origin] for origin in origins if origin in found]


@dataclass(eq=False)
class _Worker:
    """A batch of one window size, the regions in its slots, and the slot that is shown."""

    batch: SplitBatch
    regions: dict[int, Region]
    watched: int = 0

    def load(self, queue: RegionQueue) -> float:
        """Return the part of the slots that could be in use."""
        waiting = len(self.regions) + queue.waiting(self.batch.size)
        return min(1.0, waiting / self.batch.slots)

    def watch(self) -> int:
        """Return the slot to show: that of one split until it ends, then of one just begun."""
        if self.watched not in self.regions:
            iteration = self.batch.iteration
            self.watched = min(self.regions, key=lambda slot: (iteration[slot], slot))
        return self.watched

    def fill(self, queue: RegionQueue, seed: int) -> None:
        """Begin to split regions that wait, as many as there are free slots."""
        taken: dict[int, Region] = {}
        for slot in self.batch.free_slots():
            region = queue.take(self.batch.size)
            if region is None:
                break
            taken[slot] = region
        if not taken:
            return
        self.regions.update(taken)
        regions = taken.values()
        self.batch.start(
            list(taken),
            np.stack([region.tree.values[region.window] for region in regions]),
            np.stack([region.tree.observed[region.window] for region in regions]),
            np.stack([region.mask[region.window] for region in regions]),
            [orientation(seed, region.tree.origin, region.depth) for region in regions],
        )


def _fullest(workers: list[_Worker], queue: RegionQueue, seed: int) -> _Worker | None:
    """Fill the batch that wastes the fewest slots and return it; None at the end."""
    while max(worker.load(queue) for worker in workers) < 1 and queue.open_next():
        pass
    worker = max(workers, key=lambda worker: worker.load(queue))
    worker.fill(queue, seed)
    return worker if worker.regions else None


@dataclass(frozen=True)
class _Progress:
    """Of the split that is shown, and of the run."""

    iteration: int
    iterations: int
    done: int
    total: int


def _show(
    batch: SplitBatch, slot: int, region: Region, progress: _Progress, zoom: float
) -> SplitUpdate:
    side, other, band = (
        mask[slot].cpu().numpy() for mask in (batch.side, batch.other, batch.hidden)
    )
    return SplitUpdate(
        origin=region.origin,
        zoom=zoom,
        state=side + 2 * other.astype(np.int8),
        band=band.copy(),  # the batch goes on
        gain=batch.evidence[slot],
        iteration=progress.iteration,
        depth=region.depth,
        done=progress.done,
        total=progress.total,
        iterations=progress.iterations,
        patch=region.tree.number,
        split=region.number,
        ended=batch.iteration[slot] < 0,
    )

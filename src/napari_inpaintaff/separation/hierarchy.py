"""The hierarchy of regions of every patch: what is still to split, and the leaves."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
ScalarT = TypeVar("ScalarT", bound=np.generic)


@dataclass(eq=False)
class PatchTree:
    """One patch while it is being taken apart.

    Attributes
    ----------
    number : int
        Of the patch, in the order in which they were opened.
    origin : (int, int)
        (y, x) of the patch's first pixel in the plane; may be negative.
    values : ndarray of float32, shape (P, P)
        Normalised, 0 where unknown.
    observed, wanted : ndarray of bool, shape (P, P)
        Pixels with a value, and pixels whose affinities are needed.
    leaves : ndarray of int16, shape (P, P)
        Leaf region of every pixel so far; 0 where there is none.
    count, open_regions : int
        Leaves so far, and regions that are still to be split or being split.
    """

    number: int
    origin: tuple[int, int]
    values: NDArray[np.float32]
    observed: Mask
    wanted: Mask
    leaves: NDArray[np.int16]
    count: int = 0
    open_regions: int = 0


@dataclass(frozen=True, eq=False)
class Region:
    """A region that may be split.

    Attributes
    ----------
    tree : PatchTree
        The patch that it is part of.
    mask : ndarray of bool, shape (P, P)
        Its pixels.
    depth : int
        Number of splits above it.
    window : tuple of two slices
        Square part of the patch that holds the region. Everything outside a region is
        hidden from the network anyway, so it need not be computed.
    number : int
        Of the region, from 1, in the order in which they were found.
    """

    tree: PatchTree
    mask: Mask
    depth: int
    window: tuple[slice, slice]
    number: int

    @property
    def size(self) -> int:
        """Side of the window, in pixels."""
        return int(self.window[0].stop - self.window[0].start)

    @property
    def origin(self) -> tuple[int, int]:
        """(y, x) of the window's first pixel in the plane; may be negative."""
        y, x = self.tree.origin
        return y + self.window[0].start, x + self.window[1].start


class RegionQueue:
    """Regions to split, those of the patches that were opened first before the others.

    Of urgent patches large regions come before their parts, so that all of them can be
    looked at when they are split in a few parts.

    Parameters
    ----------
    values : ndarray of float32, shape (Y, X)
        Normalised image; NaN where unknown.
    wanted : ndarray of bool, shape (Y, X)
        Pixels whose affinities are needed.
    origins : sequence of (int, int)
        Patches with a wanted pixel, in pixels of ``values``, see `images.origins_with`.
    patch : int
        Their side.
    windows : sequence of int
        Sides of the windows that regions are split in, ascending, the last one ``patch``.
    minimum_side : int
        A region of fewer than twice as many pixels is a leaf.
    urgent : int, optional
        So many patches, the first ones, are finished before any other is opened.
    corner : (int, int), optional
        (y, x) of the first pixel of ``values`` in the plane, if they are a part of one.
    """

    #: No region has been split so often: they have pixels.
    _DEEPEST = 2**20

    def __init__(
        self,
        values: NDArray[np.float32],
        wanted: Mask,
        origins: Sequence[tuple[int, int]],
        *,
        patch: int,
        windows: Sequence[int],
        minimum_side: int,
        urgent: int = 0,
        corner: tuple[int, int] = (0, 0),
    ) -> None:
        self._patch = patch
        self._corner = corner
        self._windows = tuple(windows)
        self._minimum_side = minimum_side
        self._values = np.pad(values, patch)
        self._inside = np.pad(np.ones(values.shape, bool), patch)
        self._wanted = np.pad(wanted, patch)
        self._unopened = iter(origins)
        self._pending: dict[int, list[tuple[int, int, Region]]] = {
            size: [] for size in self._windows
        }
        self._found = 0
        self._urgent = urgent
        self._urgent_trees: list[PatchTree] = []
        self._urgent_regions: set[Region] = set()
        self._opened = self._closed = 0
        self.finished: list[PatchTree] = []
        self.patches = len(origins)

    def open_next(self) -> bool:
        """Open the next patch; return False if all are open, or the urgent ones come first."""
        if self._closed < self._urgent == self._opened:
            return False
        origin = next(self._unopened, None)
        if origin is None:
            return False
        self._opened += 1
        self._open(origin)
        return True

    def waiting(self, size: int) -> int:
        """Return how many regions wait to be split in windows of a size."""
        return len(self._pending[size])

    def take(self, size: int) -> Region | None:
        """Return the next region to split in a window of a size, None if none waits."""
        return heapq.heappop(self._pending[size])[2] if self._pending[size] else None

    def urgent_depth(self) -> int:
        """Return how often the least split region of the urgent patches was split.

        Zero before all of them are open; of those that are not split any more none counts.
        """
        if self._opened < self._urgent:
            return 0
        return min((region.depth for region in self._urgent_regions), default=0)

    def urgent_leaves(self) -> Iterator[tuple[PatchTree, NDArray[np.int16]]]:
        """Hand over the urgent patches, and their leaves if nothing were split any more; once."""
        regions: dict[PatchTree, list[Region]] = {tree: [] for tree in self._urgent_trees}
        for region in self._urgent_regions:
            regions[region.tree].append(region)
        for tree, still_open in regions.items():
            leaves = tree.leaves.copy()
            for number, region in enumerate(still_open, start=tree.count + 1):
                leaves[region.mask] = number
            yield tree, leaves
        self._urgent_trees.clear()  # finished ones need no longer be kept

    def put(self, region: Region, sides: tuple[Mask, Mask] | None) -> None:
        """Record how the split of a region ended.

        Parameters
        ----------
        region : Region
            As it was taken.
        sides : tuple of two ndarrays of bool, of the region's window, or None
            Its two sides, which are split in turn if they can be; None makes it a leaf.
        """
        if sides is None:
            self._make_leaf(region.tree, region.mask)
        for side in sides or ():
            mask = np.zeros_like(region.mask)
            mask[region.window] = side
            self._add(region.tree, mask, region.depth + 1)
        region.tree.open_regions -= 1
        self._urgent_regions.discard(region)
        self._close(region.tree)

    def _open(self, origin: tuple[int, int]) -> None:
        values = self._cut(self._values, origin)
        observed = ~np.isnan(values) & self._cut(self._inside, origin)
        tree = PatchTree(
            number=self._opened,
            origin=(origin[0] + self._corner[0], origin[1] + self._corner[1]),
            values=np.nan_to_num(values),
            observed=observed,
            wanted=self._cut(self._wanted, origin),
            leaves=np.zeros((self._patch, self._patch), np.int16),
        )
        if self._opened <= self._urgent:
            self._urgent_trees.append(tree)
        self._add(tree, self._cut(self._inside, origin), 0)
        self._close(tree)

    def _add(self, tree: PatchTree, mask: Mask, depth: int) -> None:
        wanted = (mask & tree.wanted).any()
        if not wanted or np.count_nonzero(mask) < 2 * self._minimum_side:
            self._make_leaf(tree, mask)
            return
        tree.open_regions += 1
        self._found += 1
        region = Region(tree, mask, depth, _window(mask, self._windows), self._found)
        if tree.number <= self._urgent:
            self._urgent_regions.add(region)
            order = depth - self._DEEPEST
        else:
            order = tree.number
        heapq.heappush(self._pending[region.size], (order, self._found, region))

    def _make_leaf(self, tree: PatchTree, mask: Mask) -> None:
        tree.count += 1
        tree.leaves[mask] = tree.count

    def _close(self, tree: PatchTree) -> None:
        if tree.open_regions == 0:
            self._closed += 1
            self.finished.append(tree)

    def collect(self) -> Iterator[PatchTree]:
        """Hand over the patches that are finished; each one once."""
        while self.finished:
            yield self.finished.pop()

    def _cut(self, image: NDArray[ScalarT], origin: tuple[int, int]) -> NDArray[ScalarT]:
        y, x = (start + self._patch for start in origin)
        return image[y : y + self._patch, x : x + self._patch]


def _window(mask: Mask, sizes: Sequence[int]) -> tuple[slice, slice]:
    bounds = []
    for axis in (1, 0):
        inside = np.flatnonzero(mask.any(axis))
        bounds.append((int(inside[0]), int(inside[-1]) + 1))
    extent = max(stop - start for start, stop in bounds)
    size = next(size for size in sizes if size >= extent)
    starts = [min(start, len(mask) - size) for start, _ in bounds]
    return slice(starts[0], starts[0] + size), slice(starts[1], starts[1] + size)

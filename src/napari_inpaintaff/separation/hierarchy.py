"""The hierarchy of regions of every patch: what is still to split, and the leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(eq=False)
class PatchTree:
    """One patch while it is being taken apart.

    Attributes
    ----------
    origin : (int, int)
        (y, x) of the patch's first pixel in the image; may be negative.
    values : Tensor of float32, shape (P, P)
        Normalised, 0 where unknown.
    observed, wanted : Tensor of bool, shape (P, P)
        Pixels with a value, and pixels whose affinities are needed.
    leaves : Tensor of int16, shape (P, P)
        Leaf region of every pixel so far; 0 where there is none.
    count, open_regions : int
        Leaves so far, and regions that are still to be split or being split.
    """

    origin: tuple[int, int]
    values: Tensor
    observed: Tensor
    wanted: Tensor
    leaves: Tensor
    count: int = 0
    open_regions: int = 0


@dataclass(frozen=True, eq=False)
class Region:
    """A region that may be split.

    Attributes
    ----------
    tree : PatchTree
        The patch that it is part of.
    mask : Tensor of bool, shape (P, P)
        Its pixels.
    depth : int
        Number of splits above it.
    """

    tree: PatchTree
    mask: Tensor
    depth: int


class RegionQueue:
    """Regions to split, in depth-first order, so that few patches are open at a time.

    Parameters
    ----------
    values : ndarray of float32, shape (Y, X)
        Normalised image; NaN where unknown.
    wanted : ndarray of bool, shape (Y, X)
        Pixels whose affinities are needed.
    origins : sequence of (int, int)
        Patches, see `images.patch_origins`; those without a wanted pixel are left out.
    patch : int
        Their side.
    minimum_side : int
        A region of fewer than twice as many pixels is a leaf.
    device : torch.device
        Where the patches are kept.
    """

    def __init__(
        self,
        values: NDArray[np.float32],
        wanted: NDArray[np.bool_],
        origins: Sequence[tuple[int, int]],
        *,
        patch: int,
        minimum_side: int,
        device: torch.device,
    ) -> None:
        self._patch = patch
        self._minimum_side = minimum_side
        self._device = device
        self._border = patch
        self._values = np.pad(values, patch)
        self._inside = np.pad(np.ones(values.shape, bool), patch)
        self._wanted = np.pad(wanted, patch)
        self._origins = [o for o in origins if self._cut(self._wanted, o).any()]
        self._unopened = iter(self._origins)
        self._pending: list[Region] = []
        self.finished: list[PatchTree] = []
        self.patches = len(self._origins)

    def take(self) -> Region | None:
        """Return the next region to split, or None if there is none at the moment."""
        while not self._pending:
            origin = next(self._unopened, None)
            if origin is None:
                return None
            self._open(origin)
        return self._pending.pop()

    def put(self, region: Region, sides: tuple[Tensor, Tensor] | None) -> None:
        """Record how the split of a region ended.

        Parameters
        ----------
        region : Region
            As it was taken.
        sides : tuple of two Tensors of bool, shape (P, P), or None
            Its two sides, which are split in turn if they can be; None makes it a leaf.
        """
        for mask in sides or ():
            self._add(Region(region.tree, mask, region.depth + 1))
        if sides is None:
            self._make_leaf(region)
        region.tree.open_regions -= 1
        self._close(region.tree)

    def _open(self, origin: tuple[int, int]) -> None:
        values = self._cut(self._values, origin)
        observed = ~np.isnan(values) & self._cut(self._inside, origin)
        tree = PatchTree(
            origin=origin,
            values=self._tensor(np.nan_to_num(values)),
            observed=self._tensor(observed),
            wanted=self._tensor(self._cut(self._wanted, origin)),
            leaves=torch.zeros(self._patch, self._patch, dtype=torch.int16, device=self._device),
        )
        self._add(Region(tree, self._tensor(self._cut(self._inside, origin)), 0))
        self._close(tree)

    def _add(self, region: Region) -> None:
        tree = region.tree
        holds_wanted, size = torch.stack(
            [(region.mask & tree.wanted).any().long(), region.mask.sum()]
        ).tolist()
        if holds_wanted and size >= 2 * self._minimum_side:
            tree.open_regions += 1
            self._pending.append(region)
        else:
            self._make_leaf(region)

    def _make_leaf(self, region: Region) -> None:
        region.tree.count += 1
        region.tree.leaves[region.mask] = region.tree.count

    def _close(self, tree: PatchTree) -> None:
        if tree.open_regions == 0:
            self.finished.append(tree)

    def collect(self) -> Iterator[PatchTree]:
        """Hand over the patches that are finished; each one once."""
        while self.finished:
            yield self.finished.pop()

    def _cut(self, image: NDArray[np.generic], origin: tuple[int, int]) -> NDArray[np.generic]:
        y, x = (start + self._border for start in origin)
        return image[y : y + self._patch, x : x + self._patch]

    def _tensor(self, image: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(image)).to(self._device)

"""Large planes go through a network in tiles that overlap, and leave no seams."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.images.regions import Region
from napari_inpaintaff.networks.architecture import UNetArchitecture
from napari_inpaintaff.networks.compute import compute

#: Side of a tile in pixels, rounded up to the stride of the network.
TILE = 512
#: How far a plain U-Net looks in its strides: two 3x3 convolutions per level on the way down
#: and up, and the head, are less than five, and less than one more comes from the nearest
#: neighbours of the upsampling.
REACH_STRIDES = 6
#: How far the U-Net of pix2pix looks: with 4x4 convolutions of stride 2 on the way down and up,
#: three strides less three pixels.
PIX2PIX_REACH_STRIDES = 3


@dataclass(frozen=True)
class Tile:
    """A part of a plane that is computed at once.

    Attributes
    ----------
    core : tuple of two slices
        Rows and columns of the plane that are computed.
    seen : tuple of two slices
        Rows and columns of the padded plane that the network is given.
    offset : (int, int)
        (y, x) of the core's first pixel in what the network is given.
    """

    core: Region
    seen: Region
    offset: tuple[int, int]

    def cut(self, output: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the core's part of what the network gave, of shape (..., Y, X)."""
        rows, columns = (
            slice(first, first + part.stop - part.start)
            for first, part in zip(self.offset, self.core, strict=True)
        )
        return output[..., rows, columns]


@dataclass(frozen=True)
class Tiling:
    """How a plane is cut into tiles for a U-Net.

    Attributes
    ----------
    shape : tuple of int
        Height and width of the plane.
    stride : int
        Of the network.
    surrounded : bool
        Whether the network is shown more than the plane at the plane's borders, as far as
        it looks; otherwise it meets the end of its input there.
    reach : int
        How far the network looks, in strides: that of a plain U-Net, or
        `PIX2PIX_REACH_STRIDES`.
    """

    shape: tuple[int, int]
    stride: int
    surrounded: bool = False
    reach: int = REACH_STRIDES

    @classmethod
    def of(cls, architecture: UNetArchitecture, shape: tuple[int, int]) -> Tiling:
        """Return how a plane is cut into tiles for an architecture."""
        reach = PIX2PIX_REACH_STRIDES if architecture.kind == "pix2pix" else REACH_STRIDES
        return cls(shape, architecture.stride, reach=reach)

    @property
    def padding(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Pixels to pad the plane with before and after its rows, and its columns."""
        before = self.margin if self.surrounded else 0
        rows, columns = ((before, before + -length % self.stride) for length in self.shape)
        return rows, columns

    def tiles(self, box: Region | None = None) -> Iterator[Tile]:
        """Cut the plane, row by row.

        Parameters
        ----------
        box : tuple of two slices, optional
            Rows and columns, with start and stop, that have to be computed; by default all.

        Yields
        ------
        Tile
            What it sees begins at a multiple of the stride, so that a pixel's result does not
            depend on the box, and ends as far beyond the core as the network looks, or where
            the padded plane ends.
        """
        whole = slice(0, self.shape[0]), slice(0, self.shape[1])
        rows, columns = whole if box is None else box
        for y, seen_y, offset_y in self._along(0, rows):
            for x, seen_x, offset_x in self._along(1, columns):
                yield Tile((y, x), (seen_y, seen_x), (offset_y, offset_x))

    def halves(self, tile: Tile) -> tuple[Tile, Tile] | None:
        """Cut a tile across its longer side, for devices of little memory.

        Parameters
        ----------
        tile : Tile
            One of `tiles`, or a half.

        Returns
        -------
        tuple of two Tile, or None
            None if it is as small as can be: a network looks so far beyond the core that less
            would hardly save memory.
        """
        lengths = [part.stop - part.start for part in tile.core]
        axis = 0 if lengths[0] >= lengths[1] else 1
        half = math.ceil(lengths[axis] / 2 / self.stride) * self.stride
        if lengths[axis] < 2 * self.stride or 4 * half < self.margin:
            return None
        part = tile.core[axis]
        parts = []
        for piece in self._along(axis, part, side=half):
            other = tile.core[1 - axis], tile.seen[1 - axis], tile.offset[1 - axis]
            (y, seen_y, offset_y), (x, seen_x, offset_x) = (
                (piece, other) if axis == 0 else (other, piece)
            )
            parts.append(Tile((y, x), (seen_y, seen_x), (offset_y, offset_x)))
        return parts[0], parts[1]

    def _along(
        self, axis: int, part: slice, side: int | None = None
    ) -> Iterator[tuple[slice, slice, int]]:
        before, after = self.padding[axis]
        end = before + self.shape[axis] + after
        if side is None:
            side = math.ceil((compute().tile or TILE) / self.stride) * self.stride
        for start in range(part.start // self.stride * self.stride, part.stop, side):
            stop = min(start + side, part.stop)
            first = max(0, before + start - self.margin)
            last = before + math.ceil(stop / self.stride) * self.stride + self.margin
            yield slice(start, stop), slice(first, min(last, end)), before + start - first

    @property
    def margin(self) -> int:
        """How far the network looks, in pixels."""
        return self.reach * self.stride

"""Planes in tiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images import Region

#: Side of the chunks of a store, in pixels: tiles are made of whole chunks, so that no two of
#: them write the same file.
CHUNK = 512
#: Side of a tile, in pixels.
TILE = 2048


@dataclass(frozen=True)
class Tile:
    """A part of a plane.

    Attributes
    ----------
    row, column : int
        Place in the grid.
    core : tuple of two slices
        Rows and columns of the plane that it stands for; those of all tiles cover the plane
        once.
    """

    row: int
    column: int
    core: Region = field(hash=False)

    @property
    def name(self) -> str:
        """Short, for files."""
        return f"{self.row}-{self.column}"


@dataclass(frozen=True)
class TileGrid:
    """How a plane is cut into tiles of about the same size.

    Attributes
    ----------
    shape : tuple of (int, int)
        Height and width of the plane, in pixels.
    side : int
        Largest side of a tile, in pixels: a multiple of `CHUNK`.

    Raises
    ------
    ParameterError
        If the side is no such number.
    """

    shape: tuple[int, int]
    side: int = TILE

    def __post_init__(self) -> None:
        if self.side < CHUNK or self.side % CHUNK:
            raise ParameterError(
                f"tiles must have sides of a multiple of {CHUNK} pixels, got {self.side}"
            )

    @property
    def counts(self) -> tuple[int, int]:
        """Rows and columns of tiles."""
        return len(self._bounds(0)) - 1, len(self._bounds(1)) - 1

    @property
    def is_single(self) -> bool:
        """Whether the plane is one tile."""
        return self.counts == (1, 1)

    def tiles(self) -> Iterator[Tile]:
        """Return all tiles, row by row."""
        rows, columns = self._bounds(0), self._bounds(1)
        for row, (top, bottom) in enumerate(pairwise(rows)):
            for column, (left, right) in enumerate(pairwise(columns)):
                yield Tile(row, column, (slice(top, bottom), slice(left, right)))

    def _bounds(self, axis: int) -> list[int]:
        length = self.shape[axis]
        parts = -(-length // self.side)
        step = -(-length // (parts * CHUNK)) * CHUNK
        return [*range(0, length, step), length]

"""Labels of tiles made into labels of their plane.

Every tile was labelled with a margin around its core, so that neighbouring tiles have labelled
the pixels along their common border both. Segments that are each other's best match there are
one cell. Of the others, what a core cuts off stays a segment, if it is large enough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.images import Region
from napari_inpaintaff.pipeline.tiled.tiles import Tile

Labels = NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class LabelledTile:
    """Labels of a tile and its margin.

    Attributes
    ----------
    tile : Tile
        With the core.
    window : tuple of two slices
        Rows and columns of the plane that were labelled.
    labels : ndarray of int, shape of the window
        0 is background; segments count from 1.
    """

    tile: Tile
    window: Region
    labels: Labels

    def part(self, region: Region) -> Labels:
        """Return the labels of a region of the plane inside the window."""
        rows, columns = (
            slice(part.start - all_.start, part.stop - all_.start)
            for part, all_ in zip(region, self.window, strict=True)
        )
        return self.labels[rows, columns]


def stitch(
    tiles: Sequence[Tile], read: Callable[[Tile], LabelledTile], *, minimum_size: int
) -> dict[Tile, NDArray[np.uint32]]:
    """Say which segments of tiles are one cell of the plane.

    Parameters
    ----------
    tiles : sequence of Tile
        All tiles of a plane, row by row.
    read : callable
        Returns the labels of a tile. Every tile is read three times at most, and no more than
        two are kept at once.
    minimum_size : int
        Of what a core cuts off a segment, a piece of fewer pixels is part of the segment that a
        neighbouring tile sees there.

    Returns
    -------
    dict of Tile to ndarray of uint32
        For every tile, the number in the plane of each of its labels; that of 0 is 0, and so
        is that of segments outside the core. Numbers count from 1 in the order of the tiles
        and of their labels.
    """
    overlaps = _overlaps(tiles, read)
    labels = _Union(overlaps.sizes)
    for one, other, right, left in overlaps.pairs:
        for a, (b, _) in sorted(right.items()):
            if left[b][0] == a:
                labels.unite((one, a), (other, b))
    _give_pieces_away(overlaps, labels, minimum_size)
    numbers: dict[Segment, int] = {}
    result = {}
    for tile in tiles:
        found = np.zeros(len(overlaps.sizes[tile]), np.uint32)
        for label in np.flatnonzero(overlaps.sizes[tile]).tolist():
            root = labels.root((tile, label))
            found[label] = numbers.setdefault(root, len(numbers) + 1)
        result[tile] = found
    return result


#: A label of a tile.
Segment: TypeAlias = tuple[Tile, int]
#: For labels of one tile, the label of another one that it overlaps most, and in how many pixels.
Best: TypeAlias = dict[int, tuple[int, int]]


@dataclass(frozen=True, eq=False)
class _Overlaps:
    """What tiles know of each other.

    Attributes
    ----------
    sizes : dict of Tile to ndarray of int
        Pixels of every label in the core.
    cut : dict of Tile to set of int
        Labels of which the core has a part only.
    pairs : list of (Tile, Tile, Best, Best)
        Neighbours, and the best matches from the first to the second and back.
    """

    sizes: dict[Tile, NDArray[np.int64]]
    cut: dict[Tile, set[int]]
    pairs: list[tuple[Tile, Tile, Best, Best]]


class _Union:
    """Segments that are one cell; a cell is named by its first segment."""

    def __init__(self, sizes: dict[Tile, NDArray[np.int64]]) -> None:
        self._parents: dict[Segment, Segment] = {}
        self._order = {tile: number for number, tile in enumerate(sizes)}
        self._sizes = sizes

    def root(self, segment: Segment) -> Segment:
        """Return the name of a segment's cell."""
        while (parent := self._parents.get(segment, segment)) != segment:
            segment = self._parents[segment] = self._parents.get(parent, parent)
        return segment

    def unite(self, one: Segment, other: Segment) -> None:
        """Make the cells of two segments one."""
        roots = sorted(
            (self.root(one), self.root(other)), key=lambda root: (self._order[root[0]], root[1])
        )
        self._parents[roots[1]] = roots[0]

    def areas(self) -> dict[Segment, int]:
        """Return the pixels of every cell, in the cores."""
        areas: dict[Segment, int] = {}
        for tile, sizes in self._sizes.items():
            for label in np.flatnonzero(sizes).tolist():
                root = self.root((tile, label))
                areas[root] = areas.get(root, 0) + int(sizes[label])
        return areas


def _give_pieces_away(overlaps: _Overlaps, labels: _Union, minimum_size: int) -> None:
    areas = labels.areas()
    wanted: dict[Segment, tuple[int, Segment]] = {}
    for one, other, right, left in overlaps.pairs:
        for (own, best), there in (((one, right), other), ((other, left), one)):
            for label in sorted(overlaps.cut[own] & best.keys()):
                match, count = best[label]
                root = labels.root((own, label))
                if areas[root] < minimum_size and count > wanted.get(root, (0,))[0]:
                    wanted[root] = count, (there, match)
    for piece, (_, cell) in wanted.items():
        labels.unite(piece, cell)


def _overlaps(tiles: Sequence[Tile], read: Callable[[Tile], LabelledTile]) -> _Overlaps:
    places = {(tile.row, tile.column): tile for tile in tiles}
    found = _Overlaps({}, {}, [])
    for tile in tiles:
        own = read(tile)
        everywhere = np.bincount(own.labels.ravel())
        inside = np.bincount(own.part(tile.core).ravel(), minlength=len(everywhere))
        everywhere[0] = inside[0] = 0
        found.sizes[tile] = inside
        found.cut[tile] = set(np.flatnonzero((inside > 0) & (inside < everywhere)).tolist())
        for place in ((tile.row - 1, tile.column), (tile.row, tile.column - 1)):
            if place in places:
                other = read(places[place])
                found.pairs.append((other.tile, tile, *_matches(other, own)))
    return found


def _matches(one: LabelledTile, other: LabelledTile) -> tuple[Best, Best]:
    """Return the best matches of labels, both ways, where both tiles have labelled."""
    rows, columns = (
        slice(max(a.start, b.start), min(a.stop, b.stop))
        for a, b in zip(one.window, other.window, strict=True)
    )
    a, b = (tile.part((rows, columns)).ravel().astype(np.int64) for tile in (one, other))
    both = (a > 0) & (b > 0)
    span = int(b.max(initial=0)) + 1
    codes, counts = np.unique(a[both] * span + b[both], return_counts=True)
    right: Best = {}
    left: Best = {}
    # Of equally good ones the lowest label: codes are sorted.
    for code, count in zip(codes.tolist(), counts.tolist(), strict=True):
        x, y = divmod(code, span)
        if count > right.get(x, (0, 0))[1]:
            right[x] = y, count
        if count > left.get(y, (0, 0))[1]:
            left[y] = x, count
    return right, left

"""Labels of tiles become labels of the plane."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images.windows import grown
from napari_inpaintaff.pipeline.tiled.stitching import LabelledTile, stitch
from napari_inpaintaff.pipeline.tiled.tiles import CHUNK, Tile, TileGrid


def cells(shape: tuple[int, int], count: int, seed: int) -> np.ndarray:
    """Cells that touch each other everywhere, around random points; some are left out."""
    random = np.random.default_rng(seed)
    seeds = np.zeros(shape, int)
    places = random.choice(shape[0] * shape[1], count, replace=False)
    seeds.flat[places] = np.arange(1, count + 1)
    nearest = ndimage.distance_transform_edt(
        seeds == 0, return_distances=False, return_indices=True
    )
    labels = seeds[tuple(nearest)]
    labels[np.isin(labels, random.choice(count, count // 4) + 1)] = 0
    return labels


def cut(shape: tuple[int, int], rows: list[int], columns: list[int]) -> list[Tile]:
    rows, columns = [0, *rows, shape[0]], [0, *columns, shape[1]]
    return [
        Tile(y, x, (slice(rows[y], rows[y + 1]), slice(columns[x], columns[x + 1])))
        for y in range(len(rows) - 1)
        for x in range(len(columns) - 1)
    ]


def put_together(tiles, read, shape, **options) -> np.ndarray:
    numbers = stitch(tiles, read, **{"minimum_size": 1, **options})
    result = np.zeros(shape, int)
    for tile in tiles:
        result[tile.core] = numbers[tile][read(tile).part(tile.core)]
    return result


def reader(truth: np.ndarray, margin: int, seed: int = 0):
    """Every tile labels its window rightly, with numbers of its own."""

    def read(tile: Tile) -> LabelledTile:
        window = grown(tile.core, margin, truth.shape)
        part = truth[window]
        names = np.unique(part[part > 0])
        order = np.random.default_rng((seed, tile.row, tile.column)).permutation(len(names)) + 1
        own = np.zeros(int(truth.max()) + 1, int)
        own[names] = order
        return LabelledTile(tile, window, own[part])

    return read


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(2, 60),
    st.lists(st.integers(30, 110), max_size=2, unique=True).map(sorted),
    st.lists(st.integers(30, 140), max_size=3, unique=True).map(sorted),
)
def test_tiles_that_agree_give_the_labels_of_the_plane(seed, count, rows, columns):
    truth = cells((130, 170), count, seed)
    tiles = cut(truth.shape, rows, columns)
    found = put_together(tiles, reader(truth, margin=12, seed=seed), truth.shape)
    assert np.array_equal(found > 0, truth > 0)
    # One name for one cell, both ways.
    pairs = np.unique(np.stack([found[found > 0], truth[found > 0]]), axis=1)
    assert len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]
    assert set(np.unique(found)) - {0} == set(range(1, len(np.unique(truth[truth > 0])) + 1))


def test_a_cell_around_a_corner_of_four_tiles_is_one():
    truth = np.zeros((60, 60), int)
    truth[25:36, 25:36] = 1
    tiles = cut(truth.shape, [30], [30])
    found = put_together(tiles, reader(truth, margin=10), truth.shape)
    assert np.array_equal(found, truth)


def test_the_better_match_is_taken_where_tiles_disagree():
    truth = np.zeros((40, 80), int)
    truth[10:30, 20:60] = 1
    left, right = cut(truth.shape, [], [40])
    halved = truth.copy()
    halved[20:30, 20:60] = 2
    halved[18:20, 20:60] = 1

    def read(tile):
        window = grown(tile.core, 16, truth.shape)
        return LabelledTile(tile, window, (truth if tile == left else halved)[window])

    found = put_together([left, right], read, truth.shape)
    assert set(np.unique(found)) == {0, 1, 2}
    assert (found[10:30, 20:40] == 1).all()
    assert (found[20:30, 40:60] == (1 if (found[10:20, 40:60] == 2).all() else 2)).all()


def test_small_pieces_that_a_border_cuts_off_are_given_away():
    truth = np.ones((40, 80), int)
    left, right = cut(truth.shape, [], [40])
    # The left tile sees a cell of its own in the margin that reaches 2 pixels into its core.
    other = truth.copy()
    other[10:20, 38:52] = 2

    def read(tile):
        window = grown(tile.core, 16, truth.shape)
        return LabelledTile(tile, window, (other if tile == left else truth)[window])

    assert set(np.unique(put_together([left, right], read, truth.shape))) == {1, 2}
    found = put_together([left, right], read, truth.shape, minimum_size=30)
    assert set(np.unique(found)) == {1}


def test_an_empty_plane_has_no_cells():
    truth = np.zeros((40, 40), int)
    found = put_together(cut(truth.shape, [20], [20]), reader(np.zeros((40, 40), int), 5), (40, 40))
    assert not found.any()


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.integers(1, 8))
def test_tiles_cover_a_plane_once_and_are_made_of_whole_chunks(height, width, chunks):
    grid = TileGrid((height, width), chunks * CHUNK)
    tiles = list(grid.tiles())
    assert len(tiles) == grid.counts[0] * grid.counts[1]
    assert sum((r.stop - r.start) * (c.stop - c.start) for r, c in (t.core for t in tiles)) == (
        height * width
    )
    for tile in tiles:
        for part, length in zip(tile.core, (height, width), strict=True):
            assert part.start % CHUNK == 0
            assert part.stop % CHUNK == 0 or part.stop == length
            assert 0 < part.stop - part.start <= chunks * CHUNK
    assert grid.is_single == (max(height, width) <= chunks * CHUNK)


@pytest.mark.parametrize("side", [0, 100, 511, 513, -512])
def test_tiles_that_are_not_made_of_chunks_are_refused(side):
    with pytest.raises(ParameterError, match="multiple of 512"):
        TileGrid((10, 10), side)

"""The planes a training draws from: which are in memory at a step, and which are left out."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.images import (
    Plane,
    Region,
    SkippedImage,
    estimate_normalisation,
    gather_planes,
    planes_of,
)
from napari_inpaintaff.inpainting.plane_pool import PlanePool
from napari_inpaintaff.jobs import Progress

SIDE = 32
#: Bytes of a plane in the pool.
PLANE = 4 * SIDE * SIDE
NO_LIMIT = 2**30


class Images:
    """Planes that are their own number everywhere, and how often each was read."""

    def __init__(
        self,
        shapes: Sequence[tuple[int, int]],
        *,
        damaged: set[int] | None = None,
        constant: set[int] | None = None,
    ) -> None:
        self.damaged = damaged or set()
        self.constant = constant or set()
        self.read: list[int] = []
        self.readers: set[int] = set()
        self.skipped: list[SkippedImage] = []
        self.planes = [
            Plane(str(number), shape, np.dtype(np.uint16), partial(self._read, number, shape))
            for number, shape in enumerate(shapes)
        ]

    def _read(self, number: int, shape: tuple[int, int], _: Region) -> NDArray[np.uint16]:
        self.read.append(number)
        self.readers.add(threading.get_ident())
        if number in self.damaged:
            raise ImageError(f"{number} is damaged")
        return np.full(shape, number, np.uint16)

    def prepare(self, image: NDArray[np.uint16]) -> NDArray[np.float32] | None:
        return None if image[0, 0] in self.constant else image.astype(np.float32)

    def pool(self, *, memory: int = NO_LIMIT, seed: int = 0) -> PlanePool:
        return PlanePool(
            self.planes, self.prepare, seed=seed, memory=memory, on_skip=self.skipped.append
        )

    @property
    def names_skipped(self) -> list[str]:
        return [skipped.path_or_name for skipped in self.skipped]


def equal(count: int, **more: set[int]) -> Images:
    return Images([(SIDE, SIDE)] * count, **more)


def numbers(content: Sequence[NDArray[np.float32]]) -> list[int]:
    return [int(values[0, 0]) for values in content]


def test_all_planes_are_kept_in_their_order_where_they_fit() -> None:
    images = Images([(20, 30), (16, 16), (40, 50)])
    with images.pool() as pool:
        content = pool.at(0)
        assert numbers(content) == [0, 1, 2]
        assert [values.shape for values in content] == [(20, 30), (16, 16), (40, 50)]
        assert pool.at(10_000) is content
    assert sorted(images.read) == [0, 1, 2]
    assert pool.pixels == 600 + 256 + 2000
    assert images.skipped == []


def test_nan_is_filled_with_the_median() -> None:
    image = np.arange(400, dtype=np.float64).reshape(20, 20)
    image[3, 4:9] = np.nan
    [plane] = planes_of(image, "a")
    with PlanePool([plane], lambda i: i.astype(np.float32), seed=0, on_skip=print) as pool:
        values = pool.at(0)[0]
    known = ~np.isnan(image)
    np.testing.assert_array_equal(values[known], image[known])
    assert np.unique(values[~known]) == np.median(image[known])
    assert np.isnan(image).sum() == 5


def test_loading_tells_how_far_it_is() -> None:
    images = equal(6, damaged={2}, constant={4})
    with images.pool() as pool:
        assert list(pool.load()) == [Progress(n, 6, "Reading the images…") for n in range(1, 7)]
        assert sorted(images.read) == list(range(6))
        assert numbers(pool.at(0)) == [0, 1, 3, 5]
        assert list(pool.load()) == []
    assert len(images.read) == 6


def test_what_cannot_be_used_is_reported_once_and_says_why() -> None:
    images = Images([(SIDE, SIDE)] * 5 + [(15, 400)], damaged={1}, constant={3})
    changed = Plane("changed", (SIDE, SIDE), np.dtype(float), lambda _: np.ones((SIDE, 5)))
    [nowhere] = planes_of(np.full((SIDE, SIDE), np.nan), "nan")
    images.planes += [changed, nowhere]
    with images.pool() as pool:
        assert numbers(pool.at(0)) == [0, 2, 4]
        pool.at(7)
        assert pool.skipped == tuple(images.skipped)
    reasons = {one.path_or_name: one.reason for one in images.skipped}
    assert len(reasons) == len(images.skipped) == 5
    assert reasons["1"] == "damaged"
    assert reasons["3"] == "nothing varies in it"
    assert reasons["5"].startswith("15 x 400 pixels are too few")
    assert "shape changed" in reasons["changed"]
    assert reasons["nan"] == "nothing varies in it"


def test_a_plane_too_large_to_prepare_is_left_out() -> None:
    images = equal(3)

    def prepare(image: NDArray[np.uint16]) -> NDArray[np.float32] | None:
        if image[0, 0] == 1:
            raise MemoryError
        return images.prepare(image)

    with PlanePool(images.planes, prepare, seed=0, on_skip=images.skipped.append) as pool:
        assert numbers(pool.at(0)) == [0, 2]
    assert "memory" in images.skipped[0].reason


@pytest.mark.parametrize("memory", [NO_LIMIT, 2 * PLANE])
def test_no_plane_can_be_used(memory: int) -> None:
    images = equal(4, damaged={0, 1}, constant={2, 3})
    with (
        images.pool(memory=memory) as pool,
        pytest.raises(ImageError, match="none of the 4 images can be trained on"),
    ):
        list(pool.load())
    with pytest.raises(ImageError, match=r"none of the 2 images .* too few"):
        Images([(3, 300), (15, 15)]).pool()
    with pytest.raises(ImageError, match="no image"):
        Images([]).pool()
    with pytest.raises(ParameterError, match="must be positive, got 0"):
        equal(1).pool(memory=0)


sizes = st.lists(st.integers(16, 60), min_size=2, max_size=12)


@settings(deadline=None, max_examples=60)
@given(
    sides=sizes,
    part=st.floats(0.05, 0.9),
    damaged=st.sets(st.integers(0, 11)),
    seed=st.integers(0, 5),
    start=st.integers(0, 60),
)
def test_a_resumed_training_finds_the_same_planes(
    sides: list[int], part: float, damaged: set[int], seed: int, start: int
) -> None:
    shapes = [(side, side) for side in sides]
    memory = max(1, int(part * sum(4 * side * side for side in sides)))
    usable = set(range(len(sides))) - damaged

    def fresh() -> Images:
        return Images(shapes, damaged=damaged)

    if not usable:
        with fresh().pool(memory=memory, seed=seed) as pool, pytest.raises(ImageError):
            pool.at(start)
        return
    whole, resumed = fresh(), fresh()
    with whole.pool(memory=memory, seed=seed) as pool:
        # Planes of this size are exchanged at every step.
        uninterrupted = [numbers(pool.at(step)) for step in range(start + 5)]
    with resumed.pool(memory=memory, seed=seed) as pool:
        for step in (*range(start, start + 5), start, 0):
            assert numbers(pool.at(step)) == uninterrupted[step]
    for content in uninterrupted:
        assert len(set(content)) == len(content) > 0
        assert set(content) <= usable
        assert len(content) == 1 or sum(4 * sides[n] ** 2 for n in content) <= memory


def test_every_plane_comes_and_goes() -> None:
    images = equal(10, damaged={3})
    with images.pool(memory=4 * PLANE) as pool:
        seen = np.zeros(10, int)
        changes = 0
        content = pool.at(0)
        for step in range(1000):
            previous, content = content, pool.at(step)
            changes += len(set(numbers(content)) - set(numbers(previous)))
            seen[numbers(content)] += 1
            assert len(content) == 4
    assert seen[3] == 0
    # Each is there about as often: four of nine at a time.
    others = np.delete(seen, 3)
    assert others.min() > 0.8 * 1000 * 4 / 9
    assert others.max() < 1.2 * 1000 * 4 / 9
    # One at a time, not all at once.
    assert changes <= 1000
    assert images.names_skipped == ["3"]


def test_the_seed_decides_what_comes_when() -> None:
    def row(seed: int) -> list[list[int]]:
        with equal(10).pool(memory=3 * PLANE, seed=seed) as pool:
            return [numbers(pool.at(step)) for step in range(20)]

    assert row(1) == row(1)
    assert row(1) != row(2)


def test_large_planes_are_exchanged_less_often() -> None:
    side = 512
    images = Images([(side, side)] * 4)
    with images.pool(memory=2 * 4 * side * side) as pool:
        contents = [numbers(pool.at(step)) for step in range(33)]
    # 2**14 pixels are read per step.
    assert contents[:16] == [contents[0]] * 16
    assert contents[16:32] == [contents[16]] * 16
    assert contents[0] != contents[16] != contents[32]


def test_a_plane_larger_than_the_memory_is_alone() -> None:
    images = Images([(100, 100), (16, 16), (16, 16)])
    with images.pool(memory=2000) as pool:
        contents = [numbers(pool.at(step)) for step in range(9)]
    assert {frozenset(content) for content in contents} >= {frozenset([0])}
    assert all(content == [0] or 0 not in content for content in contents)


def test_planes_are_read_ahead_and_in_the_background() -> None:
    images = equal(50)
    with images.pool(memory=4 * PLANE) as pool:
        for step in range(30):
            pool.at(step)
            # What is in memory, and the few that come next.
            assert len(images.read) <= step + 4 + 4
    assert threading.get_ident() not in images.readers
    assert len(images.read) >= 33
    assert len(images.read) == len(set(images.read))


def test_a_set_of_images_as_people_have_them(tmp_path: Path) -> None:
    """Types, sizes and channels differ, some are damaged, some show nothing."""
    random = np.random.default_rng(0)
    cells = 200 + 4000 * (ndimage.gaussian_filter(random.normal(size=(70, 80)), 4) > 0.02)
    with_gaps = cells.astype(np.float32)
    with_gaps[10:20, 30:50] = np.nan
    images = {
        "a.tif": (cells / 20).astype(np.uint8),
        "b.tif": cells[:40, :33].astype(np.uint16),
        "c.tif": with_gaps,
        "constant.tif": np.full((50, 50), 7, np.uint16),
        "nowhere.tif": np.full((50, 50), np.nan, np.float32),
        "tiny.tif": cells[:50, :9].astype(np.uint16),
    }
    for name, image in images.items():
        tifffile.imwrite(tmp_path / name, image)
    channels = np.stack([cells, cells]).astype(np.uint16)
    tifffile.imwrite(tmp_path / "two.tif", channels, imagej=True, metadata={"axes": "CYX"})
    (tmp_path / "cut.tif").write_bytes((tmp_path / "a.tif").read_bytes()[:3000])
    found = gather_planes([tmp_path])
    assert [Path(one.path_or_name).name for one in found.skipped] == ["cut.tif", "two.tif"]

    def prepare(image: NDArray[np.generic]) -> NDArray[np.float32] | None:
        known = image[np.isfinite(image)]
        if known.size == 0 or known.min() == known.max():
            return None
        return estimate_normalisation(image).apply(image)

    skipped: list[SkippedImage] = []
    with PlanePool(found.planes, prepare, seed=0, on_skip=skipped.append) as pool:
        content = pool.at(0)
    assert {one.path_or_name for one in skipped} == {"constant.tif", "nowhere.tif", "tiny.tif"}
    assert [values.shape for values in content] == [(70, 80), (40, 33), (70, 80)]
    assert all(values.dtype == np.float32 for values in content)
    assert all(np.isfinite(values).all() for values in content)
    # The same cells in other units: the same values.
    known = np.isfinite(with_gaps)
    np.testing.assert_allclose(content[0][known], content[2][known], atol=0.1)


def test_a_mistake_of_the_caller_is_not_taken_for_a_bad_image() -> None:
    def prepare(image: NDArray[np.uint16]) -> NDArray[np.float32] | None:
        raise ZeroDivisionError

    images = equal(3)
    with (
        PlanePool(images.planes, prepare, seed=0, on_skip=images.skipped.append) as pool,
        pytest.raises(ZeroDivisionError),
    ):
        pool.at(0)
    assert images.skipped == []


def test_the_threads_end() -> None:
    before = set(threading.enumerate())
    with equal(5).pool(memory=2 * PLANE) as pool:
        pool.at(0)
        assert set(threading.enumerate()) - before
    assert not set(threading.enumerate()) - before

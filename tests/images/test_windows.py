"""Windows of a plane: where they are, and that they are resampled like the whole plane."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS, Affinities
from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images import (
    ArrayPlane,
    ModelNormalisation,
    Normalisation,
    Region,
    estimate_normalisation,
    grown,
    sample_windows,
    size_of,
    within,
)
from napari_inpaintaff.images.zoom import Zoom
from napari_inpaintaff.separation import affinities_from_labels


def test_a_core_grows_inside_the_plane() -> None:
    core = slice(10, 20), slice(35, 40)
    assert grown(core, 7, (25, 100)) == (slice(3, 25), slice(28, 47))
    assert grown(core, 7, (25, 100), 16) == (slice(0, 25), slice(16, 47))
    around = grown(core, 3, (25, 100))
    assert size_of(around) == (16, 11)
    assert within(core, around) == (slice(3, 13), slice(3, 8))


class Recorded:
    """A plane of any size whose pixels are their places; it remembers what was read."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self.read: list[Region] = []

    def read_region(self, region: Region) -> NDArray[np.int64]:
        self.read.append(region)
        rows, columns = region
        return (
            np.arange(rows.start, rows.stop)[:, None] * self.shape[1]
            + np.arange(columns.start, columns.stop)[None, :]
        )


@settings(deadline=None)
@given(
    height=st.integers(1, 3000),
    width=st.integers(1, 3000),
    most=st.integers(1, 100_000),
    side=st.integers(1, 90),
)
def test_samples_are_disjoint_and_few(height: int, width: int, most: int, side: int) -> None:
    plane = Recorded((height, width))
    windows = sample_windows(plane, most_pixels=most, side=side)
    assert [size_of(region) for region in plane.read] == [window.shape for window in windows]
    assert sum(window.size for window in windows) <= most
    for rows, columns in plane.read:
        assert 0 <= rows.start < rows.stop <= height
        assert 0 <= columns.start < columns.stop <= width
    pixels = np.concatenate([window.ravel() for window in windows])
    assert len(np.unique(pixels)) == len(pixels)
    if height * width <= most:
        assert size_of(plane.read[0]) == (height, width)


def test_samples_are_spread_over_the_plane() -> None:
    plane = Recorded((20_000, 10_000))
    windows = sample_windows(plane)
    assert 8_000_000 < sum(window.size for window in windows) <= 16_000_000
    middles = np.array([[(part.start + part.stop) / 2 for part in read] for read in plane.read])
    assert middles.mean(axis=0) == pytest.approx([10_000, 5_000], rel=0.02)
    assert middles.min(axis=0).max() < 3_000
    again = Recorded(plane.shape)
    sample_windows(again)
    assert again.read == plane.read


@settings(deadline=None, max_examples=60)
@given(
    factor=st.floats(0.11, 6),
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    halo=st.integers(0, 9),
    multiple=st.integers(1, 8),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_part_is_resampled_like_the_whole(
    factor: float, height: int, width: int, halo: int, multiple: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    shape = (height, width)
    rows, columns = (sorted(rng.choice(length + 1, 2, replace=False)) for length in shape)
    core = slice(*map(int, rows)), slice(*map(int, columns))
    image = rng.gamma(2, 1, shape).astype(np.float32)
    image[rng.random(shape) < rng.choice([0, 0.2])] = np.nan
    wanted = np.zeros(shape, bool)
    wanted[core] = rng.random(size_of(core)) < 0.5
    zoom = Zoom(factor)
    window = zoom.window(shape, core, halo=halo, multiple=multiple)
    assert window.working[0].start % multiple == window.working[1].start % multiple == 0

    small = zoom.shrink(image)
    np.testing.assert_array_equal(window.shrink(image[window.image]), small[window.working])
    needed = zoom.shrink_mask(wanted)
    np.testing.assert_array_equal(window.shrink_mask(wanted[core], core), needed[window.working])
    outside = needed.copy()
    outside[window.working] = False
    assert not outside.any(), "the window holds all that is needed"

    full = affinities_from_labels(rng.integers(0, 3, small.shape), PUBLISHED_OFFSETS[:6])
    known = Affinities(full.values, full.offsets, full.weight * rng.random(small.shape) ** 0.1)
    expected = zoom.enlarge(known, wanted).window(core)
    found = window.enlarge(known.window(window.working), wanted[core], core)
    np.testing.assert_array_equal(found.weight, expected.weight)
    np.testing.assert_array_equal(found.values, expected.values)
    np.testing.assert_array_equal(
        window.enlarge_map(full.values[0][window.working], core),
        zoom.enlarge_map(full.values[0], shape)[core],
    )


@pytest.mark.parametrize("kind", ["fluorescence", "linear"])
def test_windows_are_normalised_as_one_plane(kind: str) -> None:
    image = np.random.default_rng(0).gamma(2, 300, (60, 50))
    image[3, 4] = np.nan
    whole = estimate_normalisation(image, kind)  # type: ignore[arg-type]
    parts = [image[:20], image[20:, :13], image[20:, 13:]]
    pooled = estimate_normalisation(parts, kind)  # type: ignore[arg-type]
    assert pooled == whole
    with pytest.raises(ImageError, match="no finite pixel"):
        estimate_normalisation([np.full((3, 3), np.nan), np.full((2, 2), np.inf)])


def test_the_normalisation_of_a_model_survives_json() -> None:
    for denoising in (None, Normalisation("linear", 3.5, 2.0)):
        given_one = ModelNormalisation("fluorescence", 1.25, math.pi, denoising)
        assert ModelNormalisation.from_json(given_one.to_json()) == given_one


def test_a_plane_in_memory_is_read_in_parts() -> None:
    pixels = np.arange(12).reshape(3, 4)
    plane = ArrayPlane(pixels)
    assert plane.shape == (3, 4)
    np.testing.assert_array_equal(plane.read_region((slice(1, 3), slice(0, 2))), [[4, 5], [8, 9]])

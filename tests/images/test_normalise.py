"""Normalisation: invariant to gain and offset, robust, honest about what is unknown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.images import Normalisation, NormalisationKind, estimate_normalisation

KINDS: tuple[NormalisationKind, ...] = ("fluorescence", "linear")


def discs(seed: int = 0, *, noise: float = 5.0) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Bright discs on a pedestal with noise, and where they are."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:96, :96]
    inside = np.zeros((96, 96), bool)
    image = np.full((96, 96), 200.0)
    for cy, cx in random.uniform(10, 86, (6, 2)):
        disc = (y - cy) ** 2 + (x - cx) ** 2 < 11**2
        image[disc] = 200 + random.uniform(300, 900)
        inside |= disc
    return image + random.normal(0, noise, image.shape), inside


def normalise(image: NDArray[np.generic], kind: NormalisationKind) -> NDArray[np.float32]:
    return estimate_normalisation(image, kind).apply(image)


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**31),
    gain=st.floats(1e-3, 1e3),
    offset=st.floats(-1e4, 1e5),
    noise=st.sampled_from([0.5, 5.0, 50.0]),
)
def test_gain_and_offset_change_nothing(
    kind: NormalisationKind, seed: int, gain: float, offset: float, noise: float
) -> None:
    image, _ = discs(seed, noise=noise)
    np.testing.assert_allclose(
        normalise(gain * image + offset, kind), normalise(image, kind), atol=2e-3
    )


@pytest.mark.parametrize("noise", [0.0, 1.0, 20.0])
def test_background_is_near_zero_and_flat_and_nuclei_near_two(noise: float) -> None:
    image, inside = discs(noise=noise)
    values = normalise(image, "fluorescence")
    assert np.median(values[~inside]) == 0
    assert values[~inside].std() < 0.25
    assert 1.5 < np.median(values[inside]) < 3
    assert values.min() == 0
    assert values.dtype == np.float32


def test_linear_has_median_zero_and_unit_spread() -> None:
    image = np.random.default_rng(0).normal(500, 30, (200, 200))
    values = normalise(image, "linear")
    assert np.median(values) == pytest.approx(0, abs=1e-3)
    assert values.std() == pytest.approx(1, abs=0.03)


def test_fluorescence_formula() -> None:
    rule = Normalisation("fluorescence", pedestal=100, unit=10)
    values = rule.apply(np.array([0, 100, 110, 200], np.uint16))
    np.testing.assert_allclose(values, [0, 0, np.log(2), np.log(11)], rtol=1e-6)
    np.testing.assert_allclose(Normalisation("linear", 100, 10).apply(np.array([80, 130])), [-2, 3])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, bool])
def test_constant_plane_becomes_zero(kind: NormalisationKind, dtype: type) -> None:
    assert not normalise(np.ones((5, 7), dtype), kind).any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("unknown", [np.nan, np.inf, -np.inf])
def test_unknown_pixels_stay_unknown_and_do_not_matter(
    kind: NormalisationKind, unknown: float
) -> None:
    image, _ = discs()
    holes = np.random.default_rng(1).random(image.shape) < 0.01
    damaged = np.where(holes, unknown, image)
    assert estimate_normalisation(damaged, kind) == estimate_normalisation(image[~holes], kind)
    np.testing.assert_array_equal(np.isnan(normalise(damaged, kind)), holes)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nothing_known(kind: NormalisationKind, value: float) -> None:
    with pytest.raises(ImageError, match="no finite pixel"):
        estimate_normalisation(np.full((4, 4), value), kind)
    with pytest.raises(ImageError, match="no finite pixel"):
        estimate_normalisation(np.zeros((0, 4)), kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_hot_and_a_dead_pixel_hardly_matter(kind: NormalisationKind) -> None:
    image, inside = discs()
    dim = 200 + (image - 200) / 5
    damaged = dim.copy()
    damaged[3, 3], damaged[90, 5] = 65535, 0
    there = np.ones(image.shape, bool)
    there[3, 3] = there[90, 5] = False
    difference = np.abs(normalise(damaged, kind) - normalise(dim, kind))
    assert difference[there & inside].max() < 0.1


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=100)
@given(
    image=arrays(
        np.float64, (4, 5), elements=st.floats(-1e9, 1e9, allow_subnormal=True), fill=st.nothing()
    )
)
def test_any_image_becomes_finite(kind: NormalisationKind, image: NDArray[np.float64]) -> None:
    with np.errstate(over="ignore"):
        values = normalise(image, kind)
    if kind == "fluorescence":
        assert np.isfinite(values).all()
        assert values.min() >= 0
    assert not np.isnan(values).any()


def test_a_tiny_range_on_a_large_offset() -> None:
    image = 1 + np.spacing(1.0) * np.array([[0, 0, 0], [0, 1, 1]])
    values = normalise(image, "fluorescence")
    assert values[0].max() < values[1, 1:].min()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_order_is_kept_above_the_pedestal(dtype: type) -> None:
    image = np.clip(discs()[0] / 5, 0, 255).astype(dtype)
    values = normalise(image, "fluorescence")
    order = np.argsort(image, axis=None)
    assert (np.diff(values.ravel()[order]) >= 0).all()


def test_impossible_rules() -> None:
    with pytest.raises(ParameterError, match="'cubic'"):
        Normalisation("cubic", 0, 1)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=r"must be positive, got 0\.0"):
        Normalisation("linear", 0.0, 0.0)

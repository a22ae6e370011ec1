"""Specks and faint blots of a foreground."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.foreground.specks import lower_specks, without_specks


def blot(size: int, peak: float, shape: tuple[int, int] = (40, 60)) -> NDArray[np.float32]:
    """A sure cell of 100 pixels, and a square of its own at the right."""
    probability = np.full(shape, 0.1, np.float32)
    probability[5:15, 5:15] = 0.98
    probability[20 : 20 + size, 40 : 40 + size] = peak
    return probability


@pytest.mark.parametrize(
    ("size", "peak", "kept"),
    [(6, 0.95, True), (5, 0.95, False), (6, 0.8, True), (6, 0.7, False)],
)
def test_small_and_faint_pieces_become_background(size: int, peak: float, kept: bool) -> None:
    given = blot(size, peak)
    lowered = lower_specks(given, level=0.5, smallest=30)
    piece = np.s_[20 : 20 + size, 40 : 40 + size]
    np.testing.assert_allclose(lowered[piece], peak if kept else 1 - peak, atol=1e-6)
    lowered[piece] = peak
    np.testing.assert_array_equal(lowered, given)


def test_faint_is_relative_to_the_surest_pixel() -> None:
    faint = np.where(blot(6, 0.7) > 0.9, np.float32(0.75), blot(6, 0.7))
    np.testing.assert_array_equal(lower_specks(faint, level=0.5, smallest=30), faint)


def test_nothing_above_the_level_stays_as_it_is() -> None:
    nothing = np.full((5, 6), 0.5, np.float32)
    np.testing.assert_array_equal(lower_specks(nothing, level=0.5, smallest=30), nothing)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), smallest=st.floats(0, 80), sigma=st.floats(0.3, 4))
def test_every_piece_goes_or_stays_as_a_whole(seed: int, smallest: float, sigma: float) -> None:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(40, 50)), sigma)
    given = (1 / (1 + np.exp(-6 * noise / noise.std()))).astype(np.float32)
    lowered = lower_specks(given, level=0.5, smallest=smallest)
    assert lowered.dtype == np.float32
    assert not ((lowered > 0.5) & (given <= 0.5)).any()
    pieces, count = ndimage.label(given > 0.5)
    for piece in range(1, count + 1):
        assert len(np.unique(lowered[pieces == piece] > 0.5)) == 1
    left = lowered > 0.5
    np.testing.assert_array_equal(without_specks(left, smallest), left)

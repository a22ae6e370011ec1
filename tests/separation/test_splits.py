"""How a split begins, moves and is judged."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mosaic import QUICK
from numpy.typing import NDArray
from scipy import ndimage

from gaussian_inpainter import GaussianInpainter
from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.networks.morphology import band
from napari_inpaintaff.separation import SeparationParameters
from napari_inpaintaff.separation.information_gain import (
    reassign,
    relative_information_gain,
    smoothing_matrices,
    split_evidence,
)
from napari_inpaintaff.separation.splits import (
    SplitBatch,
    first_half,
    orientation,
    spaced_lattices,
)

MASKS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=24))


def run_split(
    image: NDArray[np.float32],
    parameters: SeparationParameters,
    *,
    horizontal: bool,
    region: NDArray[np.bool_] | None = None,
    inpainter: GaussianInpainter | None = None,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    batch = SplitBatch(inpainter or GaussianInpainter(), parameters)
    whole = np.ones(image.shape, bool)
    chosen = whole if region is None else region
    batch.start([0], image[None], whole[None], chosen[None], [horizontal])
    while True:
        for result in batch.step():
            assert result.slot == 0
            if result.sides is None:
                return None
            return result.sides


def two_halves(border: int, *, noise: float = 0.05, seed: int = 0) -> NDArray[np.float32]:
    """Brightness 1 left of a column and 3 right of it."""
    image = np.where(np.arange(64) < border, 1.0, 3.0)[None].repeat(64, 0)
    return (image + np.random.default_rng(seed).normal(0, noise, image.shape)).astype(np.float32)


@pytest.mark.parametrize("border", [25, 29, 32, 38])
@pytest.mark.parametrize("transposed", [False, True])
def test_a_split_finds_the_border_that_its_first_half_missed(border: int, transposed: bool) -> None:
    image = two_halves(border)
    if transposed:
        image = np.ascontiguousarray(image.T)
    sides = run_split(image, SeparationParameters(), horizontal=transposed)
    assert sides is not None
    expected = image < 2
    assert (sides[0] == expected).mean() > 0.999
    np.testing.assert_array_equal(sides[1], ~sides[0])


def test_the_sign_printed_in_equation_11_moves_away_from_the_border(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = two_halves(27)

    def printed(*tensors: torch.Tensor) -> torch.Tensor:
        gain, *rest = tensors
        return reassign(-gain, *rest)

    monkeypatch.setattr("napari_inpaintaff.separation.splits.reassign", printed)
    sides = run_split(image, SeparationParameters(minimum_gain=-100), horizontal=False)
    assert sides is None or (sides[0] == (image < 2)).mean() < 0.95


def test_a_pixel_goes_to_the_side_that_predicts_it_better() -> None:
    side = torch.tensor([[[True, True, False, False]] * 4])
    hidden = torch.tensor([[[False, True, True, False]] * 4])
    gain = torch.tensor([[[9.0, 1.0, -1.0, -9.0], [0, -1, 1, 0], [0, 0, 0, 0], [0, 5, 5, 0]]])
    moved = reassign(gain, side, hidden, smoothing_matrices(4, ()))
    expected = [[1, 0, 1, 0], [1, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0]]
    np.testing.assert_array_equal(moved[0], np.array(expected, bool))


def test_an_even_image_is_not_split() -> None:
    noise = np.random.default_rng(0).normal(2, 0.05, (64, 64)).astype(np.float32)
    assert run_split(noise, SeparationParameters(), horizontal=True) is None


def test_pixels_outside_the_region_are_neither_moved_nor_seen() -> None:
    image = two_halves(30)
    rows, columns = np.indices(image.shape)
    region = np.hypot(rows - 32, columns - 32) < 24
    loud = np.where(region, image, 1000).astype(np.float32)
    quiet = run_split(image, SeparationParameters(), horizontal=False, region=region)
    outside = run_split(loud, SeparationParameters(), horizontal=False, region=region)
    assert quiet is not None
    assert outside is not None
    np.testing.assert_array_equal(quiet[0], outside[0])
    np.testing.assert_array_equal(quiet[0] | quiet[1], region)


def test_a_region_that_loses_a_side_is_not_split() -> None:
    # Nothing but the prior is in the right half, so the left one is never predicted from it.
    image = np.full((64, 64), 2, np.float32)
    strict = SeparationParameters(minimum_side=2049)
    assert run_split(image, strict, horizontal=True) is None


def test_the_gain_of_a_band_is_the_difference_of_two_log_likelihoods() -> None:
    inpainter = GaussianInpainter(sigma=1.5)
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(3, 16, 16, generator=generator)
    observed = torch.rand(3, 16, 16, generator=generator) < 0.9
    side = torch.zeros(3, 16, 16, dtype=torch.bool)
    side[:, :, :7] = True
    region = torch.rand(3, 16, 16, generator=generator) < 0.9
    side, other = side & region, ~side & region
    hidden = band(side, other, torch.tensor([2, 2, 2]), 2)
    gain = relative_information_gain(inpainter, values, observed, side, other, hidden)
    assert inpainter.calls == [(6, 16, 16)], "both conditionals of all samples in one batch"
    for i in range(3):
        from_side = inpainter.errors(values[i, None], (side & ~hidden & observed)[i, None])[0]
        from_other = inpainter.errors(values[i, None], (other & ~hidden & observed)[i, None])[0]
        expected = torch.where((hidden & observed)[i], from_side - from_other, 0)
        torch.testing.assert_close(gain[i], expected)


def test_evidence_is_the_mean_advantage_of_the_own_side() -> None:
    side = torch.tensor([[[True, True], [False, False]]] * 2)
    hidden = torch.tensor([[[False, True], [True, True]], [[False, False], [False, False]]])
    gain = torch.tensor([[[0.0, -3.0], [2.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]]])
    assert split_evidence(gain, side, hidden).tolist() == [3.0, 0.0]


@settings(deadline=None)
@given(seed=st.integers(-(2**70), 2**70), y=st.integers(-64, 10**6), depth=st.integers(0, 30))
def test_orientation_depends_on_its_arguments_only(seed: int, y: int, depth: int) -> None:
    assert orientation(seed, (y, -y), depth) == orientation(seed, [y, -y], depth)


def test_orientation_is_a_fair_coin_along_every_argument() -> None:
    draws = {
        (seed, y, x, depth): orientation(seed, (y, x), depth)
        for seed, y, x, depth in product(
            range(8), range(-32, 224, 32), range(-32, 224, 32), range(8)
        )
    }
    assert 0.47 < np.mean(list(draws.values())) < 0.53
    for axis in range(4):
        shares = Counter[int]()
        for key, draw in draws.items():
            shares[key[axis]] += draw
        assert all(0.42 < share / (len(draws) / 8) < 0.58 for share in shares.values())
    step = ((0, 0, 0, 1), (0, 0, 32, 0), (0, 32, 0, 0), (1, 0, 0, 0))
    for move in step:
        pairs = [
            (draw, draws[other])
            for key, draw in draws.items()
            if (other := tuple(a + b for a, b in zip(key, move, strict=True))) in draws
        ]
        assert 0.45 < np.mean([a == b for a, b in pairs]) < 0.55


@settings(deadline=None)
@given(mask=MASKS, horizontal=st.booleans())
def test_first_halves_are_as_even_as_whole_lines_allow(
    mask: NDArray[np.bool_], horizontal: bool
) -> None:
    assume(mask.any())
    half = first_half(mask, horizontal=horizontal)
    lines = mask.sum(1 if horizontal else 0)
    assert not (half & ~mask).any()
    # All that is cut off lies behind all that is kept.
    kept, cut = (np.nonzero(m.any(1 if horizontal else 0))[0] for m in (half, mask & ~half))
    assert not len(kept) or not len(cut) or kept.max() < cut.min()
    best = np.abs(np.cumsum(lines) - mask.sum() / 2).min()
    assert abs(int(half.sum()) - mask.sum() / 2) == best
    assert best <= lines.max() / 2


def test_the_band_narrows_as_published() -> None:
    assert SeparationParameters(iterations=12, distance=8).band_distances() == (
        *(8, 1, 8, 1, 8, 1),
        *(8, 1, 5, 1, 3, 1),
    )
    assert SeparationParameters(iterations=1, distance=8).band_distances() == (8,)


@settings(deadline=None)
@given(iterations=st.integers(1, 40), distance=st.integers(1, 31))
def test_every_second_band_is_one_pixel_and_the_others_never_widen(
    iterations: int, distance: int
) -> None:
    widths = SeparationParameters(iterations=iterations, distance=distance).band_distances()
    assert len(widths) == iterations
    assert set(widths[1::2]) <= {1}
    wide = widths[::2]
    assert list(wide) == sorted(wide, reverse=True)
    assert min(wide) >= 1
    assert set(wide[: (iterations + 2) // 4]) <= {distance}


@pytest.mark.parametrize("sigma", [0.1, 1.0, 2.5])
def test_smoothing_is_scipys_gaussian_in_the_interior(sigma: float) -> None:
    rng = np.random.default_rng(0)
    errors = rng.normal(size=(64, 64)).astype(np.float32)
    (matrix,) = smoothing_matrices(64, (sigma,)).numpy()
    expected = ndimage.gaussian_filter(
        errors.astype(float), sigma, mode="constant", truncate=50 / sigma
    )
    interior = (slice(15, -15), slice(15, -15))
    np.testing.assert_allclose((matrix @ errors @ matrix)[interior], expected[interior], atol=1e-5)


def test_smoothing_takes_no_heed_of_borders() -> None:
    (matrix,) = smoothing_matrices(33, (3.0,)).numpy()
    smooth = matrix @ np.ones((33, 33), np.float32) @ matrix
    assert smooth[16, 16] == pytest.approx(1, abs=1e-4)
    assert smooth[0, 16] == pytest.approx(0.5 + matrix[0, 0] / 2, abs=1e-3)
    assert smoothing_matrices(8, ()).shape == (0, 8, 8)


@settings(deadline=None, max_examples=50)
@given(cut=MASKS, region=st.integers(0, 3), distance=st.integers(1, 9))
def test_the_band_is_within_a_chebyshev_distance_of_both_sides(
    cut: NDArray[np.bool_], region: int, distance: int
) -> None:
    inside = np.ones(cut.shape, bool)
    inside[:region] = False
    side, other = cut & inside, ~cut & inside
    found = band(
        torch.from_numpy(side)[None], torch.from_numpy(other)[None], torch.tensor([distance]), 9
    )
    expected = inside.copy()
    for half in (side, other):
        near = np.zeros_like(half)
        for y, x in np.argwhere(half):
            near[
                max(0, y - distance) : y + distance + 1, max(0, x - distance) : x + distance + 1
            ] = True
        expected &= near
    np.testing.assert_array_equal(found[0].numpy(), expected)


@pytest.mark.parametrize(
    "wrong",
    [
        {"patch": 0},
        {"stride": 33},
        {"iterations": 0},
        {"distance": 16},
        {"batch": 0},
        {"minimum_side": 0},
        {"sigmas": (1.0, 0.0)},
        {"sigmas": (float("nan"),)},
        {"offsets": ()},
        {"offsets": ((0, 0),)},
    ],
)
def test_parameters_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ParameterError, match=r"must|leaves nothing"):
        replace(QUICK, **wrong)


def test_other_choices_of_appendix_a() -> None:
    published = SeparationParameters(iterations=8, distance=8)
    assert replace(published, steady=1.0).band_distances() == (8, 1, 8, 1, 8, 1, 8, 1)
    assert replace(published, steady=0.0).band_distances() == (8, 1, 6, 1, 4, 1, 2, 1)
    assert replace(published, interleaved=False).band_distances() == (8, 8, 8, 8, 8, 6, 4, 2)
    for change in ({"steady": 1.5}, {"steady": -0.1}, {"spacing": 0}):
        with pytest.raises(ParameterError, match=r"steady|spacing"):
            SeparationParameters(**change)


@pytest.mark.parametrize("spacing", [1, 2, 3])
def test_every_pixel_is_in_one_lattice(spacing: int) -> None:
    lattices = spaced_lattices(12, spacing)
    assert len(lattices) == spacing**2
    assert (lattices.sum(0) == 1).all()
    for lattice in lattices.numpy():
        rows, columns = np.nonzero(lattice)
        assert len({int(row) % spacing for row in rows}) == 1
        assert len({int(column) % spacing for column in columns}) == 1


@pytest.mark.parametrize("spacing", [2, 3])
def test_a_sparse_band_keeps_a_border_that_is_right(spacing: int) -> None:
    image = two_halves(32)
    sides = run_split(image, SeparationParameters(spacing=spacing), horizontal=False)
    assert sides is not None
    np.testing.assert_array_equal(sides[0], image < 2)


def test_only_pixels_of_the_lattice_move() -> None:
    image = two_halves(29)
    batch = SplitBatch(GaussianInpainter(), SeparationParameters(spacing=2))
    whole = np.ones((1, *image.shape), bool)
    batch.start([0], image[None], whole, whole, [False])
    before = batch.side[0].clone()
    batch.step()
    moved = before ^ batch.side[0]
    lattice = spaced_lattices(64, 2)[0]
    assert moved.any()
    assert not (moved & ~lattice).any()
    assert not (batch.hidden[0] & ~lattice).any()

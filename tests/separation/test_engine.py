"""What the affinities of an image depend on, and what they must not depend on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
from mosaic import QUICK, mosaic
from numpy.typing import NDArray

from gaussian_inpainter import GaussianInpainter
from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images import origins_with, patch_grids
from napari_inpaintaff.separation import (
    AffinityDraft,
    SeparationParameters,
    SplitUpdate,
    affinities_from_labels,
    compute_affinities,
    iterate_affinities,
)
from napari_inpaintaff.separation import engine as engine_module
from napari_inpaintaff.separation import stream as stream_module
from napari_inpaintaff.separation.splits import orientation


def separate(
    image: NDArray[np.float32],
    parameters: SeparationParameters = QUICK,
    *,
    wanted: NDArray[np.bool_] | None = None,
    previous: Affinities | None = None,
) -> Affinities:
    return compute_affinities(
        image, GaussianInpainter(), parameters, wanted=wanted, previous=previous
    )


def assert_equal(first: Affinities, second: Affinities) -> None:
    assert first.offsets == second.offsets
    np.testing.assert_array_equal(first.weight, second.weight)
    np.testing.assert_array_equal(first.values, second.values)


def test_areas_of_unlike_brightness_come_apart() -> None:
    image, labels = mosaic((64, 64), seed=0, areas=6)
    found = separate(image, SeparationParameters())
    truth = affinities_from_labels(labels)
    inner = [k for k, offset in enumerate(found.offsets) if max(map(abs, offset)) == 1]
    cut = truth.values[inner] == 0
    known = truth.weight[inner] > 0
    assert found.values[inner][known & ~cut].mean() > 0.97
    assert found.values[inner][known & cut].mean() < 0.3


def test_every_pair_has_the_opinion_of_every_patch_that_holds_both() -> None:
    image, _ = mosaic((24, 40), seed=1)
    found = separate(image)
    per_axis = QUICK.patch // QUICK.stride
    local = found.weight[0]
    assert set(np.unique(local[1:])) <= set(range(1, per_axis**2 + 1))
    assert not local[0].any(), "row 0 has no partner above it"
    assert local[1:].max() == per_axis**2
    pairs = affinities_from_labels(np.zeros(image.shape, int), QUICK.offsets)
    np.testing.assert_array_equal(found.weight > 0, pairs.weight > 0)
    assert found.values.min() >= 0
    assert found.values.max() <= 1
    assert not found.values[found.weight == 0].any()


def test_the_size_of_the_batch_does_not_matter() -> None:
    image, _ = mosaic((40, 40), seed=2)
    expected = separate(image)
    for batch in (1, 4):
        assert_equal(separate(image, replace(QUICK, batch=batch)), expected)


def test_on_a_cpu_free_slots_cost_little_and_there_are_few_sizes_of_batches() -> None:
    image, _ = mosaic((40, 40), seed=2)
    inpainter = GaussianInpainter()
    compute_affinities(image, inpainter, replace(QUICK, batch=5))
    samples = {shape[0] for shape in inpainter.calls if shape[1] == QUICK.patch}
    assert max(samples) == 10, "two conditionals of every slot"
    assert samples <= {2, 4, 8, 10}, "powers of two, or all"
    assert min(samples) < 10, "the last splits are not computed with nothing beside them"


def test_the_order_of_the_patches_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    image, _ = mosaic((40, 40), seed=3)
    expected = separate(image)
    original = engine_module.patch_grids

    def backwards(*arguments: object) -> Sequence[Sequence[tuple[int, int]]]:
        return [grid[::-1] for grid in original(*arguments)[::-1]]  # type: ignore[arg-type]

    monkeypatch.setattr(engine_module, "patch_grids", backwards)
    assert_equal(separate(image), expected)


def test_another_seed_gives_other_first_halves() -> None:
    image, _ = mosaic((40, 40), seed=3)
    assert (separate(image).values != separate(image, replace(QUICK, seed=1)).values).any()
    assert_equal(separate(image, replace(QUICK, seed=1)), separate(image, replace(QUICK, seed=1)))


def test_affinities_do_not_depend_on_what_else_is_wanted() -> None:
    image, labels = mosaic((48, 56), seed=4)
    everything = separate(image)
    wanted = np.isin(labels, (2, 3, 5))
    some = separate(image, wanted=wanted)
    np.testing.assert_array_equal(some.weight, everything.weight * wanted)
    np.testing.assert_array_equal(some.values, everything.values * wanted)


def test_less_is_computed_for_fewer_wanted_pixels() -> None:
    image, _ = mosaic((96, 96), seed=4)
    wanted = np.zeros(image.shape, bool)
    wanted[:20, :20] = True
    whole, part = GaussianInpainter(), GaussianInpainter()
    compute_affinities(image, whole, QUICK)
    compute_affinities(image, part, QUICK, wanted=wanted)
    assert len(part.calls) < len(whole.calls) / 2


def test_growing_equals_computing_at_once() -> None:
    image, labels = mosaic((48, 56), seed=5)
    small, large = labels < 4, labels < 9
    first = separate(image, wanted=small)
    grown = separate(image, wanted=large, previous=first)
    assert_equal(grown, separate(image, wanted=large))


def test_shrinking_keeps_what_is_known_and_computes_nothing() -> None:
    image, labels = mosaic((40, 40), seed=5)
    first = separate(image, wanted=labels < 9)
    inpainter = GaussianInpainter()
    again = compute_affinities(image, inpainter, QUICK, wanted=labels < 4, previous=first)
    assert inpainter.calls == []
    assert_equal(again, first)


def test_a_tile_has_the_affinities_of_the_whole_image(monkeypatch: pytest.MonkeyPatch) -> None:
    image, _ = mosaic((112, 128), seed=6, areas=30)
    whole = separate(image)
    corner = (2 * QUICK.stride, QUICK.stride)
    tile = image[corner[0] : corner[0] + 80, corner[1] : corner[1] + 96]

    def in_the_image(seed: int, origin: Sequence[int], depth: int) -> bool:
        return orientation(seed, (origin[0] + corner[0], origin[1] + corner[1]), depth)

    monkeypatch.setattr(stream_module, "orientation", in_the_image)
    part = separate(tile)
    # Patches that hold a pixel this far inside lie in the tile; so do all its partners.
    margin = QUICK.patch
    inner = np.s_[:, margin : 80 - margin, margin : 96 - margin]
    there = np.s_[
        :,
        corner[0] + margin : corner[0] + 80 - margin,
        corner[1] + margin : corner[1] + 96 - margin,
    ]
    assert part.values[inner].size > 0
    np.testing.assert_array_equal(part.values[inner], whole.values[there])
    np.testing.assert_array_equal(part.weight[inner], whole.weight[there])


def test_unknown_pixels_have_affinities_and_do_not_poison_their_neighbours() -> None:
    image, labels = mosaic((64, 64), seed=7, areas=6)
    holes = np.random.default_rng(0).random(image.shape) < 0.02
    damaged = image.copy()
    damaged[holes] = np.nan
    parameters = SeparationParameters()
    found, expected = separate(damaged, parameters), separate(image, parameters)
    assert np.isfinite(found.values).all()
    np.testing.assert_array_equal(found.weight, expected.weight)
    assert np.abs(found.values - expected.values).mean() < 0.05
    truth = affinities_from_labels(labels).values[0]
    at_holes = holes & (found.weight[0] > 0)
    assert np.abs(found.values[0] - truth)[at_holes].mean() < 0.2


def test_infinite_intensities_are_unknown() -> None:
    image, _ = mosaic((40, 40), seed=8)
    infinite = image.copy()
    infinite[5, 7], infinite[30, 20] = np.inf, -np.inf
    unknown = np.where(np.isfinite(infinite), infinite, np.float32(np.nan))
    found, expected = (
        compute_affinities(each, GaussianInpainter(estimate=True), QUICK)
        for each in (infinite, unknown)
    )
    assert_equal(found, expected)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (3, 3), (6, 40), (20, 20)])
def test_images_smaller_than_a_patch_are_taken_apart(shape: tuple[int, int]) -> None:
    image, _ = mosaic(shape, seed=9, areas=3)
    found = separate(image)
    assert found.shape == shape
    pairs = affinities_from_labels(np.zeros(shape, int), QUICK.offsets)
    np.testing.assert_array_equal(found.weight > 0, pairs.weight > 0)


def test_an_even_plane_stays_whole() -> None:
    image = np.full((40, 40), 7, np.uint16)
    found = compute_affinities(image, GaussianInpainter(estimate=True), QUICK)
    assert (found.values[found.weight > 0] == 1).all()


def test_integers_and_floats_of_the_same_intensities_are_the_same() -> None:
    image = (mosaic((40, 40), seed=10)[0] * 100).clip(0).astype(np.uint16)
    inpainter = GaussianInpainter(estimate=True)
    assert_equal(
        compute_affinities(image, inpainter, QUICK),
        compute_affinities(image.astype(np.float64), inpainter, QUICK),
    )


def test_nothing_wanted_is_nothing_computed() -> None:
    image, _ = mosaic((40, 40), seed=10)
    inpainter = GaussianInpainter()
    found = compute_affinities(image, inpainter, QUICK, wanted=np.zeros(image.shape, bool))
    assert inpainter.calls == []
    assert not found.weight.any()


def test_updates_come_after_every_batch_and_tell_what_is_going_on() -> None:
    image, _ = mosaic((40, 40), seed=11)
    inpainter = GaussianInpainter()
    updates: list[SplitUpdate] = []
    for update in iterate_affinities(image, inpainter, QUICK):
        if isinstance(update, SplitUpdate):
            updates.append(update)
        assert len(inpainter.calls) == len(updates)
    assert [u.done for u in updates] == sorted(u.done for u in updates)
    assert {u.total for u in updates} == {16}
    assert updates[-1].done < 16
    for update in updates:
        assert update.state.shape == update.band.shape
        assert update.state.shape in {(size, size) for size in QUICK.windows()}
        assert update.state.dtype == np.int8
        assert set(np.unique(update.state)) <= {0, 1, 2}
        assert (update.state[update.band] > 0).all()
        assert 1 <= update.iteration <= QUICK.iterations
        assert update.depth >= 0
        assert update.zoom == 1
        assert np.isfinite(update.gain)
        assert all(-QUICK.patch < start < 40 for start in update.origin)


def test_one_split_is_shown_from_its_first_iteration_to_its_last() -> None:
    image, _ = mosaic((40, 40), seed=11)
    run = iterate_affinities(image, GaussianInpainter(), QUICK)
    updates = [update for update in run if isinstance(update, SplitUpdate)]
    seen: dict[int, list[SplitUpdate]] = {}
    for update in updates:
        seen.setdefault(update.split, []).append(update)
    assert len(seen) > 10
    for steps in seen.values():
        assert len({(step.patch, step.depth, step.origin, step.iterations) for step in steps}) == 1
        # The last one measures the evidence for what came out.
        assert [step.ended for step in steps] == [False] * (len(steps) - 1) + [True]
        first = steps[0].iteration
        expected = [*range(first, QUICK.iterations + 1), QUICK.iterations]
        iterations = [step.iteration for step in steps]
        assert iterations == expected[: len(steps)], "none is left out"
    assert sum(steps[0].iteration == 1 for steps in seen.values()) > 0.5 * len(seen)
    assert {step.patch for step in updates} <= set(range(1, 17))
    assert {step.iterations for step in updates} == {QUICK.iterations}


def test_the_first_grid_is_finished_before_anything_else_is_begun() -> None:
    image, labels = mosaic((72, 90), seed=12, areas=20)
    wanted = labels % 4 > 0
    begun: set[tuple[int, int]] = set()
    drafts: list[tuple[AffinityDraft, Affinities]] = []
    run = iterate_affinities(image, GaussianInpainter(), QUICK, wanted=wanted)
    for update in run:
        if isinstance(update, AffinityDraft):
            drafts.append((update, update.affinities()))
        elif len(drafts) < 2:
            begun.add(update.origin)  # of a window, somewhere in a patch
    (sketch, sketched), (draft, first) = drafts
    assert sketch.done < draft.done, "the patches were split in a few parts only"
    np.testing.assert_array_equal(sketched.weight, first.weight)
    together = sketched.weight > 0
    assert (sketched.values - first.values)[together].min() >= -1e-6, "parts are split further"
    assert (sketched.values < 1).any(), "but they are parts"
    # Patches of 32 on a grid of 32 touch: only two of the four grids hold all neighbours.
    grids = patch_grids((72, 90), QUICK.patch, QUICK.stride)[:2]
    urgent = origins_with(wanted, list(chain.from_iterable(grids)), QUICK.patch)
    assert draft.done == len(urgent) < 0.7 * draft.total
    assert {(y // 8, x // 8) for y, x in begun} <= {
        (y // 8 + v, x // 8 + u) for y, x in urgent for v in range(3) for u in range(3)
    }
    final = separate(image, wanted=wanted)
    known = final.weight[:2] > 0
    np.testing.assert_array_equal(first.weight[:2] > 0, known)
    assert (first.weight <= final.weight).all()
    assert np.abs(first.values - final.values)[:2][known].mean() < 0.2


def test_a_run_that_is_not_continued_computes_nothing_more() -> None:
    image, _ = mosaic((40, 40), seed=11)
    inpainter = GaussianInpainter()
    run = iterate_affinities(image, inpainter, QUICK)
    next(run)
    next(run)
    run.close()
    assert len(inpainter.calls) == 2


def test_inputs_are_left_as_they_were() -> None:
    image, labels = mosaic((40, 40), seed=12)
    before, wanted = image.copy(), labels < 5
    first = separate(image, wanted=wanted)
    kept = first.values.copy(), first.weight.copy(), wanted.copy()
    separate(image, wanted=np.ones(image.shape, bool), previous=first)
    np.testing.assert_array_equal(image, before)
    for now, then in zip((first.values, first.weight, wanted), kept, strict=True):
        np.testing.assert_array_equal(now, then)


def test_wrong_inputs_are_refused_before_any_work() -> None:
    image, _ = mosaic((40, 40), seed=12)
    inpainter = GaussianInpainter(estimate=True)
    known = separate(image)
    others = replace(QUICK, offsets=QUICK.offsets[:2])
    with pytest.raises(ImageError, match="plane"):
        compute_affinities(image[None], inpainter)
    with pytest.raises(ImageError, match="plane"):
        compute_affinities(image[:0], inpainter)
    with pytest.raises(ImageError, match="no finite pixel"):
        compute_affinities(np.full((40, 40), np.nan), inpainter)
    with pytest.raises(ImageError, match="wanted"):
        compute_affinities(image, inpainter, wanted=np.ones((40, 41), bool))
    with pytest.raises(ImageError, match="not of this image"):
        compute_affinities(image[:30], inpainter, QUICK, previous=known)
    with pytest.raises(ImageError, match="other offsets"):
        compute_affinities(image, inpainter, others, previous=known)
    with pytest.raises(ImageError, match="other offsets"):
        compute_affinities(image, inpainter, QUICK, previous=known, diameter=50)
    assert inpainter.calls == []

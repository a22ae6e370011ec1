"""Distillation: what a student learns from, what is held out, and that it learns."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mosaic import QUICK, mosaic
from numpy.typing import NDArray
from tiny_student import OFFSETS, random_inpainter, random_network, random_student
from torch import Tensor, nn

from gaussian_inpainter import GaussianInpainter
from generators import finish
from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.images import Plane, planes_of
from napari_inpaintaff.inpainting import Inpainter, InpainterMetadata
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks import UNetArchitecture
from napari_inpaintaff.separation import (
    AffNet,
    AffNetMetadata,
    Distillation,
    DistillationUpdate,
    Student,
    affinities_from_labels,
    compute_affinities,
    compute_student_affinities,
    distill,
    iterate_leaves,
)
from napari_inpaintaff.separation.distillation_held_out import held_out_pixels
from napari_inpaintaff.separation.distillation_patches import (
    StudyImage,
    sample_patches,
    take_apart,
)
from napari_inpaintaff.separation.held_out_pairs import HeldOutPairs
from napari_inpaintaff.separation.pair_questions import PatchSampler, Questions, pair_loss
from napari_inpaintaff.separation.training_patches import Patches

pytestmark = pytest.mark.usefixtures("one_thread")

SHORT = Distillation(patches=24, steps=40, batch=8, separation=QUICK)
SIDE = QUICK.patch


class TinyTeacher(GaussianInpainter):
    """Splits well without training; a student of it is a small U-Net."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        network = random_inpainter(UNetArchitecture("plain", (8, 16), stem=2))
        self.weights = network.weights
        self.metadata = InpainterMetadata("tiny", network.metadata.architecture)


def plane(image: NDArray[Any], name: str = "image") -> Plane:
    return planes_of(image, name)[0]


def patches_of(*images: StudyImage, seed: int = 0, count: int = 24, **options: Any) -> Patches:
    distillation = replace(SHORT, seed=seed, patches=count)
    return finish(sample_patches(images, TinyTeacher(), distillation, **options))[1]


def test_patches_lie_where_the_foreground_is() -> None:
    images, foregrounds = [], []
    for seed, part in enumerate((0.5, 0.1, 0.0)):
        images.append(mosaic((90, 70), seed=seed)[0])
        foregrounds.append(np.zeros((90, 70), bool))
        foregrounds[-1][: round(90 * part), 20:50] = True
    studied = [StudyImage(plane(i), f) for i, f in zip(images, foregrounds, strict=True)]
    patches = patches_of(*studied, count=60)
    assert 50 < len(patches) <= 60
    assert patches.wanted.any((1, 2)).all()
    assert np.bincount(patches.image, minlength=3).tolist()[2] == 0
    assert 3 < np.mean(patches.image == 0) / np.mean(patches.image == 1) < 8
    assert len(
        {(i, *o) for i, o in zip(patches.image, patches.origin.tolist(), strict=True)}
    ) == len(patches)
    for index in range(len(patches)):
        y, x = patches.origin[index]
        assert 0 <= y <= 90 - SIDE
        assert 0 <= x <= 70 - SIDE
        window = slice(y, y + SIDE), slice(x, x + SIDE)
        np.testing.assert_array_equal(patches.values[index], images[patches.image[index]][window])
        np.testing.assert_array_equal(
            patches.wanted[index], foregrounds[patches.image[index]][window]
        )
    assert not np.array_equal(patches.origin, patches_of(*studied, seed=1, count=60).origin[:60])


def test_images_smaller_than_a_patch_are_surrounded_by_the_unknown() -> None:
    image = mosaic((20, 50), seed=0)[0]
    image[3, 4] = np.nan
    patches = patches_of(StudyImage(plane(image)))
    assert len(patches) > 4
    for index in range(len(patches)):
        y, x = patches.origin[index]
        assert -12 <= y <= 0
        assert 0 <= x <= 18
        inside = np.isfinite(patches.values[index])
        assert inside.sum() == 20 * SIDE - (x <= 4)
        np.testing.assert_array_equal(patches.wanted[index], inside)


def test_cells_of_another_size_are_resampled_with_foreground_and_labels() -> None:
    image, labels = mosaic((64, 64), seed=3, areas=5)
    large, truth = np.kron(image, np.ones((2, 2))), np.kron(labels + 1, np.ones((2, 2), int))
    studied = StudyImage(plane(large), truth == 2, np.where(truth == 4, truth, 0))
    patches = patches_of(studied, diameter=50)
    for index in range(len(patches)):
        y, x = patches.origin[index]
        window = slice(y, y + SIDE), slice(x, x + SIDE)
        np.testing.assert_array_equal(patches.labels[index], 4 * (labels[window] == 3))
        np.testing.assert_array_equal(patches.wanted[index], np.isin(labels[window], (1, 3)))


def test_a_quarter_of_the_patches_is_drawn_around_labels() -> None:
    image = mosaic((200, 200), seed=0)[0]
    labels = np.zeros(image.shape, int)
    labels[100:104, 100:104] = 7
    patches = patches_of(StudyImage(plane(image), None, labels), count=80)
    labelled = (patches.labels == 7).any((1, 2))
    assert 20 <= labelled.sum() < 35
    assert 75 <= len(patches) <= 80


def test_the_leaves_are_those_of_the_engine() -> None:
    images = [mosaic((64, 80), seed=seed)[0] for seed in range(2)]
    patches = patches_of(*(StudyImage(plane(image)) for image in images), count=12)
    updates, taken = finish(take_apart(patches, TinyTeacher(), SHORT))
    assert {update.total for update in updates} == {len(patches)}
    np.testing.assert_array_equal(taken.origin, patches.origin)
    assert taken.leaves.min() == 1
    assert taken.leaves.max((1, 2)).mean() > 2
    assert not patches.leaves.any()
    for index in range(len(taken)):
        # Alone in an image of its own, at the place where it stood in the heap of patches: the
        # coins depend on the place.
        heap = np.full(((index + 1) * SIDE, SIDE), np.nan, np.float32)
        heap[-SIDE:] = taken.values[index]
        place = (index * SIDE, 0)
        alone = finish(iterate_leaves(heap, [place], TinyTeacher(), QUICK))[1][0]
        # Leaves are numbered as they come.
        pairs = affinities_from_labels(taken.leaves[index]), affinities_from_labels(alone.leaves)
        np.testing.assert_array_equal(pairs[0].values, pairs[1].values)


def test_a_stop_keeps_the_patches_that_are_finished() -> None:
    patches = patches_of(StudyImage(plane(mosaic((96, 96), seed=0)[0])))
    asked = iter([False] * 60 + [True])
    taken = finish(take_apart(patches, TinyTeacher(), SHORT, stop=lambda: next(asked)))[1]
    whole = finish(take_apart(patches, TinyTeacher(), SHORT))[1]
    assert 0 < len(taken) < len(patches)
    kept = [
        np.flatnonzero((whole.origin == origin).all(1) & (whole.image == image))[0]
        for origin, image in zip(taken.origin, taken.image, strict=True)
    ]
    assert kept == sorted(kept)
    np.testing.assert_array_equal(taken.leaves, whole.leaves[kept])


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 999), part=st.floats(0, 0.9))
def test_what_is_held_out_is_held_out_of_every_patch(seed: int, part: float) -> None:
    image = np.zeros((150, 130), np.float32)
    labels = np.zeros(image.shape, int)
    labels[40:50, 70] = 1
    patches = patches_of(StudyImage(plane(image), None, labels), seed=seed, count=40)
    pixels, inside = held_out_pixels(patches, part, seed)
    in_image = np.zeros(image.shape, bool)
    for origin, held in zip(patches.origin, pixels, strict=True):
        in_image[origin[0] : origin[0] + SIDE, origin[1] : origin[1] + SIDE] |= held
    for origin, held, within in zip(patches.origin, pixels, inside, strict=True):
        window = in_image[origin[0] : origin[0] + SIDE, origin[1] : origin[1] + SIDE]
        np.testing.assert_array_equal(held, window)
        assert within == held[SIDE // 2, SIDE // 2]
    assert not in_image[labels > 0].any()
    assert inside.any() == (part > 0)
    assert not inside.all()
    if part > 0.3:
        assert 0.2 * part < inside.mean() < 1.7 * part


def some_questions(seed: int = 0, *, labelled: float = 0.0) -> tuple[Patches, NDArray[np.bool_]]:
    """Patches of noise, as if they had been taken apart, and where pairs may be."""
    random = np.random.default_rng(seed)
    shape = (4, 20, 20)
    patches = Patches(
        image=np.zeros(4, np.int64),
        origin=np.zeros((4, 2), np.int64),
        values=random.normal(size=shape).astype(np.float32),
        wanted=random.random(shape) < 0.7,
        labels=(random.integers(1, 4, shape) * (random.random(shape) < labelled)).astype(np.int32),
        leaves=random.integers(1, 4, shape).astype(np.int16),
    )
    patches.values[random.random(shape) < 0.1] = np.nan
    return patches, random.random(shape) < 0.8


def test_answers_are_the_affinities_of_the_leaves() -> None:
    patches, allowed = some_questions()
    questions = PatchSampler(patches, allowed, stride=8, seed=0).take(np.arange(4), inner=False)
    assert questions.values.shape == (4, 24, 24)
    same, weight = questions.answers(QUICK.offsets)
    usable = allowed & np.isfinite(patches.values)
    for index in range(4):
        expected = affinities_from_labels(patches.leaves[index], QUICK.offsets)
        counts = same[index, :, :20, :20].numpy(), weight[index, :, :20, :20].numpy()
        first = usable[index] & patches.wanted[index]
        for k, (y, x) in enumerate(QUICK.offsets):
            partner = np.roll(usable[index], (-y, -x), (0, 1)) & (expected.weight[k] > 0)
            np.testing.assert_array_equal(counts[1][k] > 0, first & partner)
            chosen = counts[1][k] > 0
            np.testing.assert_array_equal(counts[0][k][chosen], expected.values[k][chosen])
    assert not weight[:, :, 20:].any()
    assert not weight[:, :, :, 20:].any()


def test_the_user_is_believed_more_than_the_inpainter() -> None:
    patches, allowed = some_questions(labelled=0.5)
    questions = PatchSampler(patches, allowed, stride=1, seed=0).take(np.arange(4), inner=True)
    same, weight = questions.answers(((0, 2),))
    here, there = patches.labels[:, :, :-2], patches.labels[:, :, 2:]
    both = (here > 0) & (there > 0)
    same, weight = same[:, 0, :, :-2].numpy(), weight[:, 0, :, :-2].numpy()
    asked = weight > 0
    np.testing.assert_array_equal(same[asked & both], (here == there)[asked & both])
    leaves = patches.leaves[:, :, :-2] == patches.leaves[:, :, 2:]
    np.testing.assert_array_equal(same[asked & ~both], leaves[asked & ~both])
    assert set(np.unique(weight[~both])) == {0, 1}
    assert set(np.unique(weight[both])) == {0, 10}


def test_turning_a_patch_turns_its_answers() -> None:
    patches, allowed = some_questions(seed=1)
    sampler = PatchSampler(patches, allowed, stride=1, seed=3)
    drawn = sampler.draw(5, 64)
    again = sampler.draw(5, 64)
    assert all(torch.equal(value, vars(again)[name]) for name, value in vars(drawn).items())
    offsets = ((0, -1), (0, 1), (-1, 0), (1, 0))
    same, weight = drawn.answers(offsets)
    turned = set()
    for index in range(64):
        ratio = drawn.values[index] / torch.where(drawn.known[index], drawn.values[index], 1)
        assert ratio.unique().tolist() in ([0.0, 1.0], [1.0])
        [source] = {
            (k, t, v, h)
            for k in range(4)
            for t in (0, 1)
            for v in (0, 1)
            for h in (0, 1)
            if np.array_equal(
                _turned(patches.leaves[k], t, v, h), drawn.segments[index].numpy().astype(int)
            )
        }
        turned.add(source[1:])
        k, *turns = source
        usable = _turned(allowed[k] & np.isfinite(patches.values[k]), *turns)
        wanted = _turned(patches.wanted[k], *turns) & usable
        np.testing.assert_array_equal(
            weight[index, 1, :, :-1].numpy() > 0, wanted[:, :-1] & usable[:, 1:]
        )
        values = np.nan_to_num(_turned(patches.values[k], *turns))
        factors = drawn.values[index].numpy()[values != 0] / values[values != 0]
        assert np.ptp(factors) < 1e-5
        assert 1 / 1.2 <= factors[0] <= 1.2
    assert len(turned) == 8
    assert 0 < same.mean() < 1


def _turned(image: NDArray[Any], transposed: int, upside_down: int, mirrored: int) -> NDArray[Any]:
    image = image.T if transposed else image
    return image[:: -1 if upside_down else 1, :: -1 if mirrored else 1]


class Oracle(nn.Module):
    """Says what it is told, with a logit of its own choice."""

    def __init__(self, answer: Callable[[Questions], Tensor], questions: Questions) -> None:
        super().__init__()
        self.answer = answer
        self.questions = questions

    def forward(self, values: Tensor, known: Tensor) -> Tensor:
        return self.answer(self.questions)


def agreement(answer: Callable[[Questions], Tensor]) -> float | None:
    patches, allowed = some_questions()
    sampler = PatchSampler(patches, allowed, stride=1, seed=0)
    pairs = HeldOutPairs(sampler, np.arange(4), QUICK.offsets, torch.device("cpu"))
    return pairs.measure(Oracle(answer, sampler.take(np.arange(4), inner=True)))


def test_agreement_is_the_order_of_pairs() -> None:
    def truth(questions: Questions) -> Tensor:
        return questions.answers(QUICK.offsets)[0]

    generator = torch.Generator().manual_seed(0)
    assert agreement(truth) == 1
    assert agreement(lambda q: 0.3 * truth(q) - 4) == 1
    assert agreement(lambda q: -truth(q)) == 0
    assert agreement(lambda q: torch.zeros_like(truth(q))) == pytest.approx(0.5)
    noise = agreement(lambda q: torch.randn(truth(q).shape, generator=generator))
    assert noise == pytest.approx(0.5, abs=0.05)
    half = agreement(lambda q: truth(q) + torch.randn(truth(q).shape, generator=generator))
    # Two normal distributions, one standard deviation apart.
    assert half == pytest.approx(0.76, abs=0.03)


def test_agreement_of_a_single_cell_cannot_be_told() -> None:
    patches, allowed = some_questions()
    patches.leaves[:] = 1
    sampler = PatchSampler(patches, allowed, stride=1, seed=0)
    pairs = HeldOutPairs(sampler, np.arange(4), QUICK.offsets, torch.device("cpu"))
    assert (
        pairs.measure(
            Oracle(lambda q: q.answers(QUICK.offsets)[0], sampler.take(np.arange(4), inner=True))
        )
        is None
    )


def test_the_loss_is_the_mean_cross_entropy_of_pairs() -> None:
    patches, allowed = some_questions()
    questions = PatchSampler(patches, allowed, stride=1, seed=0).take(np.arange(4), inner=False)
    same, weight = questions.answers(QUICK.offsets)
    logits = torch.randn(same.shape, generator=torch.Generator().manual_seed(1))
    loss = pair_loss(Oracle(lambda q: logits, questions), questions, QUICK.offsets)
    probability = torch.where(same > 0, logits, -logits).sigmoid()[weight > 0]
    assert float(loss) == pytest.approx(float(-probability.log().mean()), rel=1e-4)


@pytest.fixture(scope="module")
def distilled() -> tuple[list[Any], Student, list[NDArray[Any]], list[NDArray[Any]]]:
    """A student of a mosaic of unlike areas, and its teacher's view of it."""
    images, labels = zip(*(mosaic((128, 128), seed=seed) for seed in range(2)), strict=True)
    distillation = Distillation(patches=60, steps=260, batch=16, separation=QUICK)
    updates, student = finish(
        distill(
            images,
            TinyTeacher(),
            distillation,
            name="mosaics",
            notes={"licence": "CC0"},
            device="cpu",
        )
    )
    return updates, student, list(images), list(labels)


def test_a_student_learns_to_take_images_apart(
    distilled: tuple[list[Any], Student, list[NDArray[Any]], list[NDArray[Any]]],
) -> None:
    updates, student, images, _ = distilled
    offsets = QUICK.offsets[:5]
    alike = []
    for image in images:
        teacher = compute_affinities(image, TinyTeacher(), QUICK)
        for one in (student, random_student()):
            found = compute_student_affinities(image, one).values[: len(offsets)]
            known = teacher.weight[: len(offsets)] > 0
            alike.append(np.corrcoef(found[known], teacher.values[: len(offsets)][known])[0, 1])
    assert min(alike[::2]) > max(0.15, 3 * max(np.abs(alike[1::2])))
    training = [update for update in updates if isinstance(update, DistillationUpdate)]
    assert training[-1].loss < 0.7 * training[0].loss
    assert student.metadata.training["agreement"] > 0.75


def test_a_student_describes_itself(
    distilled: tuple[list[Any], Student, list[NDArray[Any]], list[NDArray[Any]]],
) -> None:
    updates, student, _, _ = distilled
    metadata = student.metadata
    assert (metadata.name, metadata.offsets) == ("mosaics", QUICK.offsets)
    assert metadata.architecture == UNetArchitecture("plain", (8, 16), stem=2, outputs=10)
    record = metadata.training
    assert (record["teacher"], record["licence"], record["images"]) == ("tiny", "CC0", 2)
    assert 50 <= record["patches"] <= 60
    assert record["agreement_on"] == "held-out parts of the images"
    assert not record["stopped"]
    phases = [type(update) for update in updates]
    assert phases == sorted(phases, key=[Progress, DistillationUpdate].index)
    last = updates[-1]
    assert last.step == record["steps"]
    assert last.history[-1].agreement == last.agreement
    assert max(point.agreement for point in last.history) == pytest.approx(
        record["agreement"], abs=1e-4
    )
    steps = [point.step for point in last.history]
    assert steps == sorted(set(steps))
    seconds = [u.seconds for u in updates if isinstance(u, DistillationUpdate)]
    assert seconds == sorted(seconds)


def short_run(**options: Any) -> tuple[list[Any], Student]:
    image, labels = mosaic((96, 96), seed=4)
    given: dict[str, Any] = {"device": "cpu", "foregrounds": [labels > 2], **options}
    distillation = given.pop("distillation", SHORT)
    inpainter = given.pop("inpainter", TinyTeacher())
    return finish(distill([image], inpainter, distillation, **given))


def test_the_same_seed_gives_the_same_student() -> None:
    first, second = short_run()[1], short_run()[1]
    other = short_run(distillation=replace(SHORT, seed=1))[1]
    for name, weight in first.weights.items():
        np.testing.assert_array_equal(weight, second.weights[name])
    assert any(not np.array_equal(w, other.weights[n]) for n, w in first.weights.items())


def test_a_student_starts_from_a_plain_teacher() -> None:
    teacher = TinyTeacher()
    student = short_run(distillation=replace(SHORT, steps=1), inpainter=teacher)[1]
    for name, weight in teacher.weights.items():
        if not name.startswith("head."):
            # One step of Adam at a tenth of the learning rate, averaged with a short memory.
            assert np.abs(student.weights[name] - weight).max() < 1e-3
    assert len(student.weights["head.bias"]) == len(QUICK.offsets) * 4


def test_a_teacher_of_partial_convolutions_has_a_plain_student() -> None:
    teacher = TinyTeacher()
    partial = random_inpainter(UNetArchitecture("partial", (4, 6)))
    teacher.weights, teacher.metadata = partial.weights, partial.metadata
    student = short_run(distillation=replace(SHORT, steps=1), inpainter=teacher)[1]
    assert student.metadata.architecture.kind == "plain"
    assert student.metadata.architecture.widths == (32, 64, 64, 64)


def test_stopping_the_training_keeps_what_was_learned() -> None:
    seen: list[DistillationUpdate] = []
    steps = short_run_steps(stop=lambda: bool(seen) and seen[-1].step >= 20)
    while True:
        try:
            update = next(steps)
            if isinstance(update, DistillationUpdate):
                seen.append(update)
        except StopIteration as end:
            student = end.value
            break
    assert student.metadata.training["stopped"]
    assert 20 <= student.metadata.training["steps"] < SHORT.steps
    assert student.metadata.training["agreement"] > 0


def test_alpha_is_chosen_by_two_students_of_other_patches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    learned: list[NDArray[np.float32]] = []
    draw = PatchSampler.draw

    def watched(self: PatchSampler, step: int, batch: int) -> Questions:
        if step == 0:
            learned.append(self._patches.values)
        return draw(self, step, batch)

    monkeypatch.setattr(PatchSampler, "draw", watched)
    met: list[Student] = []

    def choose(first: Student, second: Student) -> Generator[Progress, None, float]:
        met.extend([first, second])
        yield Progress(0, 1, "Choosing")
        return 1.25

    updates, student = short_run(choose_alpha=choose)
    assert student.metadata.alpha == 1.25
    whole, *halves = (map(np.ndarray.tobytes, values) for values in learned)
    first, second = (set(half) for half in halves)
    assert not first & second
    assert first | second == set(whole)
    assert abs(len(first) - len(second)) <= 1
    assert any((met[0].weights[name] != met[1].weights[name]).any() for name in met[0].weights)
    plain = short_run()[1]
    for name, weight in plain.weights.items():
        np.testing.assert_array_equal(weight, student.weights[name])
    training = [update for update in updates if isinstance(update, DistillationUpdate)]
    assert training[-1].seconds_left > 0
    assert isinstance(updates[-1], Progress)


def test_a_training_that_was_stopped_chooses_no_alpha() -> None:
    seen: list[DistillationUpdate] = []

    def choose(first: Student, second: Student) -> Generator[Progress, None, float]:
        raise AssertionError("must not be called")
        yield

    steps = short_run_steps(choose_alpha=choose, stop=lambda: bool(seen))
    while True:
        try:
            update = next(steps)
            if isinstance(update, DistillationUpdate):
                seen.append(update)
        except StopIteration as end:
            student = end.value
            break
    assert student.metadata.alpha == 1.5


def short_run_steps(**options: Any) -> Generator[Any, None, Student]:
    return distill([mosaic((96, 96), seed=4)[0]], TinyTeacher(), SHORT, device="cpu", **options)


def test_stopping_before_the_training_leaves_nothing() -> None:
    with pytest.raises(ParameterError, match="stopped before the student had begun"):
        finish(short_run_steps(stop=lambda: True))
    with pytest.raises(ParameterError, match="minutes are too few"):
        short_run(distillation=replace(SHORT, minutes=1e-9))


def test_minutes_limit_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    # A quick machine would otherwise reach the best agreement before the time is over.
    rising = itertools.count()
    monkeypatch.setattr(HeldOutPairs, "measure", lambda self, network: float(next(rising)))
    updates, student = short_run(distillation=replace(SHORT, minutes=0.05, steps=10**6))
    assert student.metadata.training["minutes"] < 0.15
    last = updates[-1]
    assert last.progress == 1
    assert last.seconds_left == 0
    assert last.step < 10**5


def test_the_training_ends_when_the_agreement_no_longer_rises(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = iter([0.5, 0.6, 0.7, *[0.65] * 100])
    monkeypatch.setattr(HeldOutPairs, "measure", lambda self, network: next(values))
    updates, student = short_run(distillation=replace(SHORT, steps=400, batch=2))
    assert student.metadata.training["steps"] == 200
    assert student.metadata.training["agreement"] == 0.7
    assert not student.metadata.training["stopped"]
    assert len(updates[-1].history) == 10


def test_a_single_patch_is_learned_and_measured_on() -> None:
    image, _ = mosaic((SIDE, SIDE), seed=0, areas=4)
    student = finish(distill([image], TinyTeacher(), SHORT, device="cpu"))[1]
    assert student.metadata.training["patches"] == 1
    assert student.metadata.training["agreement_on"] == "the training patches"


def test_labels_change_what_is_learned() -> None:
    image, truth = mosaic((96, 96), seed=5, areas=6)
    # The user says that the whole image is one cell.
    labels = np.ones(image.shape, int)
    options: dict[str, Any] = {"device": "cpu"}
    distillation = replace(SHORT, steps=120)
    [taught, told] = [
        finish(distill([image], TinyTeacher(), distillation, labels=given, **options))[1]
        for given in (None, [labels])
    ]
    cut = affinities_from_labels(truth, QUICK.offsets)
    different = (cut.weight > 0) & (cut.values == 0)
    before, after = (
        compute_student_affinities(image, student).values[different].mean()
        for student in (taught, told)
    )
    assert 1 - after < 0.3 * (1 - before)
    assert told.metadata.training["labelled_cells"] == 1


def test_images_that_cannot_be_read_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    good, _ = mosaic((64, 64), seed=0)

    def fail(_: Any) -> NDArray[Any]:
        raise ImageError("the file is gone")

    planes = [Plane("lost.tif", (64, 64), np.dtype(float), fail), plane(good)]
    with caplog.at_level(logging.WARNING):
        student = finish(distill(planes, TinyTeacher(), SHORT, device="cpu"))[1]
    assert student.metadata.training["images"] == 1
    assert "lost.tif: the file is gone" in caplog.text
    with pytest.raises(ImageError, match=r"lost\.tif: the file is gone"):
        finish(distill(planes[:1], TinyTeacher(), SHORT, device="cpu"))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"foregrounds": []}, ParameterError, "1 images, but 0 foregrounds"),
        ({"labels": [None, None]}, ParameterError, "1 images, but 2 label images"),
        ({"foregrounds": [np.ones((3, 3), bool)]}, ImageError, r"foreground \(3, 3\) must"),
        ({"foregrounds": [np.zeros((96, 96), bool)]}, ImageError, "no foreground"),
        ({"diameter": 1000.0}, ParameterError, "diameter"),
        ({"device": "abacus"}, ParameterError, "abacus"),
    ],
)
def test_what_cannot_be_distilled(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        short_run(**options)
    with pytest.raises(ImageError, match="no image"):
        finish(distill([], TinyTeacher()))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"patches": 0}, "patches"),
        ({"batch": 0}, "batch"),
        ({"validation": 1.0}, "validation"),
        ({"minutes": 0.0}, "minutes"),
        ({"steps": 0}, "steps"),
    ],
)
def test_settings_that_cannot_be(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Distillation(**values)


def test_the_length_follows_the_number_of_patches() -> None:
    usual = Distillation(batch=32)
    assert usual.schedule(20, 0).steps == 300
    assert usual.schedule(3200, 0).steps == 700
    assert usual.schedule(20, 0).minutes is None
    limited = Distillation(minutes=8, steps=50)
    assert limited.schedule(3200, 120).steps == 50
    assert limited.schedule(3200, 120).minutes == pytest.approx(6)
    assert limited.schedule(3200, 9000).minutes == pytest.approx(1e-3)


def test_an_inpainter_is_needed_for_its_images_only(
    distilled: tuple[list[Any], Student, list[NDArray[Any]], list[NDArray[Any]]],
) -> None:
    _, student, images, _ = distilled
    teacher: Inpainter = TinyTeacher()
    assert student.metadata.normalisation == teacher.metadata.normalisation
    assert student.metadata.diameter == teacher.metadata.diameter
    assert compute_student_affinities(images[0], student).shape == images[0].shape


def test_a_student_starts_from_a_student() -> None:
    start = random_student()
    distillation = replace(SHORT, steps=1, separation=replace(QUICK, offsets=OFFSETS))
    student = short_run(distillation=distillation, start=start)[1]
    for name, weight in start.weights.items():
        # One step of Adam at a tenth of the learning rate, averaged with a short memory.
        assert np.abs(student.weights[name] - weight).max() < 1e-3
    assert student.metadata.training["started_from"] == "random"
    assert student.metadata.architecture == start.metadata.architecture
    assert type(student) is Student


def test_a_student_starts_from_an_affnet_of_other_offsets() -> None:
    architecture = UNetArchitecture("pix2pix", (4, 6, 8), outputs=len(OFFSETS))
    metadata = AffNetMetadata("labelled", architecture, offsets=OFFSETS)
    start = AffNet(random_network(architecture), metadata, device="cpu")
    student = short_run(distillation=replace(SHORT, steps=1), start=start)[1]
    assert student.metadata.architecture == replace(architecture, outputs=len(QUICK.offsets))
    for name, weight in start.weights.items():
        if not name.startswith("head."):
            assert np.abs(student.weights[name] - weight).max() < 1e-3
    assert student.metadata.training["started_from"] == "labelled"


def test_a_start_that_sees_other_images_than_the_teacher_is_refused() -> None:
    with pytest.raises(ParameterError, match="normalisation linear"):
        short_run(start=random_student(normalisation="linear"))
    with pytest.raises(ParameterError, match=r"diameter 30\.0"):
        short_run(start=random_student(diameter=30.0))

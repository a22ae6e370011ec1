"""Images to a student: the foreground that it learns in, and the choice of alpha."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gaussian_inpainter import GaussianInpainter
from generators import finish
from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS, Affinities
from napari_inpaintaff.errors import ImageError, ModelFileError, ParameterError
from napari_inpaintaff.images import Plane, planes_of, simulate_dense_nuclei
from napari_inpaintaff.inpainting import InpainterMetadata
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks import UNetArchitecture, build_unet
from napari_inpaintaff.networks.weights import weights_of
from napari_inpaintaff.pipeline import choose_student_alpha, iterate_distillation
from napari_inpaintaff.pipeline import distillation as module
from napari_inpaintaff.separation import (
    Distillation,
    DistillationUpdate,
    SeparationParameters,
    Student,
    StudentMetadata,
    affinities_from_labels,
)

pytestmark = pytest.mark.usefixtures("one_thread")

QUICK = SeparationParameters(patch=32, stride=16, distance=4, iterations=4, minimum_side=8)
SHORT = Distillation(patches=12, steps=20, batch=4, separation=QUICK)
SMALL = UNetArchitecture("plain", (4, 6), stem=2)


class Teacher(GaussianInpainter):
    """Needs no training, and has a small student."""

    def __init__(self) -> None:
        super().__init__(estimate=True)
        self.metadata = InpainterMetadata("gaussian", SMALL)
        self.weights = weights_of(build_unet(SMALL))


def nuclei(seed: int = 0) -> NDArray[np.uint16]:
    return simulate_dense_nuclei(shape=(96, 96), seed=seed)[0]


def untrained_student() -> Student:
    architecture = UNetArchitecture("plain", (4, 6), stem=2, outputs=12)
    metadata = StudentMetadata("untrained", architecture)
    return Student(build_unet(architecture), metadata, device="cpu", dtype=torch.float32)


def test_a_student_of_images_with_its_alpha() -> None:
    updates, student = finish(
        iterate_distillation([nuclei(0), nuclei(1)], Teacher(), SHORT, name="mine", device="cpu")
    )
    assert student.metadata.name == "mine"
    assert student.metadata.training["images"] == 2
    assert 0.9 <= student.metadata.alpha <= 2
    messages = list(dict.fromkeys(u.message for u in updates if isinstance(u, Progress)))
    assert messages == [
        "Finding the foreground…",
        "Reading the images…",
        "IGM labels of patches",
        "Two students of half the patches, to choose alpha",
        "Choosing alpha…",
    ]
    assert any(isinstance(update, DistillationUpdate) for update in updates)


def seen_foregrounds(monkeypatch: pytest.MonkeyPatch, **options: Any) -> list[Any]:
    """Return what the distillation is given."""
    given: list[Any] = []

    def distill(planes: Any, inpainter: Any, *_: Any, **options: Any) -> Any:
        given.extend([planes, options["foregrounds"], options["labels"]])
        return untrained_student()
        yield

    monkeypatch.setattr(module, "distill", distill)
    finish(iterate_distillation(model=Teacher(), **options))
    return given


def test_the_foreground_is_found_or_given(monkeypatch: pytest.MonkeyPatch) -> None:
    image = nuclei()
    images = [image, image]
    [_, found, _] = seen_foregrounds(monkeypatch, images=images)
    assert found[0].dtype == bool
    assert 0.2 < found[0].mean() < 0.95
    assert image[found[0]].mean() > 2 * image[~found[0]].mean()
    labels = np.zeros(image.shape, int)
    labels[3:5] = 7
    [_, given, _] = seen_foregrounds(monkeypatch, images=images, foreground=[labels, None])
    np.testing.assert_array_equal(given[0], labels > 0)
    assert given[1] is None


def test_of_many_images_those_with_labels_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_IMAGES", 3)
    images = [np.full((4, 4), index, float) for index in range(10)]
    labels: list[Any] = [None] * 10
    labels[2], labels[7], labels[8] = (np.eye(4, dtype=int) * k for k in (2, 7, 0))
    masks = [np.full((4, 4), index % 2) for index in range(10)]
    [planes, foregrounds, kept] = seen_foregrounds(
        monkeypatch, images=images, labels=labels, foreground=masks
    )
    indices = [int(plane.read()[0, 0]) for plane in planes]
    assert len(indices) == 3
    assert {2, 7} < set(indices)
    for index, mask, label in zip(indices, foregrounds, kept, strict=True):
        assert mask.all() == index % 2
        assert label is labels[index]


def test_images_that_cannot_be_read_are_told_by_name() -> None:
    def fail(_: Any) -> NDArray[Any]:
        raise ImageError("it is gone")

    with pytest.raises(ImageError, match=r"a\.tif: it is gone"):
        finish(
            iterate_distillation(
                [Plane("a.tif", (50, 50), np.dtype(float), fail)], Teacher(), SHORT
            )
        )


def test_what_cannot_be_distilled() -> None:
    image = nuclei()
    with pytest.raises(ParameterError, match="1 images, but 2 foregrounds"):
        finish(iterate_distillation([image], Teacher(), foreground=[None, None]))
    with pytest.raises(ParameterError, match="1 images, but 0 label images"):
        finish(iterate_distillation([image], Teacher(), foreground="none", labels=[]))
    with pytest.raises(ParameterError, match="unknown foreground method"):
        finish(iterate_distillation([image], Teacher(), foreground="magic"))
    with pytest.raises(ParameterError, match="diameter"):
        finish(iterate_distillation([image], Teacher(), diameter=-1))
    with pytest.raises(ModelFileError, match="no model 'nobody'"):
        finish(iterate_distillation([image], "nobody"))


def cut_affinities(doubtful: int) -> Affinities:
    """Two cells, and a cut that the mutex watershed makes from alpha = 0.62 / 0.38 on."""
    labels = np.zeros((64, 64), int)
    labels[:, 32:] = 1
    sure = affinities_from_labels(labels, PUBLISHED_OFFSETS)
    labels[:, doubtful:] += 2
    every = affinities_from_labels(labels, PUBLISHED_OFFSETS)
    values = np.where((every.values == 0) & (sure.values == 1), np.float32(0.62), sure.values)
    return Affinities(values, PUBLISHED_OFFSETS, sure.weight)


@pytest.mark.parametrize(("cuts", "expected"), [((16, 48), 1.6), ((16, 16), 2.0)])
def test_alpha_is_the_largest_at_which_students_agree(
    cuts: tuple[int, int], expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = untrained_student(), untrained_student()
    seen = {first: cut_affinities(cuts[0]), second: cut_affinities(cuts[1])}

    def affinities(image: Any, student: Student, **options: Any) -> Affinities:
        return seen[student]

    monkeypatch.setattr(module, "compute_student_affinities", affinities)
    image = np.ones((64, 64))
    planes = planes_of(image, "a")
    updates, alpha = finish(choose_student_alpha(first, second, planes, [None]))
    assert alpha == expected
    assert [update.done for update in updates] == sorted(update.done for update in updates)
    assert all(update.done < update.total for update in updates)


def test_alpha_is_chosen_where_the_foreground_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WINDOW", 40)
    image = np.random.default_rng(0).random((100, 100))
    image[95, 95] = np.nan
    mask = np.zeros(image.shape, bool)
    mask[90:, 85:] = True
    mask[0, 0] = True
    windows: list[Any] = []

    def affinities(image: NDArray[Any], student: Student, **options: Any) -> Affinities:
        windows.append((image, options["wanted"]))
        return affinities_from_labels(np.zeros(image.shape, int), PUBLISHED_OFFSETS)

    monkeypatch.setattr(module, "compute_student_affinities", affinities)
    planes = planes_of(image, "a")
    finish(choose_student_alpha(untrained_student(), untrained_student(), planes, [mask]))
    assert len(windows) == 2
    for window, wanted in windows:
        np.testing.assert_array_equal(window, image[80:, 80:])
        assert wanted.sum() == 10 * 15 - 1


def test_without_foreground_alpha_stays() -> None:
    image = np.ones((50, 50))
    planes = planes_of(image, "a")
    nowhere = np.zeros(image.shape, bool)
    student = untrained_student()
    assert finish(choose_student_alpha(student, student, planes, [nowhere]))[1] == 1.5

"""Training an inpainter: it learns, repeats itself, and copes with all sorts of images."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_world import NARROW, finish, short_training, smooth_textures

from napari_inpaintaff.errors import DeviceError, ImageError, ParameterError
from napari_inpaintaff.images import Plane, planes_of
from napari_inpaintaff.inpainting import (
    Inpainter,
    InpainterTraining,
    TrainingUpdate,
    train_inpainter,
)
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks import Schedule, UNetArchitecture

Trained = tuple[list[TrainingUpdate], Inpainter]


def weights_of(inpainter: Inpainter, folder: Path) -> bytes:
    return inpainter.save(folder / "weights.safetensors").read_bytes()[-2000:]


def test_the_loss_falls(trained: Trained) -> None:
    updates, _ = trained
    assert updates[-1].step == 120
    assert updates[-1].progress == 1.0
    assert updates[-1].seconds_left == 0
    assert updates[-1].loss < updates[0].loss - 0.05
    assert [u.step for u in updates] == sorted({u.step for u in updates})
    assert all(update.crops_per_second > 0 for update in updates)


def test_it_beats_the_constant_prior_near_holes(trained: Trained) -> None:
    record = trained[1].metadata.training
    assert record["near_hole_l1_over_prior"] < 0.7
    assert record["near_hole_l1"] < record["near_hole_prior_l1"]
    assert record["near_hole_images"] == "images held out from the training"


def test_the_record_names_data_and_length(trained: Trained) -> None:
    metadata = trained[1].metadata
    assert metadata.name == "textures"
    assert metadata.architecture == NARROW
    expected = {"licence": "CC0", "images": 6, "steps": 120, "batch": 16, "crop": 32, "seed": 0}
    assert {name: metadata.training[name] for name in expected} == expected
    assert metadata.training["minutes"] > 0


def test_it_predicts_an_image_it_never_saw(trained: Trained) -> None:
    inpainter = trained[1]
    image = inpainter.normalise(smooth_textures(9)[-1])
    hidden = np.zeros(image.shape, bool)
    hidden[::6, ::6] = True
    prediction = inpainter.predict(image, ~hidden)
    error = np.abs(prediction.mean - image)[hidden].mean()
    assert error < 0.7 * np.abs(np.median(image) - image)[hidden].mean()


@pytest.mark.parametrize("kind", ["plain", "partial"])
def test_same_seed_and_steps_same_weights(kind: str, tmp_path: Path) -> None:
    architecture = UNetArchitecture(kind, (4, 6))  # type: ignore[arg-type]
    images = smooth_textures(4)

    def weights(seed: int) -> bytes:
        training = short_training(4, architecture=architecture, seed=seed)
        return weights_of(finish(train_inpainter(images, training))[1], tmp_path)

    first = weights(1)
    torch.rand(5)
    np.random.random(5)  # noqa: NPY002
    assert weights(1) == first
    assert weights(2) != first


def test_the_callers_random_numbers_go_on() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    finish(train_inpainter(smooth_textures(2), short_training(2)))
    assert torch.equal(torch.rand(3), expected)


def test_closing_early_leaves_nothing_behind() -> None:
    updates = train_inpainter(smooth_textures(2), short_training(10_000))
    assert next(u for u in updates if isinstance(u, TrainingUpdate)).step <= 20
    updates.close()
    assert next(updates, None) is None
    assert torch.is_grad_enabled()
    assert finish(train_inpainter(smooth_textures(2), short_training(3)))[0][-1].step == 3


def test_plain_l1() -> None:
    training = short_training(40, architecture=replace(NARROW, outputs=1), loss="l1")
    _, inpainter = finish(train_inpainter(smooth_textures(4), training))
    assert inpainter.metadata.training["near_hole_nll"] is None
    assert inpainter.metadata.training["near_hole_l1_over_prior"] < 1
    image = inpainter.normalise(smooth_textures(1)[0])
    assert inpainter.predict(image, np.ones(image.shape, bool)).scale is None


def test_few_images_are_not_held_out() -> None:
    _, inpainter = finish(train_inpainter(smooth_textures(3), short_training(1)))
    assert inpainter.metadata.training["near_hole_images"] == "the training images"


def test_most_images_may_be_held_out() -> None:
    _, inpainter = finish(train_inpainter(smooth_textures(4), short_training(1, validation=0.99)))
    assert inpainter.metadata.training["images"] == 4


def test_damaged_pixels_and_empty_images_do_no_harm() -> None:
    damaged = smooth_textures(1)[0].astype(np.float32)
    damaged[::7, ::5] = np.nan
    damaged[3, 3] = np.inf
    empty = [np.zeros((40, 40)), np.full((40, 40), np.nan)]
    _, inpainter = finish(train_inpainter([damaged, *empty], short_training(2)))
    assert inpainter.metadata.training["images"] == 1
    assert math.isfinite(inpainter.metadata.training["near_hole_l1"])


def test_background_alone_has_no_ratio(tmp_path: Path) -> None:
    """Nearly empty images: the median predicts every pixel of most crops exactly."""
    image = np.full((2000, 2000), 100.0)
    image[1000, 1000] = 101
    _, inpainter = finish(train_inpainter([image], short_training(1)))
    assert inpainter.metadata.training["near_hole_l1_over_prior"] is None
    path = inpainter.save(tmp_path / "empty.safetensors")
    assert Inpainter.load(path).metadata.training == inpainter.metadata.training


def test_nothing_to_train_on() -> None:
    flat = np.ones((40, 40))
    for images, message in (([], "at least one"), ([flat], "nothing varies")):
        with pytest.raises(ImageError, match=message):
            finish(train_inpainter(images, short_training(1)))
    with pytest.raises(ImageError, match=r"planes \(Y, X\), got \(2, 40, 40\)"):
        next(train_inpainter([np.stack([flat, flat])], short_training(1)))


def test_absent_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="'cuda'"):
        next(train_inpainter(smooth_textures(1), short_training(1), device="cuda"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"batch": 0}, "got 0"),
        ({"size": 33}, "multiple of 2, got 33"),
        ({"size": 0}, "got 0"),
        ({"validation": 1.0}, r"got 1\.0"),
        ({"validation": -0.1}, r"got -0\.1"),
        ({"loss": "l2"}, "unknown loss 'l2'"),
        ({"loss": "l1"}, "1 output channels, got 2"),
        ({"vgg": Path("vgg.pth")}, "no use to the loss laplace"),
        ({"schedule": Schedule(steps=1), "denoise": True}, "one step is not enough"),
    ],
)
def test_impossible_trainings(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        InpainterTraining(NARROW, **{"schedule": Schedule(), **values})


def test_the_budget_is_divided_between_denoiser_and_inpainter() -> None:
    training = InpainterTraining(NARROW, Schedule(steps=10, minutes=4), denoise=True)
    parts = (training.denoiser_schedule, training.inpainter_schedule)
    assert [part.steps for part in parts] == [3, 7]
    assert [part.minutes for part in parts] == [1, 3]


def test_measurements_and_examples_come_with_the_updates(trained: Trained) -> None:
    updates, inpainter = trained
    history = updates[-1].history
    assert [point.step for point in history] == sorted({point.step for point in history})
    assert len(history) >= 5
    assert history[-1].step == 120
    assert history[-1].quality.ratio < 0.9 * history[0].quality.ratio
    assert all(update.history == history[: len(update.history)] for update in updates)
    examples = updates[-1].examples
    assert examples is not None
    assert examples.image.shape == examples.prediction.shape == (6, 32, 32)
    assert examples.asked.any()
    assert not (examples.asked & examples.known).any()
    # The examples are the hardest of the crops: not those that the record averages over.
    wrong = np.abs(examples.prediction - examples.image)[examples.asked].mean()
    assert wrong < np.abs(examples.image - np.median(examples.image))[examples.asked].mean()
    assert inpainter.metadata.training["stopped"] is False


def test_reading_is_reported_before_training() -> None:
    updates = list(train_inpainter(smooth_textures(5), short_training(2)))
    kinds = [isinstance(update, Progress) for update in updates]
    assert kinds == sorted(kinds, reverse=True)
    assert kinds.count(True) >= 5


def test_any_mix_of_images() -> None:
    """Dtypes, sizes, NaN and broken files in one set; what cannot be used is counted."""

    def broken(_: Any) -> Any:
        raise ImageError("the file ends too early")

    texture = smooth_textures(1)[0]
    images = [
        texture,
        (texture >> 8).astype(np.uint8),
        texture.astype(np.float64)[:50, :33],
        *planes_of(np.stack([texture, texture[::-1]]), "stack"),
        Plane("broken.tif", (80, 80), np.dtype(np.uint8), broken),
        np.full((64, 64), 7),
        texture[:10, :10],
    ]
    _, inpainter = finish(train_inpainter(images, short_training(3, validation=0.0)))
    assert inpainter.metadata.training["images"] == 5
    assert inpainter.metadata.training["skipped"] == 3


def test_too_few_pixels() -> None:
    texture = smooth_textures(1)[0][:20, :20]
    with pytest.raises(ImageError, match="give more or larger images"):
        finish(train_inpainter([texture, texture + 1], short_training(1)))


def test_fine_tuning_starts_from_the_weights(trained: Trained, tmp_path: Path) -> None:
    _, start = trained
    training = replace(
        short_training(1), schedule=Schedule(steps=1, learning_rate=1e-9, average=0.0)
    )
    _, tuned = finish(train_inpainter(smooth_textures(), training, start_from=start))
    assert tuned.metadata.training["started_from"] == "textures"
    image = start.normalise(smooth_textures(7)[-1])
    known = np.zeros(image.shape, bool)
    known[:, :30] = True
    difference = tuned.predict(image, known).mean - start.predict(image, known).mean
    assert np.abs(difference).max() < 1e-3


def test_fine_tuning_another_architecture(trained: Trained) -> None:
    training = short_training(1, architecture=UNetArchitecture("plain", (8, 8)))
    with pytest.raises(ParameterError, match="another architecture"):
        next(train_inpainter(smooth_textures(), training, start_from=trained[1]))


def test_memory_that_is_short_halves_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_inpaintaff.inpainting import training as module

    build = module.build_objective

    def hungry(loss: str, **options: Any) -> Any:
        objective = build(loss, **options)

        def short_of_memory(network: Any, values: torch.Tensor, masks: Any) -> torch.Tensor:
            if len(values) > 4:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return objective(network, values, masks)

        return short_of_memory

    monkeypatch.setattr(module, "build_objective", hungry)
    updates, inpainter = finish(train_inpainter(smooth_textures(), short_training(20)))
    assert updates[-1].step == 20
    assert inpainter.metadata.training["near_hole_l1_over_prior"] < 1

"""Training an inpainter: it learns, repeats itself, and can be stopped."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_world import NARROW, finish, short_training, smooth_textures

from napari_inpaintaff.errors import DeviceError, ImageError, ParameterError
from napari_inpaintaff.images import estimate_normalisation
from napari_inpaintaff.inpainting import (
    Inpainter,
    InpainterTraining,
    NearHoleError,
    TrainingUpdate,
    train_inpainter,
)
from napari_inpaintaff.inpainting.masks import Conditionals
from napari_inpaintaff.inpainting.near_hole import measure_near_hole
from napari_inpaintaff.inpainting.training import conditional_loss
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
    assert next(updates).step <= 20
    updates.close()
    assert next(updates, None) is None
    assert torch.is_grad_enabled()
    assert finish(train_inpainter(smooth_textures(2), short_training(3)))[0][-1].step == 3


def test_plain_l1() -> None:
    architecture = replace(NARROW, outputs=1)
    _, inpainter = finish(
        train_inpainter(smooth_textures(4), short_training(40, architecture=architecture))
    )
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
    empty = [np.zeros((40, 40)), np.full((40, 40), np.nan), np.zeros((0, 4))]
    _, inpainter = finish(train_inpainter([damaged, *empty], short_training(2)))
    assert inpainter.metadata.training["images"] == 1
    assert math.isfinite(inpainter.metadata.training["near_hole_l1"])


def test_background_alone_has_no_ratio(tmp_path: Path) -> None:
    """Nearly empty images: the median predicts every pixel of most crops exactly."""
    image = np.full((300, 300), 100.0)
    image[150, 150] = 101
    _, inpainter = finish(train_inpainter([image], short_training(1)))
    assert inpainter.metadata.training["near_hole_l1_over_prior"] is None
    path = inpainter.save(tmp_path / "empty.safetensors")
    assert Inpainter.load(path).metadata.training == inpainter.metadata.training


def test_ratio_of_the_near_hole_error() -> None:
    assert NearHoleError(0.2, 0.5, None).ratio == pytest.approx(0.4)
    assert math.isnan(NearHoleError(0.2, 0.0, None).ratio)


def test_nothing_to_train_on() -> None:
    flat = np.ones((40, 40))
    for images, message in (([], "give others"), ([flat], "nothing varies")):
        with pytest.raises(ImageError, match=message):
            next(train_inpainter(images, short_training(1)))
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
    ],
)
def test_impossible_trainings(values: dict[str, float], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        InpainterTraining(NARROW, Schedule(), **values)  # type: ignore[arg-type]


class Constant(torch.nn.Module):
    """Predicts one value with L1."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, values: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        return torch.full_like(values, self.value)


def test_the_constant_prior_has_the_error_of_the_constant_prior() -> None:
    raw = smooth_textures(1)[0]
    image = estimate_normalisation(raw).apply(raw)
    near = measure_near_hole(Constant(float(np.median(image))), [image], size=32)
    assert near.l1 == pytest.approx(near.prior_l1)
    assert near.ratio == pytest.approx(1)
    assert near.nll is None


def test_only_hidden_pixels_count_and_near_ones_count_more() -> None:
    known = torch.zeros(1, 64, 64, dtype=torch.bool)
    known[:, :, :20] = True
    masks = Conditionals(known, torch.ones_like(known))
    values = torch.zeros(1, 64, 64)
    values[:, :, :20] = 100  # known: no error
    values[:, :, 20:36] = 1  # within 16 px
    values[:, :, 36:] = 3
    loss = conditional_loss(Constant(0.0), values, masks)
    assert loss.item() == pytest.approx((16 * 1 + 0.1 * 28 * 3) / (16 + 0.1 * 28))


def test_pixels_outside_the_region_count_little() -> None:
    known = torch.zeros(1, 16, 16, dtype=torch.bool)
    known[:, :, :4] = True
    region = torch.zeros_like(known)
    region[:, :, :8] = True
    values = torch.zeros(1, 16, 16)
    values[:, :, 8:] = 1
    loss = conditional_loss(Constant(0.0), values, Conditionals(known, region))
    assert loss.item() == pytest.approx(0.1 * 8 / (4 + 0.1 * 8))

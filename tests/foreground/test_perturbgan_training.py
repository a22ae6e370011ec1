"""Training a PerturbGAN: what it improves, repeats, resumes, reports and refuses."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from perturbgan_scenes import finish, short, squares

from napari_inpaintaff.errors import ImageError, ModelFileError, ParameterError
from napari_inpaintaff.foreground.perturbgan import (
    LayeredArchitecture,
    PerturbGAN,
    PerturbGANTraining,
    PerturbGANUpdate,
    train_perturbgan,
)
from napari_inpaintaff.foreground.perturbgan.adversarial import Game
from napari_inpaintaff.foreground.perturbgan.pictures import Pictures, as_picture
from napari_inpaintaff.foreground.sample_rows import sample_rows
from napari_inpaintaff.images import write_png
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks.model_file import ModelFile, read_model_file, write_model_file

IMAGES, _ = squares(20, 12)
NARROW = LayeredArchitecture(8, 1, code=16, narrow=12, widest=16)

pytestmark = pytest.mark.usefixtures("one_thread")


def train(training: PerturbGANTraining, **options: Any) -> PerturbGAN:
    _, model = finish(train_perturbgan(IMAGES, training, device="cpu", **options))
    assert model is not None
    return model


def weights(model: PerturbGAN) -> dict[str, torch.Tensor]:
    return {
        f"{name}.{key}": value
        for name, module in model.networks.modules().items()
        for key, value in module.state_dict().items()
    }


def assert_same(one: PerturbGAN, other: PerturbGAN) -> None:
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


class StopAfter:
    """Stops a training when it has asked so many times."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_generated_images_come_closer_to_real_ones() -> None:
    training = PerturbGANTraining(side=8, steps=120, batch=16, learning_rate=3e-3)
    images, _ = squares(200, 9)
    pictures = Pictures(images, 8, random_crops=True)
    game = Game(NARROW, training, torch.device("cpu"))
    distances = []
    # Without any mask or object, the average image: an even grey with a brighter middle.
    average = pictures.draw(8, 200, np.random.default_rng(0)).mean((0, 1))
    for step in range(120):
        torch.manual_seed(step)
        if step in (0, 119):
            with torch.no_grad():
                found, _ = game.imitate(200, training.scale_at(1.0))
            distances.append(float((found.mean((0, 1)) - average).abs().mean()))
        real = pictures.draw(8, 16, np.random.default_rng(step))
        game.play(real, training.scale_at(step / 120))
    assert distances[1] < 0.6 * distances[0]


def test_the_critic_learns_to_tell_real_from_composed() -> None:
    training = short(batch=8)
    pictures = Pictures(IMAGES, 8, random_crops=True)
    game = Game(NARROW, training, torch.device("cpu"))
    before = game.critic.head.weight.clone()
    for step in range(25):
        torch.manual_seed(step)
        game.play(pictures.draw(8, 8, np.random.default_rng(step)), training.scale_at(0.0))
    assert game.distance > 0.05
    assert not torch.equal(before, game.critic.head.weight)


def test_updates_tell_how_far_it_is_and_show_samples() -> None:
    updates, model = finish(train_perturbgan(IMAGES, short(steps=21, encoder_steps=2)))
    assert isinstance(updates[0], Progress)
    told = [one for one in updates if isinstance(one, PerturbGANUpdate)]
    assert [one.phase for one in told] == sorted((o.phase for o in told), reverse=True)
    assert all(a.progress <= b.progress for a, b in itertools.pairwise(told))
    assert told[-1].progress == 1
    samples = told[-1].samples
    assert samples is not None
    assert samples.images.shape == (64, 1, 8, 8)
    assert samples.masks.shape == (64, 8, 8)
    assert samples.images.min() >= 0
    assert samples.images.max() <= 1
    assert told[-1].mask_share == pytest.approx(samples.masks.mean())
    assert model is not None
    assert model.metadata.training["steps"] == 21


def test_same_seed_same_weights_and_another_seed_others() -> None:
    assert_same(train(short()), train(short()))
    other = weights(train(short(seed=1)))
    assert any(not torch.equal(value, other[n]) for n, value in weights(train(short())).items())


@pytest.mark.parametrize("asked", [2, 5], ids=["generator", "encoder"])
def test_a_stopped_training_goes_on_as_if_nothing_had_happened(asked: int, tmp_path: Path) -> None:
    path = tmp_path / "it.checkpoint.safetensors"
    updates = train_perturbgan(
        IMAGES, short(side=8), device="cpu", checkpoint=path, stop=StopAfter(asked)
    )
    _, stopped = finish(updates)
    if asked == 2:
        assert stopped is None
    else:
        assert stopped is not None
        assert stopped.metadata.training["stopped"]
    resumed = train(short(), checkpoint=path, resume=True)
    assert_same(resumed, train(short()))
    assert not resumed.metadata.training["stopped"]


def test_a_killed_training_goes_on_from_its_last_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "it.checkpoint.safetensors"
    training = short(steps=23)
    updates = train_perturbgan(IMAGES, training, device="cpu", checkpoint=path, save_every=0.0)
    for update in updates:
        if isinstance(update, PerturbGANUpdate) and update.step >= 20:
            break
    updates.close()  # what it does after step 20 is lost
    assert path.exists()
    assert_same(
        train(training, checkpoint=path, resume=True),
        train(training),
    )


def test_a_checkpoint_of_other_images_or_settings_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "it.checkpoint.safetensors"
    finish(train_perturbgan(IMAGES, short(), checkpoint=path, stop=StopAfter(1)))
    with pytest.raises(ParameterError, match="other images or with other settings"):
        finish(train_perturbgan(IMAGES, short(shift=0.0), checkpoint=path, resume=True))
    with pytest.raises(ParameterError, match="other images or with other settings"):
        finish(train_perturbgan(IMAGES[1:], short(), checkpoint=path, resume=True))
    # A longer one is no other one.
    assert train(short(steps=6), checkpoint=path, resume=True).metadata.training["steps"] == 6


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "it.checkpoint.safetensors"
    finish(train_perturbgan(IMAGES, short(), checkpoint=path, stop=StopAfter(1)))
    file = read_model_file(path, "perturbgan-checkpoint")
    kept = {name: value for name, value in file.weights.items() if "critic" not in name}
    write_model_file(path, ModelFile(file.kind, file.metadata, kept))
    with pytest.raises(ModelFileError, match="another network"):
        finish(train_perturbgan(IMAGES, short(), checkpoint=path, resume=True))
    with pytest.raises(ParameterError, match="checkpoint"):
        finish(train_perturbgan(IMAGES, short(), resume=True))


@pytest.mark.parametrize(("logit", "collapse"), [(-9.0, "empty"), (9.0, "full"), (0.0, None)])
def test_a_collapse_is_reported(
    logit: float, collapse: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_inpaintaff.foreground.perturbgan.generator.FIRST_LOGIT", logit)
    # No more than one step: nothing drives the masks anywhere else.
    updates, model = finish(train_perturbgan(IMAGES, short(steps=1, encoder_steps=1)))
    assert updates[-1].collapse == collapse
    assert model is not None
    assert model.metadata.training["collapse"] == collapse


def test_pictures_are_scaled_to_squares_and_even_brightness() -> None:
    rng = np.random.default_rng(0)
    image = rng.random((1, 40, 60))
    picture = as_picture(image, 16)
    assert picture.shape == (1, 16, 16)
    np.testing.assert_allclose(as_picture(1000 * image + 70, 16), picture, atol=1e-3)
    np.testing.assert_allclose(as_picture(image[0], 16), picture)
    assert np.abs(picture).max() <= 1.5


def test_pixels_that_are_unknown_are_dark() -> None:
    image = np.random.default_rng(0).random((16, 16))
    image[:8] = np.nan
    assert (as_picture(image, 16)[0, :7] == -1).all()


def test_crops_are_parts_of_the_images() -> None:
    images = [np.random.default_rng(i).random((18, 18)) for i in range(16)]
    pictures = Pictures(images, 16, random_crops=True)
    (crop,) = pictures.draw(16, 1, np.random.default_rng(3)).numpy()
    wholes = [as_picture(image, 18)[0] for image in images]
    assert any(
        np.allclose(crop[0], whole[y : y + 16, x : x + 16], atol=1e-6)
        for whole in wholes
        for y in range(3)
        for x in range(3)
    )
    assert Pictures(images, 16, random_crops=False).draw(8, 4, np.random.default_rng(0)).shape == (
        4,
        1,
        8,
        8,
    )


def colour(count: int) -> list[np.ndarray]:
    return squares(count, 12, channels=3)[0]


@pytest.mark.parametrize(
    ("images", "says"),
    [
        ([], "only 0 images"),
        (IMAGES[:15], "only 15 images"),
        ([*IMAGES, np.full((12, 12), 3.0)], "image 20 has the same intensity everywhere"),
        ([*IMAGES, np.full((12, 12), np.nan)], "image 20 has the same intensity"),
        ([*IMAGES, np.zeros((2, 12, 12))], "image 20 has the shape"),
        ([*IMAGES, np.random.default_rng(0).random((7, 30))], "image 20 has 7 x 30 pixels"),
        ([*IMAGES, *colour(1)], "some images are in colour"),
    ],
    ids=["none", "few", "constant", "unknown", "shape", "small", "mixed"],
)
def test_images_that_cannot_be_learned_from_are_refused(images: list[Any], says: str) -> None:
    with pytest.raises(ImageError, match=says):
        finish(train_perturbgan(images, short()))


def test_images_may_differ_in_size() -> None:
    rng = np.random.default_rng(0)
    images = [rng.random((rng.integers(8, 30), rng.integers(8, 30))) for _ in range(16)]
    _, model = finish(train_perturbgan(images, short(steps=1, encoder_steps=1)))
    assert model is not None
    assert model.probability(images[3]).shape == images[3].shape


def test_the_picture_of_samples_shows_four_rows(tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "samples.png"
    write_png(path, sample_rows(train(short(steps=1, encoder_steps=1)).generate(5).rows))
    assert np.asarray(Image.open(path)).shape == (4 * 64, 5 * 64, 3)

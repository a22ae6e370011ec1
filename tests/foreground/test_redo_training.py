"""ReDO learns, notices that it has collapsed, and goes on where it was interrupted."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from redo_scenes import disc_scenes

from napari_inpaintaff.errors import ImageError, ModelFileError, ParameterError
from napari_inpaintaff.foreground.redo import (
    LearningRates,
    ReDO,
    ReDOArchitecture,
    ReDOTraining,
    train_redo,
)
from napari_inpaintaff.foreground.redo.looks import coverage, is_collapsed
from napari_inpaintaff.foreground.redo.model import background_region
from napari_inpaintaff.foreground.redo.run import ReDORun
from napari_inpaintaff.images import two_digit_scenes
from napari_inpaintaff.jobs import Job

CPU = torch.device("cpu")
TINY = ReDOArchitecture(
    side=16, code=4, mask_width=4, widths=(8, 8), generator_widths=(8, 8, 8), attention=8
)
BRIEF = ReDOTraining(TINY, steps=12, batch=4, wait=3, check_every=5)


def scenes(count=12):
    return disc_scenes(count)[0]


def same_weights(one, other):
    ours, theirs = one._network.state_dict(), other._network.state_dict()
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_same_seed_same_model_and_another_seed_another():
    first, second = (Job(train_redo(scenes(), BRIEF, device="cpu")).run() for _ in range(2))
    other = Job(train_redo(scenes(), replace(BRIEF, seed=1), device="cpu")).run()
    assert same_weights(first, second)
    assert not same_weights(first, other)


@pytest.mark.parametrize("killed_after", [1, 7])
def test_a_killed_training_goes_on_to_the_same_model(tmp_path, killed_after, monkeypatch):
    monkeypatch.setattr(
        "napari_inpaintaff.foreground.redo.training._SECONDS_BETWEEN_CHECKPOINTS", -1.0
    )
    checkpoint = tmp_path / "checkpoint.safetensors"
    whole = Job(train_redo(scenes(), BRIEF, device="cpu")).run()
    asked = iter(range(100))

    def die():
        if next(asked) == killed_after:
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        Job(train_redo(scenes(), BRIEF, device="cpu", checkpoint=checkpoint, stop=die)).run()
    resumed = Job(
        train_redo(scenes(), BRIEF, device="cpu", checkpoint=checkpoint, resume=True)
    ).run()
    assert same_weights(whole, resumed)
    assert resumed.metadata.training["steps"] == 12


def test_a_stopped_training_keeps_its_weights_and_can_be_made_longer(tmp_path):
    checkpoint = tmp_path / "checkpoint.safetensors"
    asked = iter(range(100))
    stopped = Job(
        train_redo(
            scenes(),
            BRIEF,
            device="cpu",
            checkpoint=checkpoint,
            stop=lambda: next(asked) == 6,
        )
    ).run()
    assert stopped.metadata.training["stopped"]
    assert stopped.metadata.training["steps"] == 6
    longer = replace(BRIEF, steps=15)
    resumed = Job(
        train_redo(scenes(), longer, device="cpu", checkpoint=checkpoint, resume=True)
    ).run()
    whole = Job(train_redo(scenes(), longer, device="cpu")).run()
    assert same_weights(whole, resumed)
    assert not resumed.metadata.training["stopped"]


def test_a_checkpoint_of_other_images_or_settings_is_refused(tmp_path):
    checkpoint = tmp_path / "checkpoint.safetensors"
    stopping = train_redo(scenes(), BRIEF, device="cpu", checkpoint=checkpoint, stop=lambda: True)
    Job(stopping).run()
    for images, training in (
        (scenes(13), BRIEF),
        (scenes(), replace(BRIEF, conservation=1.0)),
    ):
        again = train_redo(images, training, device="cpu", checkpoint=checkpoint, resume=True)
        with pytest.raises(ParameterError, match="other images or with other settings"):
            Job(again).run()
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(ModelFileError):
        Job(train_redo(scenes(), BRIEF, device="cpu", checkpoint=checkpoint, resume=True)).run()


def test_empty_and_full_regions_are_a_collapse():
    masks = np.zeros((4, 2, 10, 10), np.float32)
    masks[:, 0] = 0.9
    masks[:, 1] = 0.1
    assert coverage(masks) == (1.0, 0.0)
    assert is_collapsed(coverage(masks))
    masks[:, :, :5] = masks[:, ::-1, :5].copy()
    assert coverage(masks) == (0.5, 0.5)
    assert not is_collapsed(coverage(masks))


def with_empty_masks(monkeypatch, runs):
    """Let the first runs begin with masks of which one is empty."""
    begin = ReDORun._begin

    def biased(self):
        begin(self)
        if self.run < runs:
            for network in (self.networks.masks, self.networks.averaged):
                torch.nn.init.constant_(network.last.bias, -30.0)

    monkeypatch.setattr(ReDORun, "_begin", biased)


def test_a_collapsed_run_is_given_up_and_the_next_one_differs(monkeypatch):
    with_empty_masks(monkeypatch, runs=1)
    training = replace(BRIEF, steps=12, check_every=2, patience=2)
    updates = list(train_redo(scenes(), training, device="cpu"))
    assert [update.restarted for update in updates].count(True) == 1
    assert any(update.collapsed for update in updates)
    assert updates[-1].run == 1
    assert updates[-1].step == 12
    assert not updates[-1].collapsed


def test_the_last_run_reports_that_it_has_collapsed(monkeypatch, caplog, tmp_path):
    with_empty_masks(monkeypatch, runs=9)
    training = replace(BRIEF, check_every=2, patience=2, restarts=1)
    redo = Job(train_redo(scenes(), training, device="cpu")).run()
    assert redo.metadata.collapsed
    assert redo.metadata.training["restarts"] == 1
    redo.save(tmp_path / "redo.safetensors")
    loaded = ReDO.load(tmp_path / "redo.safetensors", device="cpu")
    assert loaded.metadata.collapsed
    assert "collapsed" in caplog.text


def test_samples_show_images_with_one_region_redrawn():
    images = scenes()
    with closing(train_redo(images, BRIEF, device="cpu")) as updates:
        update = next(update for update in updates if update.samples is not None)
    samples = update.samples
    np.testing.assert_allclose(samples.images, images, atol=1e-6)
    np.testing.assert_allclose(samples.masks.sum(1), 1, atol=1e-5)
    for region in (0, 1):
        kept = 1 - samples.masks[:, region, None]
        change = np.abs(samples.redrawn[region] - samples.images)
        assert (change <= 1 - kept + 1e-5).all()


def test_closing_the_updates_ends_the_training():
    updates = train_redo(scenes(), replace(BRIEF, steps=10**6), device="cpu")
    assert len(list(islice(updates, 2))) == 2
    updates.close()


def test_without_conservation_the_encoder_learns_nothing():
    run = ReDORun(scenes(), replace(BRIEF, conservation=0.0), CPU)
    before = run.networks.encoder.last.bias.clone()
    for _ in range(3):
        run.advance()
    assert torch.equal(run.networks.encoder.last.bias, before)


def test_the_region_at_the_border_is_background():
    masks = np.zeros((2, 3, 8, 8), np.float32)
    masks[:, 1] = 1
    masks[:, :, 2:6, 2:6] = 0
    masks[:, 0, 2:6, 2:4] = 1
    masks[:, 2, 2:6, 4:6] = 1
    assert background_region(masks) == 1


def test_the_background_can_be_given(tmp_path):
    redo = Job(train_redo(scenes(), BRIEF, device="cpu", background=0)).run()
    image = scenes()[0]
    one = redo.probability(image)
    other = ReDO(redo._network, replace(redo.metadata, background=1), device="cpu")
    np.testing.assert_allclose(one + other.probability(image), 1, atol=1e-5)
    with pytest.raises(ParameterError, match="regions 0 to 1"):
        Job(train_redo(scenes(), BRIEF, device="cpu", background=2)).run()


def test_a_saved_model_predicts_the_same(tmp_path):
    redo = Job(train_redo(scenes(), BRIEF, device="cpu")).run()
    redo.save(tmp_path / "mine.safetensors")
    loaded = ReDO.load(tmp_path / "mine.safetensors", device="cpu")
    assert loaded.metadata == replace(redo.metadata, name="mine")
    for shape in ((3, 16, 16), (3, 50, 35), (21, 16)):
        image = np.random.default_rng(0).random(shape)
        expected = redo.probability(image)
        assert expected.shape == shape[-2:]
        assert expected.dtype == np.float32
        assert 0 <= expected.min() <= expected.max() <= 1
        np.testing.assert_array_equal(loaded.probability(image), expected)


def test_probabilities_follow_neither_brightness_nor_contrast():
    redo = Job(train_redo(scenes(), BRIEF, device="cpu")).run()
    image = scenes()[0]
    np.testing.assert_allclose(
        redo.probability(1000 + 300 * image), redo.probability(image), atol=1e-3
    )


def test_a_diverging_training_is_an_error():
    rates = LearningRates(masks=1e20, generators=1e20, discriminator=1e20, encoder=1e20)
    with pytest.raises(ParameterError, match="diverged"):
        Job(train_redo(scenes(), replace(BRIEF, rates=rates), device="cpu")).run()


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ([], "no images to train on"),
        (scenes(3), "give 8 or more"),
        ([*scenes(), np.zeros((3, 8, 8), np.float32)], "have one shape"),
        (scenes()[:, :2], "1 or 3 channels"),
        (scenes()[:, :, :8], "squares"),
        (255 * scenes(), "from 0 to 1"),
        (scenes()[:, :1], "for images of the shape"),
        ([*scenes(), np.full((3, 16, 16), 0.5, np.float32)], "all pixels of image 12 are equal"),
    ],
)
def test_images_that_cannot_be_trained_on_are_refused(images, words):
    with pytest.raises(ImageError, match=words):
        next(train_redo(images, BRIEF, device="cpu"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": None}, "number of steps or of minutes"),
        ({"steps": 0}, "must be positive"),
        ({"minutes": 0.0}, "must be positive"),
        ({"batch": 5}, "multiple of the 2 regions"),
        ({"batch": 2}, "at least 4"),
        ({"conservation": -1.0}, "conservation"),
        ({"gain": 0.0}, "gain"),
        ({"average": 1.0}, "averaged"),
        ({"patience": 0}, "patience"),
        ({"seed": -1}, "seed"),
    ],
)
def test_settings_that_cannot_work_are_refused(change, words):
    with pytest.raises(ParameterError, match=words):
        replace(BRIEF, **change)
    with pytest.raises(ParameterError, match="learning rates"):
        LearningRates(masks=0.0)


def test_three_regions_are_redrawn_and_one_of_them_is_background():
    training = replace(BRIEF, architecture=replace(TINY, regions=3), batch=6, steps=5)
    images = two_digit_scenes(12, 16).images
    updates = train_redo(images, training, device="cpu")
    shown = []
    redo = Job(updates, on_update=shown.append).run()
    assert shown[-1].samples.redrawn.shape == (3, 12, 3, 16, 16)
    assert sum(shown[-1].coverage) == pytest.approx(1)
    masks = redo.regions(images)
    np.testing.assert_allclose(masks.sum(1), 1, atol=1e-5)
    background = redo.metadata.background
    assert background == background_region(masks)
    with pytest.raises(ParameterError, match="multiple of the 3 regions"):
        replace(training, batch=8)


def foreground_iou(masks, truth):
    found = masks.argmax(1) != background_region(masks)
    return ((found & truth).sum((1, 2)) / (found | truth).sum((1, 2))).mean()


def test_a_short_training_improves_the_masks():
    architecture = replace(TINY, mask_blocks=1, widths=(8, 16), generator_widths=(16, 8, 8))
    rates = LearningRates(masks=5e-4, generators=1e-3, discriminator=1e-3, encoder=1e-3)
    training = ReDOTraining(architecture, steps=250, batch=8, wait=50, rates=rates)
    images, truth = disc_scenes(64, seed=9)
    run = ReDORun(scenes(300), training, CPU, watched=images)
    run.look()
    before = foreground_iou(run.samples.masks, truth)
    while run.progress < 1:
        run.advance()
    run.look()
    after = foreground_iou(run.samples.masks, truth)
    assert after > before + 0.1
    # More than the whole image would have.
    assert after > truth.mean() + 0.1

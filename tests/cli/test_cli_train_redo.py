"""train-redo: from a folder of colour images to a model that finds their foreground."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_inpaintaff.foreground import load_foreground_model
from napari_inpaintaff.foreground.redo import REDO_KIND
from napari_inpaintaff.images import layered_scenes
from napari_inpaintaff.images.scene_files import write_scenes
from napari_inpaintaff.networks.model_file import read_model_file, weights_sha256

COUNT = 12
#: Runs the command with a checkpoint after every step.
ENDLESS = """
import sys
from napari_inpaintaff.cli import main
from napari_inpaintaff.foreground.redo import training
training._SECONDS_BETWEEN_CHECKPOINTS = -1.0
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def images(tmp_path):
    scenes = layered_scenes(COUNT, 16, placement="whole")
    write_scenes(tmp_path / "scenes", scenes.images, scenes.masks)
    return tmp_path / "scenes" / "images"


def weights(model):
    return weights_sha256(read_model_file(model, REDO_KIND).weights)


def train(run, images, model, *options):
    return run("train-redo", images, "-o", model, "--side", "16", "--device", "cpu", *options)


def test_a_trained_model_finds_a_foreground_and_segments(run, images, tmp_path):
    model = tmp_path / "redo.safetensors"
    outcome = train(run, images, model, "--steps", "3")
    assert outcome.code == 0, outcome.err
    assert f"trained on {COUNT} images, 3 steps" in outcome.out
    assert not (tmp_path / "redo.checkpoint.safetensors").exists()
    picture = np.asarray(Image.open(tmp_path / "redo-samples.png"))
    # Image, two masks and two redrawn images, of 64 pixels each.
    assert picture.shape == (5 * 64, COUNT * 64, 3)

    image = sorted(images.iterdir())[0]
    found = run("foreground", image, "-o", tmp_path / "p.tif", "--model", model, "--probability")
    assert found.code == 0, found.err
    probability = tifffile.imread(tmp_path / "p.tif")
    colours = np.asarray(Image.open(image)).transpose(2, 0, 1)
    expected = load_foreground_model(model, device="cpu").probability(colours)
    np.testing.assert_allclose(probability, expected, atol=1e-5)

    grey = tmp_path / "grey.tif"
    tifffile.imwrite(grey, colours.mean(axis=0).astype(np.float32))
    labels = tmp_path / "labels.tif"
    segmented = run(
        "segment", grey, "-o", labels, "--foreground", model,
        "--partition", "foreground_components",
    )  # fmt: skip
    assert segmented.code == 0, segmented.err
    assert tifffile.imread(labels).shape == (16, 16)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_training_resumes_to_the_same_model(run, images, tmp_path):
    model, whole = tmp_path / "killed.safetensors", tmp_path / "whole.safetensors"
    checkpoint = tmp_path / "killed.checkpoint.safetensors"
    command = [sys.executable, "-c", ENDLESS, "train-redo", str(images), "-o", str(model)]
    command += ["--side", "16", "--steps", "100000", "--device", "cpu"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=dict(os.environ))
    try:
        end = time.monotonic() + 120
        while not checkpoint.exists() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        assert checkpoint.exists()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = str(read_model_file(checkpoint, "redo-checkpoint").metadata["step"] + 5)
    assert not model.exists()

    refused = train(run, images, model, "--steps", done)
    assert refused.code == 2
    assert "--resume" in refused.err
    resumed = train(run, images, model, "--steps", done, "--resume")
    assert resumed.code == 0, resumed.err
    assert train(run, images, whole, "--steps", done).code == 0
    assert weights(model) == weights(whole)
    assert not checkpoint.exists()


def test_a_collapse_is_told(run, images, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_inpaintaff.foreground.redo.run.is_collapsed", lambda parts: True)
    outcome = train(run, images, tmp_path / "m.safetensors", "--steps", "2")
    assert outcome.code == 0
    assert "the training has collapsed" in outcome.err


def test_images_of_any_size_and_kind_are_read_and_useless_ones_named(run, images, tmp_path):
    rng = np.random.default_rng(0)
    tifffile.imwrite(images / "wide.tif", rng.integers(0, 4000, (30, 70)).astype(np.uint16))
    tifffile.imwrite(images / "black.tif", np.zeros((20, 20), np.uint8))
    outcome = train(run, images, tmp_path / "m.safetensors", "--steps", "2")
    assert outcome.code == 0, outcome.err
    assert "skipped" in outcome.err
    assert "black.tif" in outcome.err
    assert f"{COUNT + 1} images" in outcome.out
    # One of them is grey: the model is for grey images.
    assert load_foreground_model(tmp_path / "m.safetensors", device="cpu").channels == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--steps", "2", "--side", "20"], "power of 2"),
        (["--steps", "0"], "must be positive"),
        (["--steps", "2", "--minutes", "1"], "not allowed with"),
        (["--steps", "2", "--regions", "4"], "invalid choice"),
        (["--steps", "2", "--background", "2"], "regions 0 to 1"),
        (["--steps", "2", "--resume"], "no checkpoint"),
        (["--steps", "2", "--samples", "m.txt"], "m.txt"),
    ],
)
def test_options_that_cannot_work_are_refused(run, images, tmp_path, options, words):
    outcome = train(run, images, tmp_path / "m.safetensors", *options)
    assert outcome.code == 2
    assert words in outcome.err
    assert not (tmp_path / "m.safetensors").exists()


def test_folders_without_enough_images_are_refused(run, images, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder, words in (
        (tmp_path / "empty", "a folder without images"),
        (tmp_path / "missing", "no image can be read"),
    ):
        outcome = train(run, folder, tmp_path / "m.safetensors", "--steps", "2")
        assert outcome.code == 2
        assert words in outcome.err
    for path in sorted(images.iterdir())[3:]:
        path.unlink()
    outcome = train(run, images, tmp_path / "m.safetensors", "--steps", "2")
    assert outcome.code == 2
    assert "give 8 or more" in outcome.err


def test_the_picture_may_not_lie_among_the_images(run, images):
    outcome = train(run, images, images / "m.safetensors", "--steps", "2")
    assert outcome.code == 2
    assert "among the images" in outcome.err

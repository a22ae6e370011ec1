"""inpaintaff train-perturbgan, and what its model is good for."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from conftest import Run
from napari_inpaintaff.cli import perturbgan_training
from napari_inpaintaff.foreground.perturbgan import (
    TABLE_ROWS,
    PerturbGAN,
    PerturbGANMetadata,
    PerturbGANTraining,
)

pytestmark = pytest.mark.usefixtures("one_thread")

SHORT = ("--side", 8, "--steps", 3, "--encoder-steps", 2, "--device", "cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of colour images, and one file that is no image."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for index in range(16):
        pixels = rng.integers(0, 255, (12, 14, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"scene_{index:02}.png")
    (folder / "notes.txt").write_text("no image")
    return folder


def test_a_folder_becomes_a_model_that_finds_a_foreground(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    model = tmp_path / "scenes.safetensors"
    outcome = run("train-perturbgan", folder, "-o", model, *SHORT)
    assert outcome.code == 0, outcome.err
    assert "learned from 16 images, 3 steps" in outcome.out
    metadata = PerturbGANMetadata.read(model)
    assert metadata.architecture.channels == 3
    assert metadata.training["contrast_jitter"] == 0.3
    assert (tmp_path / "scenes-samples.png").exists()
    assert not list(tmp_path.glob("*checkpoint*"))

    image, mask = folder / "scene_03.png", tmp_path / "mask.tif"
    outcome = run("foreground", image, "-o", mask, "--model", model, "--probability")
    assert outcome.code == 0, outcome.err
    colours = np.asarray(Image.open(image)).transpose(2, 0, 1)
    expected = PerturbGAN.load(model, device="cpu").probability(colours)
    np.testing.assert_allclose(tifffile.imread(mask), expected, atol=1e-5)


def test_its_masks_are_segmented(run: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = tmp_path / "images"
    images.mkdir()
    for index in range(16):
        tifffile.imwrite(images / f"{index}.tif", rng.integers(0, 999, (40, 40), np.uint16))
    model, labels = tmp_path / "grey.safetensors", tmp_path / "labels.tif"
    outcome = run("train-perturbgan", images, "-o", images / "grey.safetensors", *SHORT)
    assert outcome.code == 2
    assert "among the images" in outcome.err
    assert run("train-perturbgan", images, "-o", model, *SHORT).code == 0
    outcome = run(
        "segment", images / "3.tif", "-o", labels, "--foreground", model,
        "--partition", "foreground_components", "--device", "cpu",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    found = PerturbGAN.load(model, device="cpu").probability(tifffile.imread(images / "3.tif"))
    assert (tifffile.imread(labels) > 0).sum() <= (found > 0.5).sum() + 1


def test_a_stopped_training_goes_on_with_resume(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, whole = tmp_path / "scenes.safetensors", tmp_path / "whole.safetensors"
    steps = ("--side", 8, "--steps", 25, "--encoder-steps", 2, "--device", "cpu")
    checkpoint = tmp_path / "scenes.checkpoint.safetensors"

    def interrupt() -> None:
        picture = tmp_path / "scenes-samples.png"
        while not picture.exists():
            time.sleep(0.01)
        signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=interrupt, daemon=True)
    thread.start()
    outcome = run("train-perturbgan", folder, "-o", model, *steps)
    thread.join(10)
    assert outcome.code == 0, outcome.err
    if not checkpoint.exists():
        pytest.skip("the machine was faster than the signal")
    assert "--resume goes on" in outcome.out
    again = run("train-perturbgan", folder, "-o", model, *steps)
    assert again.code == 2
    assert "go on with it with --resume" in again.err
    assert run("train-perturbgan", folder, "-o", model, *steps, "--resume").code == 0
    assert not checkpoint.exists()
    assert run("train-perturbgan", folder, "-o", whole, *steps).code == 0
    image = np.asarray(Image.open(folder / "scene_00.png")).transpose(2, 0, 1)
    one, other = (PerturbGAN.load(path, device="cpu") for path in (model, whole))
    np.testing.assert_array_equal(one.probability(image), other.probability(image))


def test_a_collapsed_training_says_so(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_inpaintaff.foreground.perturbgan.generator.FIRST_LOGIT", 9.0)
    outcome = run("train-perturbgan", folder, "-o", tmp_path / "it.safetensors", *SHORT)
    assert outcome.code == 0, outcome.err
    assert "has collapsed, its masks are full" in outcome.err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--side", 12), "power of two"),
        (("--minimum-size", 2), "covers"),
        (("--steps", 5, "--minutes", 1), "not allowed"),
        (("--resume",), "there is no checkpoint"),
        (("--row", "h"), "invalid choice"),
        (("--side", 16), "12 x 14 pixels, less than the side 16"),
    ],
)
def test_what_cannot_work_is_one_line(
    options: tuple[object, ...], says: str, run: Run, folder: Path, tmp_path: Path
) -> None:
    outcome = run("train-perturbgan", folder, "-o", tmp_path / "it.safetensors", *options)
    assert outcome.code == 2
    assert says in outcome.lines[-1]
    assert len(outcome.complaints) == 1


def test_folders_without_usable_images_are_refused(run: Run, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    model = tmp_path / "it.safetensors"
    outcome = run("train-perturbgan", empty, "-o", model, *SHORT)
    assert (outcome.code, len(outcome.lines)) == (2, 1)
    assert "a folder without images" in outcome.err
    (empty / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    outcome = run("train-perturbgan", empty, "-o", model, *SHORT)
    assert outcome.code == 2
    assert "broken.png" in outcome.err
    outcome = run("train-perturbgan", tmp_path / "missing", "-o", model, *SHORT)
    assert outcome.code == 2
    assert "missing" in outcome.err
    Image.fromarray(np.zeros((12, 12), np.uint8)).save(empty / "broken.png")
    outcome = run("train-perturbgan", empty, "-o", model, *SHORT)
    assert "only 1 images" in outcome.err
    for index in range(20):
        Image.fromarray(np.full((12, 12), index, np.uint8)).save(empty / f"{index}.png")
    outcome = run("train-perturbgan", empty, "-o", model, *SHORT)
    assert outcome.code == 2
    assert "0.png has the same intensity everywhere" in outcome.err


def test_names_and_defaults_are_those_of_the_core() -> None:
    usual = PerturbGANTraining()
    assert tuple(TABLE_ROWS) == perturbgan_training.ROWS
    assert usual.side == perturbgan_training.SIDE
    assert usual.minimum_size == perturbgan_training.MINIMUM_SIZE
    assert usual.schedule().steps == perturbgan_training.STEPS
    assert usual.encoder_steps == perturbgan_training.ENCODER_STEPS
    assert usual.contrast_jitter == TABLE_ROWS[perturbgan_training.ROW]["contrast_jitter"]

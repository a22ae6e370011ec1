"""inpaintaff train-inpainter, for a few steps."""

from __future__ import annotations

import pytest
import tifffile
from two_cells import two_cells

from napari_inpaintaff.images import write_array
from napari_inpaintaff.inpainting import InpainterMetadata
from napari_inpaintaff.networks.model_file import (
    read_model_file,
    read_model_metadata,
    weights_sha256,
)

QUICK = ("--steps", 3)


@pytest.fixture
def train(run, tmp_path):
    """Train on these images; give the outcome and the model file."""

    def train(*arguments):
        output = tmp_path / "my-cells.safetensors"
        outcome = run("train-inpainter", *arguments, "-o", output, "--device", "cpu")
        return outcome, output

    return train


def read_metadata(path):
    return InpainterMetadata.from_json(read_model_metadata(path, "inpainter"))


def test_trained_model_segments(train, run, image, tmp_path):
    outcome, model = train(image, "--steps", 2, "--diameter", 30)
    assert outcome.code == 0
    assert "trained on 1 image" in outcome.out
    metadata = read_metadata(model)
    assert metadata.name == "my-cells"
    assert metadata.diameter == 30
    assert metadata.training["steps"] == 2
    quick = ("--iterations", 1, "--stride", 64, "--device", "cpu")
    outcome = run("segment", image, "-o", tmp_path / "labels.tif", "--model", model, *quick)
    assert outcome.code == 0


def test_l1_and_linear_are_recorded_and_segment(train, run, image, tmp_path):
    outcome, model = train(image, *QUICK, "--loss", "l1", "--normalisation", "linear")
    assert outcome.code == 0
    metadata = read_metadata(model)
    assert metadata.architecture.outputs == 1
    assert metadata.normalisation == "linear"
    quick = ("--iterations", 1, "--stride", 64, "--device", "cpu")
    labels = tmp_path / "labels.tif"
    assert run("segment", image, "-o", labels, "--model", model, *quick).code == 0
    assert labels.is_file()


def test_folders_and_stacks_are_many_images(train, tmp_path, image):
    folder = tmp_path / "images"
    folder.mkdir()
    plane = two_cells()[0]
    tifffile.imwrite(folder / "b.tif", plane)
    write_array(folder / "c.tif", [plane, plane.T], axes="TYX")
    (folder / "notes.txt").write_text("no image")
    outcome, model = train(image, folder, "--steps", 1)
    assert outcome.code == 0
    assert "trained on 4 images" in outcome.out
    assert read_metadata(model).training["images"] == 4


def test_same_steps_and_seed_give_the_same_weights(train, image):
    first, second, other = (
        weights_sha256(
            read_model_file(train(image, *QUICK, "--seed", seed)[1], "inpainter").weights
        )
        for seed in (5, 5, 6)
    )
    assert first == second
    assert first != other


def test_minutes_end_the_training(train, image):
    outcome, model = train(image, "--minutes", 0.01)
    assert outcome.code == 0
    assert read_metadata(model).training["steps"] >= 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--steps", "0"), "steps"),
        (("--minutes", "0"), "minutes"),
        (("--minutes", "nan"), "minutes"),
        (("--config", "huge"), "--config"),
        (("--diameter", "-3"), "diameter"),
        (("--channel", "2"), "channel"),
    ],
)
def test_bad_option_is_one_line(train, image, options, reason):
    outcome, model = train(image, *options)
    assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1)
    assert reason in outcome.err
    assert "internal error" not in outcome.err
    assert not model.exists()


def test_images_that_teach_nothing(train, run, tmp_path, image):
    flat = write_array(tmp_path / "flat.tif", two_cells()[0] * 0)
    outcome, model = train(flat, "--steps", 1)
    assert (outcome.code, len(outcome.lines)) == (2, 1)
    assert not model.exists()
    empty = tmp_path / "empty"
    empty.mkdir()
    outcome, model = train(empty, "--steps", 1)
    assert (outcome.code, len(outcome.lines)) == (2, 1)
    assert "no image" in outcome.err
    outcome = run("train-inpainter", image, "-o", tmp_path / "model.pt", "--steps", 1)
    assert (outcome.code, len(outcome.lines)) == (2, 1)
    assert ".safetensors" in outcome.err

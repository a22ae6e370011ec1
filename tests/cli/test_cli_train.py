"""inpaintaff train-inpainter, for a few steps: images, options, report, closing lines."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from skimage.io import imread
from two_cells import two_cells

from napari_inpaintaff.images import write_array
from napari_inpaintaff.inpainting import Inpainter, InpainterMetadata

SEGMENT = ("--iterations", 1, "--stride", 64, "--device", "cpu")


def test_trained_model_segments_and_the_report_lies_beside_it(train, run, image, tmp_path):
    outcome, model = train(image, "--steps", 2, "--config", "small")
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert lines[0].startswith(f"{model}: trained on 1 image, 2 steps in ")
    assert "than a constant" in lines[1]
    assert lines[2:] == [f"report: {tmp_path / 'my-cells-report.png'}"]
    assert imread(tmp_path / "my-cells-report.png").shape[1] > 1000
    metadata = InpainterMetadata.read(model)
    assert (metadata.name, metadata.diameter, metadata.normalisation) == (
        "my-cells",
        25,
        "fluorescence",
    )
    assert metadata.training["steps"] == 2
    assert {path.name for path in tmp_path.iterdir()} == {
        "cells.tif",
        "my-cells.safetensors",
        "my-cells-report.png",
    }
    outcome = run("segment", image, "-o", tmp_path / "labels.tif", "--model", model, *SEGMENT)
    assert outcome.code == 0


def test_l1_and_linear_are_recorded_and_segment(train, run, image, tmp_path):
    report = tmp_path / "report.html"
    options = ("--loss", "l1", "--normalisation", "linear", "--diameter", 30, "--report", report)
    outcome, model = train(image, "--steps", 1, *options)
    assert outcome.code == 0
    metadata = InpainterMetadata.read(model)
    assert metadata.architecture.outputs == 1
    assert (metadata.normalisation, metadata.diameter, metadata.image_diameter) == (
        "linear",
        25,
        30,
    )
    assert "data:image/png;base64," in report.read_text(encoding="utf8")
    assert not (tmp_path / "my-cells-report.png").exists()
    labels = tmp_path / "labels.tif"
    assert run("segment", image, "-o", labels, "--model", model, *SEGMENT).code == 0
    assert labels.is_file()


def test_liu2018_without_vgg_says_what_is_missing(train, image):
    outcome, model = train(image, "--steps", 1, "--loss", "liu2018", "--seed", 7)
    assert outcome.code == 0
    (line,) = outcome.complaints
    assert line.startswith("inpaintaff: warning: without VGG16 weights")
    record = InpainterMetadata.read(model).training
    assert (record["loss"], record["seed"]) == ("liu2018", 7)


def test_denoiser_becomes_a_part_of_the_model(train, image, model):
    outcome, path = train(image, "--steps", 4, "--from", model, "--denoise")
    assert outcome.code == 0
    assert Inpainter.load(path, device="cpu").denoiser is not None


def test_images_of_all_kinds_in_one_training(train, tmp_path, image, model):
    folder = tmp_path / "day1" / "images"
    folder.mkdir(parents=True)
    plane = two_cells()[0]
    tifffile.imwrite(folder / "b.tif", plane.astype(np.float32)[:80, :70])
    write_array(folder / "c.tif", [plane, plane.T], axes="TYX")
    (folder / "notes.txt").write_text("no image")
    tifffile.imwrite(tmp_path / "day1" / "d.tif", (plane // 8).astype(np.uint8))
    outcome, path = train(image, folder, tmp_path / "**" / "d.tif", "--steps", 1, "--from", model)
    assert outcome.code == 0
    assert outcome.complaints == []
    assert "trained on 5 images" in outcome.out
    assert InpainterMetadata.read(path).training["data"] == "5 images of the user"


def test_skipped_images_are_named_and_counted(train, tmp_path, image, model):
    for number in range(7):
        (tmp_path / f"bad{number}.tif").write_bytes(b"II*\0 cut off")
    tifffile.imwrite(tmp_path / "rgb.tif", np.zeros((96, 96, 3), np.uint8), photometric="rgb")
    outcome, _ = train(tmp_path, "--steps", 1, "--from", model)
    assert outcome.code == 0
    assert [line.split(":")[2] for line in outcome.complaints[:5]] == [
        f" skipped {tmp_path / f'bad{number}.tif'}" for number in range(5)
    ]
    assert outcome.complaints[5:] == ["inpaintaff: warning: skipped 8 images altogether"]


def test_report_of_an_earlier_training_is_no_image(train, tmp_path, image, model):
    for _ in range(2):
        outcome, path = train(tmp_path, "--steps", 1, "--from", model, "--channel", 0)
        assert (outcome.code, outcome.complaints) == (0, [])
        assert InpainterMetadata.read(path).training["images"] == 1


def test_fine_tuning_keeps_what_the_model_is(train, image, model, tmp_path):
    first = Inpainter.load(model, device="cpu")
    outcome, path = train(image, "--steps", 1, "--from", model)
    assert outcome.code == 0
    tuned = Inpainter.load(path, device="cpu")
    assert tuned.metadata.architecture == first.metadata.architecture
    assert tuned.metadata.normalisation == first.metadata.normalisation
    assert tuned.metadata.training["started_from"] == "tiny"
    # One step of the warm-up: nearly the same weights, but not the same.
    change = max(np.abs(tuned.weights[name] - first.weights[name]).max() for name in first.weights)
    assert 0 < change < 0.01
    again = tmp_path / "again.safetensors"
    outcome, path = train(image, "--steps", 1, "--from", path, "--diameter", 20, output=again)
    assert outcome.code == 0, outcome.complaints
    tuned_metadata = InpainterMetadata.read(path)
    assert tuned_metadata.image_diameter == 20
    assert tuned_metadata.diameter == first.metadata.diameter, "images are resampled to its scale"


def test_config_beside_from_must_be_that_of_the_model(train, image, model):
    outcome, path = train(image, "--steps", 1, "--from", model, "--config", "small")
    assert (outcome.code, len(outcome.lines)) == (2, 1)
    assert "leave --config out" in outcome.err
    outcome, path = train(image, "--steps", 1, "--from", "nuclei-small", "--config", "small")
    assert outcome.code == 0
    assert InpainterMetadata.read(path).training["started_from"] == "nuclei-small"


def test_minutes_end_the_training(train, image, model):
    outcome, path = train(image, "--minutes", 0.005, "--from", model)
    assert outcome.code == 0
    assert InpainterMetadata.read(path).training["steps"] >= 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--steps", "0"), "steps"),
        (("--minutes", "0"), "minutes"),
        (("--minutes", "nan"), "minutes"),
        (("--config", "huge"), "--config"),
        (("--diameter", "-3"), "diameter"),
        (("--loss", "l2"), "--loss"),
        (("--vgg", "vgg.pth"), "--vgg is for --loss liu2018 only"),
        (("--loss", "liu2018", "--vgg", "no/vgg.pth"), "no/vgg.pth"),
        (("--steps", "1", "--denoise"), "denoiser"),
        (("--from", "no-such-model"), "no-such-model"),
        (("--from", "nuclei-small", "--loss", "l1"), "laplace does"),
        (("--resume",), "no checkpoint"),
        (("--report", "report.pdf"), ".png or .html"),
        (("--report", "no/folder/report.png"), "no folder"),
    ],
)
def test_bad_option_is_one_line(train, image, options, reason):
    outcome, model = train(image, *options)
    assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1), outcome.err
    assert reason in outcome.err
    assert "internal error" not in outcome.err
    assert not model.exists()


def test_vgg_file_is_looked_into_before_the_work(train, image, tmp_path):
    weights = tmp_path / "vgg16.pth"
    weights.write_bytes(b"these are words")
    outcome, _ = train(image, "--loss", "liu2018", "--vgg", weights)
    assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1)
    assert "vgg16.pth" in outcome.err
    assert "internal error" not in outcome.err


def test_outputs_are_never_inputs(train, image, model, tmp_path):
    before = model.read_bytes()
    outcome, _ = train(image, "--from", model, "--steps", 1, output=model)
    assert (outcome.code, len(outcome.lines)) == (2, 1)
    assert "is an input" in outcome.err
    assert model.read_bytes() == before
    picture = tmp_path / "cells.png"
    picture.write_bytes(b"")
    outcome, _ = train(picture, "--report", picture, "--steps", 1)
    assert (outcome.code, len(outcome.lines)) == (2, 1)
    assert "is an input" in outcome.err
    outcome, _ = train(image, "--steps", 1, output=tmp_path / "model.pt")
    assert (outcome.code, len(outcome.lines)) == (2, 1)
    assert ".safetensors" in outcome.err


def test_names_of_included_models_are_taken_in_the_folder_of_models(train, image, monkeypatch):
    from napari_inpaintaff.inpainting import catalogue, user_model_folder

    monkeypatch.setattr(catalogue, "user_data_path", lambda *_, **__: image.parent)
    user_model_folder().mkdir()
    taken = user_model_folder() / "nuclei-small.safetensors"
    outcome, _ = train(image, "--steps", 1, output=taken)
    assert (outcome.code, len(outcome.lines)) == (2, 1)
    assert "name of an included model" in outcome.err
    assert not taken.exists()


def test_images_that_teach_nothing(train, tmp_path):
    flat = write_array(tmp_path / "flat.tif", two_cells()[0] * 0)
    outcome, model = train(flat, "--steps", 1)
    assert (outcome.code, len(outcome.lines)) == (2, 2)
    assert "flat.tif: nothing varies in it" in outcome.lines[0]
    assert "varies" in outcome.lines[1]
    assert not model.exists()
    empty = tmp_path / "empty"
    empty.mkdir()
    for nothing in (empty, tmp_path / "*.png"):
        outcome, model = train(nothing, "--steps", 1)
        assert (outcome.code, len(outcome.lines)) == (2, 1)
        assert "no image" in outcome.err

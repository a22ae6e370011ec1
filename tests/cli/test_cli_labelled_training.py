"""inpaintaff train-foreground and train-affinities: pairs, bad labels, stopping, closing lines."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from two_cells import two_cells

from napari_inpaintaff.cli import labelled_training
from napari_inpaintaff.cli.pairs import find_pairs, read_pairs
from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.foreground import FGNet, FGNetMetadata
from napari_inpaintaff.images import write_array
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.separation import AffNet, AffNetMetadata, AffNetUpdate

COMMANDS = ("train-foreground", "train-affinities")
BOTH = pytest.mark.parametrize("command", COMMANDS)


@pytest.fixture
def labels(tmp_path) -> Path:
    """Label image of the two cells."""
    path = tmp_path / "labels.tif"
    tifffile.imwrite(path, two_cells()[1].astype(np.uint16) * 7)
    return path


@pytest.fixture
def train(run, model, tmp_path):
    """Train for three steps on the CPU; give the outcome and the model file."""

    def train(command, *arguments, output=None):
        path = output or tmp_path / "mine.safetensors"
        length = () if {"--steps", "--minutes"} & {*arguments} else ("--steps", 3)
        start = () if "--from" in arguments else ("--from", model)
        return run(command, *arguments, "-o", path, *length, *start, "--device", "cpu"), path

    return train


@pytest.fixture
def at_step(monkeypatch) -> Callable[[Callable[[], object]], None]:
    """Do something at the second update of a training."""

    def at_step(action: Callable[[], object]) -> None:
        read, seen = labelled_training._read, []

        def read_and_act(update):
            if not isinstance(update, Progress):
                seen.append(update)
                if len(seen) == 2:
                    action()
            return read(update)

        monkeypatch.setattr(labelled_training, "_read", read_and_act)

    return at_step


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def used(run, outcome, image: Path, folder: Path) -> np.ndarray:
    """Run what the last line of a training says, on the CPU."""
    command = shlex.split(outcome.out.splitlines()[-1].removeprefix("use it: inpaintaff "))
    output = folder / "used.tif"
    command[command.index("IMAGE")], command[command.index("labels.tif")] = image, output
    done = run(*command, "--device", "cpu", *(() if "--model" in command else ("--stride", 64)))
    assert done.code == 0, done.err
    return tifffile.imread(output)


def test_a_foreground_network_is_trained_and_segments_as_the_last_line_says(
    train, run, image, labels, tmp_path
):
    outcome, path = train("train-foreground", image, labels, "--seed", 3)
    assert (outcome.code, outcome.complaints) == (0, [])
    assert outcome.out.startswith(f"{path}: learned from 2 cells in 1 image (9216 labelled pixels)")
    metadata = FGNetMetadata.read(path)
    assert metadata.name == "mine"
    record = metadata.training
    assert (record["steps"], record["seed"], record["instances"]) == (3, 3, 2)
    assert (record["started_from"], record["data"]) == ("tiny", "1 image of the user")
    assert used(run, outcome, image, tmp_path).shape == (96, 96)


def test_an_affnet_is_trained_and_segments_as_the_last_line_says(
    train, run, image, labels, tmp_path
):
    outcome, path = train("train-affinities", image, labels)
    assert (outcome.code, outcome.complaints) == (0, [])
    assert outcome.out.startswith(f"{path}: learned from 2 cells in 1 image in ")
    metadata = AffNetMetadata.read(path)
    assert metadata.training["started_from"] == "tiny"
    assert f"alpha {metadata.alpha:g}" in outcome.out
    found = used(run, outcome, image, tmp_path)
    assert (found[two_cells()[1] > 0] > 0).mean() > 0.95
    engine = run("segment", image, "-o", tmp_path / "b.tif", "--engine", "affnet", "--model", path)
    assert engine.code == 0
    wrong = run("segment", image, "-o", tmp_path / "b.tif", "--engine", "student", "--model", path)
    assert (wrong.code, len(wrong.lines)) == (2, 1)
    assert "is not for --engine student" in wrong.err


def test_strokes_of_both_kinds_and_of_cells_only(train, image, tmp_path):
    cells = two_cells()[1] > 0
    strokes = np.zeros((96, 96), np.uint8)
    strokes[40:56:4][cells[40:56:4]] = 5
    path = tmp_path / "strokes.tif"
    tifffile.imwrite(path, strokes)
    outcome, model = train("train-foreground", image, path, "--sparse")
    assert (outcome.code, outcome.complaints) == (0, [])
    record = FGNetMetadata.read(model).training
    assert record["labelled_pixels"] == np.count_nonzero(strokes)
    assert record["instances"] is None
    strokes[5:90:20, :10] = 1
    tifffile.imwrite(path, strokes)
    outcome, model = train("train-foreground", image, path, "--sparse")
    record = FGNetMetadata.read(model).training
    assert record["labelled_pixels"] == np.count_nonzero(strokes)


def test_a_foreground_network_goes_on_after_more_labels(train, image, labels, tmp_path):
    _, first = train("train-foreground", image, labels)
    second = tmp_path / "second.safetensors"
    outcome, _ = train("train-foreground", image, labels, "--from", first, output=second)
    assert outcome.code == 0
    assert FGNetMetadata.read(second).training["started_from"] == "mine"
    again, _ = train("train-foreground", image, labels, "--from", first, output=first)
    assert (again.code, len(again.lines)) == (2, 1)
    assert "is an input of this command" in again.err


def test_an_affnet_begins_a_distillation_and_a_student_an_affnet(
    train, run, image, labels, model, student, tmp_path
):
    _, affnet = train("train-affinities", image, labels)
    output = tmp_path / "student.safetensors"
    command = ("distill", image, "-o", output, "--model", model, "--from", affnet)
    outcome = run(*command, "--patches", 8, "--steps", 2, "--mode", "draft", "--device", "cpu")
    assert outcome.code == 0, outcome.err
    outcome, _ = train("train-affinities", image, labels, "--from", student, output=output)
    assert outcome.code == 0, outcome.err
    assert AffNetMetadata.read(output).training["started_from"] == "quick"
    wrong = run("distill", image, "-o", tmp_path / "c.safetensors", "--from", model)
    assert (wrong.code, wrong.out, len(wrong.lines)) == (2, "", 1)
    assert "--from takes a student or an AffNet" in wrong.err


def test_a_distillation_learns_where_a_foreground_network_finds_cells(
    train, run, image, labels, model, tmp_path
):
    _, fgnet = train("train-foreground", image, labels)
    output = tmp_path / "student.safetensors"
    command = ("distill", image, "-o", output, "--model", model, "--device", "cpu")
    short = ("--patches", 8, "--steps", 2, "--mode", "draft")
    outcome = run(*command, *short, "--foreground", fgnet)
    assert outcome.code == 0, outcome.err
    wrong = run(*command, "--foreground", labels)
    assert (wrong.code, wrong.out, len(wrong.lines)) == (2, "", 1)
    assert "distill takes an FGNet or a method" in wrong.err


@BOTH
def test_ids_above_16_bits_are_cells_like_others(train, image, labels, tmp_path, command):
    tifffile.imwrite(labels, two_cells()[1].astype(np.uint32) * 100_000)
    outcome, path = train(command, image, labels)
    assert outcome.code == 0, outcome.err
    record = FGNetMetadata if command == COMMANDS[0] else AffNetMetadata
    training = record.read(path).training
    assert training.get("instances", training.get("labelled_cells")) == 2


def bad_labels() -> dict[str, tuple[np.ndarray, str]]:
    truth = two_cells()[1]
    return {
        "another shape": (np.ones((96, 95), np.uint16), "(96, 95)"),
        "float": (np.full((96, 96), 0.5, np.float32), "not whole"),
        "negative": (-truth.astype(np.int16), "negative number -2"),
        "nothing painted": (truth.astype(np.uint16) * 0, "labels.tif"),
        "everything painted": (np.ones((96, 96), np.uint16), "labels.tif"),
    }


@BOTH
@pytest.mark.parametrize("case", list(bad_labels()))
def test_bad_labels_are_one_line(train, image, labels, command, case):
    array, reason = bad_labels()[case]
    tifffile.imwrite(labels, array)
    outcome, path = train(command, image, labels, "--from", "nuclei-small")
    assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1), outcome.err
    assert reason in outcome.err
    assert "internal error" not in outcome.err
    assert not path.exists()


@pytest.mark.parametrize(
    ("value", "options", "reason"),
    [
        (2, ("--sparse",), "one pixel"),
        (1, ("--sparse",), "no foreground is painted"),
        (1, (), "one pixel"),
    ],
)
def test_one_pixel_and_background_only(train, image, labels, value, options, reason):
    array = np.zeros((96, 96), np.uint8)
    array[40, 40] = value
    tifffile.imwrite(labels, array)
    outcome, path = train("train-foreground", image, labels, *options)
    assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1), outcome.err
    assert reason in outcome.err
    assert "labels.tif" in outcome.err
    assert not path.exists()


def test_labels_that_look_like_strokes_are_asked_about(train, image, labels):
    tifffile.imwrite(labels, two_cells()[1].astype(np.uint8))
    outcome, _ = train("train-foreground", image, labels)
    assert outcome.code == 0
    assert "if these are strokes, give --sparse" in outcome.err


@BOTH
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--steps", "0"), "steps"),
        (("--minutes", "-1"), "minutes"),
        (("--minutes", "nan"), "minutes"),
        (("--minutes", "1", "--steps", "1"), "not allowed"),
        (("--config", "large"), "--config"),
        (("--normalisation", "none"), "--normalisation"),
        (("--diameter", "0"), "diameter"),
        (("--diameter", "1"), "diameter"),
        (("--seed", "-1"), "seed"),
        (("--from", "no-such-model"), "no-such-model"),
        (("--region", "0:200,:"), "outside"),
    ],
)
def test_bad_option_is_one_line(train, image, labels, command, options, reason):
    outcome, path = train(command, image, labels, *options)
    assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1), outcome.err
    assert reason in outcome.err
    assert "internal error" not in outcome.err
    assert files(path.parent) == {"cells.tif", "labels.tif"}


@BOTH
def test_odd_files_missing_files_and_outputs_that_are_taken(train, image, labels, model, command):
    for arguments, reason in (
        ((image,), "cells.tif is without a partner"),
        ((image, labels, image), "3 files leave"),
        ((image, labels.with_name("no.tif")), "no file"),
        ((image.with_name("no.tif"), labels), "no file"),
        ((image, labels.parent), "is a folder"),
    ):
        outcome, _ = train(command, *arguments)
        assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1), outcome.err
        assert reason in outcome.err
    before = model.read_bytes()
    for output, reason in (
        (model, "is an input"),
        (labels, ".safetensors"),
        (labels.parent / "no" / "m.safetensors", "no folder"),
    ):
        outcome, _ = train(command, image, labels, output=output)
        assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1), outcome.err
        assert reason in outcome.err
    assert model.read_bytes() == before


def test_a_model_of_the_wrong_kind_is_told_before_images_are_read(train, image, labels, tmp_path):
    _, fgnet = train("train-foreground", image, labels)
    missing = tmp_path / "missing.tif"
    output = tmp_path / "a.safetensors"
    outcome, _ = train("train-affinities", image, missing, "--from", fgnet, output=output)
    assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1)
    assert "kind 'fgnet'" in outcome.err
    assert "inpainter, student, affnet, or none" in outcome.err


@BOTH
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_the_training_keeps_what_was_learned(
    train, image, labels, at_step, command, number
):
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    at_step(lambda: signal.raise_signal(number))
    outcome, path = train(command, image, labels, "--minutes", 5)
    assert outcome.code == 0, outcome.err
    assert "stopping, what was trained is kept" in outcome.err
    assert "stopped early" in outcome.out
    kind = FGNet if command == COMMANDS[0] else AffNet
    assert kind.load(path, device="cpu").metadata.name == "mine"
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before


@BOTH
def test_a_second_signal_leaves_what_was_there(train, image, labels, at_step, command):
    def twice() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    earlier = image.with_name("mine.safetensors")
    earlier.write_bytes(b"an earlier model")
    at_step(twice)
    outcome, path = train(command, image, labels, "--minutes", 5)
    assert (outcome.code, outcome.out) == (130, "")
    assert path.read_bytes() == b"an earlier model"


def test_pairs_of_folders_stacks_and_regions(tmp_path):
    plane, truth = two_cells()
    images, labels = tmp_path / "images", tmp_path / "labels"
    for folder in (images, labels):
        folder.mkdir()
    for name in ("t1.tif", "t2.tif", "t3.tif"):
        tifffile.imwrite(images / name, plane)
    tifffile.imwrite(labels / "man_seg002.tif", truth.astype(np.uint16))
    (pair,) = find_pairs([images, labels], "LABELS")
    assert [path.name for path in pair] == ["t2.tif", "man_seg002.tif"]
    stack, painted = tmp_path / "movie.tif", tmp_path / "movie-labels.tif"
    write_array(stack, np.stack([plane, plane, plane.T]), axes="TYX")
    write_array(painted, np.stack([truth * 0, truth, truth.T]).astype(np.uint16), axes="TYX")
    found = read_pairs([(stack, painted)], channel=None, region="10:90,5:60")
    assert [plane.name for plane in found] == [f"{painted} [1]", f"{painted} [2]"]
    np.testing.assert_array_equal(found[0].labels, truth[10:90, 5:60])
    np.testing.assert_array_equal(found[1].image, plane.T[10:90, 5:60])
    with pytest.raises(ParameterError, match="IMAGE TRUTH"):
        find_pairs([images], "TRUTH")
    with pytest.raises(ImageError, match="two of a kind"):
        find_pairs([images, painted], "LABELS")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ImageError, match="no label image"):
        find_pairs([images, empty], "LABELS")
    with pytest.raises(ImageError, match="no image"):
        find_pairs([empty, labels], "LABELS")


def test_progress_tells_loss_and_time_left():
    assert labelled_training._read(Progress(1, 2, "Reading the images…"))[2].startswith("Reading")
    update = AffNetUpdate(40, 0.25, 0.5, 60.0, 120.0, agreement=0.953)
    assert labelled_training._read(update) == (
        0.5,
        1.0,
        "step 40, loss 0.250, agreement 0.953, 2 min left",
    )

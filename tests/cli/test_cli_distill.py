"""inpaintaff distill, for a few steps: images, labels, bad input, closing lines, stopping."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from two_cells import two_cells

from napari_inpaintaff.cli import distillation, model_making
from napari_inpaintaff.cli.given_labels import read_given_labels
from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images import gather_planes, write_array
from napari_inpaintaff.inpainting import catalogue
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks.catalogue import SHIPPED_FOLDERS
from napari_inpaintaff.separation import DistillationUpdate, Student, StudentMetadata

SHORT = ("--patches", 8, "--steps", 3, "--mode", "draft")


@pytest.fixture
def distill(run, model, tmp_path):
    """Distill on the CPU; give the outcome and the model file."""

    def distill(*arguments, output=None):
        student = output or tmp_path / "my-student.safetensors"
        teacher = () if "--model" in arguments else ("--model", model)
        command = ("distill", *arguments, "-o", student, "--device", "cpu", *teacher)
        return run(*command), student

    return distill


@pytest.fixture
def at_report(monkeypatch) -> Callable[[int, Callable[[], object]], None]:
    """Do something at a report of the training, from 1, or at the first update before it (0)."""

    def at_report(number: int, action: Callable[[], object]) -> None:
        read, reports, done = distillation._Display._read, [], []

        def read_and_act(self, update):
            reading = read(self, update)
            if isinstance(update, DistillationUpdate):
                reports.append(update)
            if len(reports) >= number and not done:
                done.append(True)
                action()
            return reading

        monkeypatch.setattr(distillation._Display, "_read", read_and_act)

    return at_report


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_student_is_distilled_and_segments_as_the_last_line_says(distill, run, image, tmp_path):
    folder = tmp_path / "my models"
    folder.mkdir()
    output = folder / "my-student.safetensors"
    outcome, path = distill(image, *SHORT, "--diameter", 26, "--seed", 3, output=output)
    assert (outcome.code, outcome.complaints) == (0, [])
    assert files(folder) == {"my-student.safetensors"}
    first, agreement, alpha, usage = outcome.out.splitlines()
    assert first.startswith(f"{path}: learned from 8 patches of 1 image in ")
    assert agreement.startswith("agreement with tiny")
    metadata = StudentMetadata.read(path)
    assert alpha == f"alpha {metadata.alpha:g}"
    assert metadata.name == "my-student"
    record = metadata.training
    assert (record["patches"], record["steps"], record["seed"]) == (8, 3, 3)
    assert record["data"] == "1 image of the user"
    command = shlex.split(usage.removeprefix("use it: inpaintaff "))
    assert str(output) in command
    assert command[-2:] == ["--diameter", "26"]
    labels = tmp_path / "labels.tif"
    command[command.index("IMAGE")], command[command.index("labels.tif")] = image, labels
    assert run(*command, "--device", "cpu").code == 0
    cells = two_cells()[1] > 0
    assert (tifffile.imread(labels)[cells] > 0).mean() > 0.95


def test_folders_stacks_and_images_that_cannot_be_used(distill, image, tmp_path):
    plane = two_cells()[0]
    folder = tmp_path / "day1"
    folder.mkdir()
    write_array(folder / "movie.tif", np.stack([plane, plane[::-1]]), axes="TYX")
    (folder / "bad.tif").write_bytes(b"II*\0 cut off")
    outcome, path = distill(image, folder, "--foreground", "none", *SHORT)
    assert outcome.code == 0
    (line,) = outcome.complaints
    assert "bad.tif" in line
    assert StudentMetadata.read(path).training["data"] == "3 images of the user"


def test_labels_of_some_images_are_used(distill, image, tmp_path):
    folder = tmp_path / "labels"
    folder.mkdir()
    tifffile.imwrite(tmp_path / "other.tif", two_cells()[0].T)
    few = np.where(two_cells()[1] == 2, 2, 0).astype(np.uint16)
    tifffile.imwrite(folder / "cells.tif", few)
    images = (image, tmp_path / "other.tif")
    outcome, path = distill(*images, "--labels", folder / "cells.tif", *SHORT)
    assert (outcome.code, outcome.complaints) == (0, [])
    assert StudentMetadata.read(path).training["labelled_cells"] == 1
    assert "of 2 images and 1 labelled cell in" in outcome.out


def test_a_label_file_belongs_to_the_image_of_its_name_number_or_place(tmp_path):
    plane, truth = two_cells()
    images, labels = tmp_path / "images", tmp_path / "labels"
    for folder in (images, labels):
        folder.mkdir()
    for name in ("t1.tif", "t2.tif", "t3.tif"):
        tifffile.imwrite(images / name, plane)
    planes = gather_planes([images]).planes

    def given(*numbers_and_names):
        found = []
        for number, name in numbers_and_names:
            tifffile.imwrite(labels / name, (truth * number).astype(np.uint16))
            found.append(labels / name)
        return [
            array if array is None else int(array.max())
            for array in read_given_labels(planes, found)
        ]

    assert given((7, "t2.tif")) == [None, 14, None]
    assert given((7, "man003.tif"), (8, "man001.tif")) == [16, None, 14]
    assert given((7, "c.tif"), (8, "a.tif"), (9, "b.tif")) == [16, 18, 14]
    with pytest.raises(ImageError, match=r"3 images do not fit 1 label images.*mine\.tif"):
        given((7, "mine.tif"))


def test_labels_of_a_stack_have_its_planes(tmp_path):
    plane, truth = two_cells()
    movie, labels = tmp_path / "movie.tif", tmp_path / "movie-labels.tif"
    write_array(movie, np.stack([plane, plane]), axes="TYX")
    planes = gather_planes([movie]).planes
    write_array(labels, np.stack([truth * 0, truth]).astype(np.uint16), axes="TYX")
    first, second = read_given_labels(planes, [labels])
    assert first is None
    np.testing.assert_array_equal(second, truth)
    tifffile.imwrite(labels, truth.astype(np.uint16))
    with pytest.raises(ImageError, match=r"movie-labels.*\(96, 96\).*2 x 96 x 96"):
        read_given_labels(planes, [labels])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--patches", "0"), "patches"),
        (("--patches", "many"), "--patches"),
        (("--steps", "0"), "steps"),
        (("--minutes", "-1"), "minutes"),
        (("--minutes", "nan"), "minutes"),
        (("--minutes", "1", "--steps", "1"), "not allowed"),
        (("--mode", "slow"), "--mode"),
        (("--foreground", "mask.tif"), "otsu"),
        (("--diameter", "0"), "diameter"),
        (("--diameter", "2"), "diameter"),
        (("--seed", "-1"), "seed"),
        (("--channel", "+"), "--channel"),
        (("--model", "no-such-model"), "no-such-model"),
        (("--labels", "no/labels.tif"), "no/labels.tif"),
        (("--labels",), "--labels"),
    ],
)
def test_bad_option_is_one_line(distill, image, options, reason):
    outcome, path = distill(image, *options)
    assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1), outcome.err
    assert reason in outcome.err
    assert "internal error" not in outcome.err
    assert files(path.parent) == {"cells.tif"}


def test_labels_that_do_not_fit_are_found_before_the_work(distill, image, tmp_path):
    labels = tmp_path / "labels.tif"
    for array, reason in (
        (np.zeros((96, 96), np.uint16), "no label"),
        (np.ones((96, 95), np.uint16), "(96, 95)"),
        (np.full((96, 96), 0.5, np.float32), "not whole"),
    ):
        tifffile.imwrite(labels, array)
        outcome, path = distill(image, "--labels", labels)
        assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1), outcome.err
        assert reason in outcome.err
        assert not path.exists()


def test_a_student_is_no_teacher(distill, image, student):
    outcome, path = distill(image, "--model", student, *SHORT)
    assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1)
    assert "student" in outcome.err
    assert not path.exists()


def test_bad_outputs_and_names_that_are_taken(distill, image, model, tmp_path, monkeypatch):
    before = model.read_bytes()
    for output, reason in (
        (model, "is an input"),
        (tmp_path / "student.pt", ".safetensors"),
        (tmp_path / "no" / "student.safetensors", "no folder"),
    ):
        outcome, _ = distill(image, *SHORT, output=output)
        assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1)
        assert reason in outcome.err
    assert model.read_bytes() == before
    own, shipped = tmp_path / "own", tmp_path / "shipped"
    own.mkdir()
    shipped.mkdir()
    (shipped / "taken.safetensors").write_bytes(before)
    monkeypatch.setitem(SHIPPED_FOLDERS, "inpainter", shipped)
    monkeypatch.setattr("napari_inpaintaff.inpainting.user_model_folder", lambda: own)
    monkeypatch.setattr(catalogue, "user_model_folder", lambda: own)
    outcome, path = distill(image, *SHORT, output=own / "taken.safetensors")
    assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1)
    assert "name of an included model" in outcome.err
    assert not path.exists()


def test_images_without_cells(distill, tmp_path):
    flat = write_array(tmp_path / "flat.tif", two_cells()[0] * 0 + 7)
    outcome, path = distill(flat, *SHORT)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.complaints[-1].startswith("inpaintaff: error: ")
    assert "internal error" not in outcome.err
    assert not path.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_the_training_keeps_the_best(distill, image, at_report, number):
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    at_report(2, lambda: signal.raise_signal(number))
    outcome, path = distill(image, "--patches", 8, "--minutes", 5, "--mode", "draft")
    assert outcome.code == 0
    assert "stopping, what was trained is kept" in outcome.err
    assert "stopped early" in outcome.out
    student = Student.load(path, device="cpu")
    assert student.metadata.training["stopped"]
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_signal_before_the_training_ends_it_at_once(distill, image, at_report):
    at_report(0, lambda: signal.raise_signal(signal.SIGINT))
    outcome, path = distill(image, *SHORT)
    assert (outcome.code, outcome.out) == (130, "")
    assert outcome.complaints == ["inpaintaff: interrupted"]
    assert files(path.parent) == {"cells.tif"}


def test_a_second_signal_leaves_what_was_there(distill, image, at_report):
    def twice() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    earlier = image.with_name("my-student.safetensors")
    earlier.write_bytes(b"an earlier model")
    at_report(2, twice)
    outcome, path = distill(image, "--patches", 8, "--minutes", 5, "--mode", "draft")
    assert (outcome.code, outcome.out) == (130, "")
    assert path.read_bytes() == b"an earlier model"


def test_the_student_is_saved_elsewhere_when_the_disk_is_full(
    distill, image, tmp_path, monkeypatch
):
    write_bytes = Path.write_bytes

    def write(path, data):
        if path.parent == tmp_path:
            raise OSError(28, "No space left on device", str(path))
        return write_bytes(path, data)

    other = tmp_path / "other-disk"
    other.mkdir()
    monkeypatch.setattr(Path, "write_bytes", write)
    monkeypatch.setattr(model_making.tempfile, "mkdtemp", lambda prefix: str(other))
    outcome, path = distill(image, *SHORT)
    assert (outcome.code, outcome.out) == (2, "")
    assert f"the model was saved as {other / path.name} instead" in outcome.err
    assert not path.exists()
    assert Student.load(other / path.name, device="cpu").metadata.training["steps"] == 3


def test_progress_tells_phase_time_left_and_agreement():
    clock = iter((100.0, 100.0, 200.0, 200.0, 220.0))
    display = distillation._Display(lambda: next(clock))
    assert display._read(Progress(0, 0, "Finding the foreground…"))[2] == "Finding the foreground…"
    for update, note in (
        (Progress(0, 200, "IGM labels"), "IGM labels 0 of 200"),
        (Progress(50, 200), "IGM labels 50 of 200, 60 s left"),
    ):
        assert display._read(update) == (update.done, update.total, note)
    assert not display.learns
    learned = DistillationUpdate(40, 0.25, 0.5, 60.0, 120.0, agreement=0.953)
    assert display._read(learned) == (0.5, 1.0, "step 40, loss 0.250, agreement 0.953, 2 min left")
    assert display.learns

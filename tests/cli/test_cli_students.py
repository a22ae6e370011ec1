"""inpaintaff segment with a student, and both kinds of models side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from two_cells import two_cells

from napari_inpaintaff.images import read_affinity_file, write_array
from napari_inpaintaff.inpainting import catalogue
from napari_inpaintaff.networks.catalogue import SHIPPED_FOLDERS


@pytest.fixture
def named(student, model, tmp_path, monkeypatch) -> Path:
    """Put both models where they are found by name, in place of the shipped ones."""
    folders = {"inpainter": model, "student": student}
    for kind, path in folders.items():
        folder = tmp_path / "shipped" / kind
        folder.mkdir(parents=True)
        name = {"inpainter": "nuclei-small", "student": "nuclei-student"}[kind]
        (folder / f"{name}.safetensors").write_bytes(path.read_bytes())
        monkeypatch.setitem(SHIPPED_FOLDERS, kind, folder)
    own = tmp_path / "own"
    own.mkdir()
    monkeypatch.setattr(catalogue, "user_model_folder", lambda: own)
    (own / "mine.safetensors").write_bytes(student.read_bytes())
    return own


@pytest.fixture
def segment(run, tmp_path):
    """Run ``segment``; give the outcome and the labels."""

    def segment(image, *options):
        output = tmp_path / "labels.tif"
        outcome = run("segment", image, "-o", output, "--device", "cpu", *options)
        return outcome, tifffile.imread(output) if output.exists() else None

    return segment


def test_a_student_labels_the_foreground(segment, image, student):
    outcome, labels = segment(image, "--model", student)
    assert (outcome.code, outcome.err) == (0, "")
    cells = two_cells()[1] > 0
    assert (labels[cells] > 0).mean() > 0.95
    assert (labels[~cells] > 0).mean() < 0.05
    numbers = np.unique(labels)
    assert numbers.tolist() == list(range(len(numbers)))


@pytest.mark.parametrize("options", [(), ("--engine", "student")])
def test_a_student_by_name_makes_the_engine(segment, image, named, options):
    outcome, labels = segment(image, "--model", "mine", *options)
    assert (outcome.code, outcome.err) == (0, "")
    assert labels.max() > 0


def test_each_engine_has_its_default_model(segment, image, named, tmp_path):
    saved = tmp_path / "a.npz"
    save = ("--save-affinities", saved)
    for options, most in (
        (("--engine", "student"), 1),
        (("--engine", "igm", "--stride", 64), 1),
        (("--engine", "igm", "--stride", 32, "--iterations", 1), 4),
        (("--stride", 32, "--iterations", 1), 4),
    ):
        outcome, _ = segment(image, *options, *save)
        assert outcome.code == 0, outcome.err
        assert read_affinity_file(saved).affinities.weight.max() == most
    segment(image, "--engine", "student", *save)
    assert read_affinity_file(saved).alpha == 0.9


def test_partition_of_saved_affinities_gives_the_same_labels(
    segment, image, run, student, tmp_path
):
    saved, again = tmp_path / "a.npz", tmp_path / "again.tif"
    options = ("--model", student, "--save-affinities", saved)
    for settings in ((), ("--minimum-size", 5), ("--alpha", 1.4)):
        _, labels = segment(image, *options, *settings)
        assert run("partition", saved, "-o", again, *settings).code == 0
        np.testing.assert_array_equal(tifffile.imread(again), labels)


def test_a_stack_a_region_and_another_scale(segment, student, tmp_path):
    plane = two_cells()[0]
    path = tmp_path / "movie.tif"
    write_array(path, np.stack([plane, plane[::-1]]), axes="TYX")
    region = ("--region", "20:80,10:90", "--diameter", 40, "--foreground", "none")
    outcome, labels = segment(path, "--model", student, *region)
    assert (outcome.code, outcome.err) == (0, "")
    inside = np.zeros(labels.shape, bool)
    inside[:, 20:80, 10:90] = True
    np.testing.assert_array_equal(labels > 0, inside)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--model", "mine", "--engine", "igm"), "the student mine is not for --engine igm"),
        (("--model", "nuclei-small", "--engine", "student"), "the inpainter nuclei-small is not"),
        (("--engine", "teacher"), "--engine"),
        (("--model", "mine", "--mode", "draft"), "leave --mode out"),
        (("--engine", "student", "--stride", "9", "--patch", "64"), "--patch and --stride out"),
        (("--model", "mine", "--iterations", "3"), "leave --iterations out"),
        (("--model", "mine", "--alpha", "0"), "alpha"),
        (("--model", "mine", "--diameter", "1"), "diameter"),
        (("--model", "yours"), "one of: nuclei-small, nuclei-student, mine"),
        (("--engine", "student", "--model", "nuclei-studen"), "nuclei-studen"),
    ],
)
def test_bad_options_are_one_line(segment, image, named, options, reason):
    outcome, labels = segment(image, *options)
    assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1), outcome.err
    assert reason in outcome.err
    assert "internal error" not in outcome.err
    assert labels is None


def test_a_damaged_student_is_one_line(segment, image, student, tmp_path):
    bad = tmp_path / "bad.safetensors"
    for content in (student.read_bytes()[:-50], student.read_bytes()[:30], b"", b"words"):
        bad.write_bytes(content)
        outcome, labels = segment(image, "--model", bad)
        assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1), outcome.err
        assert "bad.safetensors" in outcome.err
        assert labels is None


def test_models_lists_both_kinds(run, named):
    outcome = run("models")
    assert (outcome.code, outcome.err) == (0, "")
    _, *rows, last = outcome.out.splitlines()
    assert [row.split()[:2] for row in rows] == [
        ["nuclei-small", "inpainter"],
        ["nuclei-student", "student"],
        ["mine", "student"],
    ]
    assert "tiny" in rows[2]
    assert "3 images" in rows[2]
    assert last.startswith("folder of your own models: ")


def test_a_student_is_no_start_for_a_training(run, image, student, tmp_path):
    output = tmp_path / "m.safetensors"
    outcome = run("train-inpainter", image, "-o", output, "--from", student, "--steps", 1)
    assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1)
    assert "student" in outcome.err
    assert not output.exists()

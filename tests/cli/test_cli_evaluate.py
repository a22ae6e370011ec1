"""inpaintaff evaluate."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile

from napari_inpaintaff.cli.matching import match_files

TRUTH = np.array([[1, 1, 1, 1, 0, 2, 2, 0]], dtype=np.uint16).repeat(4, axis=0)
#: The first object is found in part (IoU 3/4), the second not at all: SEG 0.375.
FOUND = np.array([[5, 5, 5, 0, 0, 6, 0, 0]], dtype=np.uint16).repeat(4, axis=0)


def write(path, labels):
    path.parent.mkdir(exist_ok=True)
    tifffile.imwrite(path, labels, photometric="minisblack")
    return path


def test_one_frame(run, tmp_path):
    labels, truth = write(tmp_path / "a.tif", FOUND), write(tmp_path / "b.tif", TRUTH)
    outcome = run("evaluate", labels, truth)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines()[:4] == [
        "SEG                0.3750",
        "objects            2",
        "reference objects  2",
        "matches            1 (IoU above 0.5; precision 0.500, recall 0.500, F1 0.500)",
    ]


def test_det_with_the_markers_of_the_tracking_truth(run, tmp_path):
    labels, truth = write(tmp_path / "a.tif", FOUND), write(tmp_path / "b.tif", TRUTH)
    markers = TRUTH * (np.indices(TRUTH.shape)[0] == 1)
    markers[1, 3] = markers[1, 5] = 0  # object 1 lies within label 5, object 2 in the background
    outcome = run("evaluate", labels, truth, "--markers", write(tmp_path / "c.tif", markers))
    assert outcome.code == 0
    # One of two markers is missed (10), and the other label is wrong (1): 1 - 11 / 20.
    assert outcome.out.splitlines()[1] == "DET                0.4500"
    values = json.loads(run("evaluate", labels, truth, "--json").out)
    assert values["detection_accuracy"]["0.70"] == 0.5
    assert values["detection_accuracy"]["0.75"] == 0
    assert values["average_precision"] == pytest.approx(1 / 3)
    assert "det" not in values


def test_json_of_a_stack_is_pooled_over_objects(run, tmp_path):
    empty = np.zeros_like(TRUTH)
    one = np.where(TRUTH == 1, TRUTH, 0)
    labels = write(tmp_path / "a.tif", np.stack([FOUND, one, empty]))
    truth = write(tmp_path / "b.tif", np.stack([TRUTH, one, empty]))
    values = json.loads(run("evaluate", labels, truth, "--json").out)
    assert values["seg"] == pytest.approx((0.75 + 0 + 1) / 3)
    assert (values["objects"], values["reference_objects"], values["matches"]) == (3, 3, 2)
    assert values["frames"] == 3


def test_folders_as_in_the_cell_tracking_challenge(run, tmp_path):
    for number, labels in ((7, TRUTH), (8, FOUND), (9, TRUTH)):
        write(tmp_path / "results" / f"mask{number:03}.tif", labels)
    for number in (8, 9):
        write(tmp_path / "truth" / f"man_seg{number:03}.tif", TRUTH)
    outcome = run("evaluate", tmp_path / "results", tmp_path / "truth", "--json")
    values = json.loads(outcome.out)
    assert values["frames"] == 2
    assert values["seg"] == pytest.approx((0.375 + 1) / 2)


def test_files_are_matched_by_name_then_number_then_order(tmp_path):
    def paths(*names):
        return [tmp_path / f"{name}.tif" for name in names]

    same = match_files(paths("b1", "a2"), paths("a2"))
    assert same == [(tmp_path / "a2.tif", tmp_path / "a2.tif")]
    by_number = match_files(paths("mask010", "mask009"), paths("seg9", "seg10"))
    assert [pair[0].stem for pair in by_number] == ["mask009", "mask010"]
    by_order = match_files(paths("x", "w"), paths("p", "q"))
    assert [(a.stem, b.stem) for a, b in by_order] == [("w", "p"), ("x", "q")]


def test_missing_frame_is_named(run, tmp_path):
    for number in (1, 2):
        write(tmp_path / "results" / f"mask{number}.tif", TRUTH)
    for number in (1, 2, 3):
        write(tmp_path / "truth" / f"man_seg{number}.tif", TRUTH)
    outcome = run("evaluate", tmp_path / "results", tmp_path / "truth")
    assert outcome.code == 2
    assert "none is for man_seg3.tif" in outcome.err


@pytest.mark.parametrize("case", ["shapes", "mixed", "empty folder", "no match", "no objects"])
def test_what_does_not_fit_is_one_line(run, tmp_path, case):
    labels, truth = write(tmp_path / "a.tif", FOUND), write(tmp_path / "b.tif", TRUTH)
    folder = tmp_path / "folder"
    folder.mkdir()
    if case == "shapes":
        write(truth, TRUTH[:, :-1])
    elif case == "mixed":
        labels = folder
    elif case == "empty folder":
        labels = truth = folder
    elif case == "no match":
        write(folder / "a.tif", FOUND)
        labels, truth = folder, tmp_path / "other"
        for name in ("x", "y"):
            write(truth / f"{name}.tif", TRUTH)
    else:
        write(truth, np.zeros_like(TRUTH))
    outcome = run("evaluate", labels, truth)
    assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1)
    assert outcome.lines[0].startswith("inpaintaff: error: ")

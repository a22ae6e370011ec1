"""inpaintaff tune: the best value, tables and plots, and everything that cannot be tuned."""

from __future__ import annotations

import csv
import shlex
from pathlib import Path

import numpy as np
import pytest
import tifffile
from two_cells import two_cells

from napari_inpaintaff.cli import tuning as command_module
from napari_inpaintaff.evaluation import close_gaps, seg_score
from napari_inpaintaff.images import write_array


@pytest.fixture
def truth(tmp_path) -> Path:
    path = tmp_path / "truth.tif"
    tifffile.imwrite(path, two_cells()[1].astype(np.uint16))
    return path


@pytest.fixture
def tune(run, student):
    """Run ``tune`` with the quick student on the CPU."""

    def tune(*arguments):
        model = () if {"--model", "--engine"} & {*arguments} else ("--model", student)
        return run("tune", *arguments, *model, "--device", "cpu")

    return tune


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_curves_are_written_and_the_last_line_gives_the_best_score(
    tune, run, image, truth, tmp_path
):
    table, plot = tmp_path / "curve.csv", tmp_path / "curve.png"
    outcome = tune(image, truth, "--alphas", "0.5:2:0.5", 3, "-o", table, "--plot", plot)
    assert outcome.code == 0, outcome.err
    found = rows(table)
    assert [float(row["value"]) for row in found] == [0.5, 1.0, 1.5, 2.0, 3.0]
    best = max(float(row["score"]) for row in found)
    assert f"region_merging  {best:.4f} at alpha" in outcome.out
    assert plot.read_bytes().startswith(b"\x89PNG")
    command = shlex.split(outcome.out.splitlines()[-1].removeprefix("use it: inpaintaff "))
    labels = tmp_path / "labels.tif"
    command[command.index("IMAGE")], command[command.index("labels.tif")] = image, labels
    assert run(*command, "--device", "cpu").code == 0
    assert seg_score(tifffile.imread(labels), two_cells()[1]) == pytest.approx(best)


def test_an_outline_method_is_tuned_without_a_model(run, image, truth, tmp_path, monkeypatch):
    def load(options):
        raise AssertionError("no model is needed")

    monkeypatch.setattr(command_module, "load_chosen_model", load)
    methods = ("--partition", "distance_watershed", "foreground_components")
    table = tmp_path / "curve.csv"
    settings = ("--sigmas", 0, 1, 40, "--foreground", "truth", "-o", table)
    outcome = run("tune", image, truth, *methods, *settings)
    assert (outcome.code, outcome.complaints) == (0, [])
    assert [row["method"] for row in rows(table)] == [*3 * ["distance_watershed"], methods[2]]
    assert outcome.out.splitlines()[-1].endswith("--partition distance_watershed --sigma 0")
    score = float(rows(table)[3]["score"])
    assert score == seg_score(close_gaps(two_cells()[1]), two_cells()[1])


def test_a_best_value_at_the_edge_is_warned_about(run, image, truth):
    outline = ("--partition", "distance_watershed", "--foreground", "truth")
    outcome = run("tune", image, truth, *outline, "--sigmas", 1, 40)
    assert outcome.code == 0
    (line,) = outcome.complaints
    assert "1, is the smallest that was tried: a smaller one may be better" in line


def test_folders_stacks_masks_and_all_methods(tune, tmp_path):
    plane, truth = two_cells()
    images, truths = tmp_path / "images", tmp_path / "truths"
    for folder in (images, truths):
        folder.mkdir()
    write_array(images / "t1.tif", np.stack([plane, plane]), axes="TYX")
    write_array(truths / "t1.tif", np.stack([truth, truth * 0]).astype(np.uint16), axes="TYX")
    tifffile.imwrite(images / "t2.tif", plane.T)
    tifffile.imwrite(truths / "man_seg2.tif", truth.T.astype(np.uint16))
    masks = [tmp_path / "first.tif", tmp_path / "second.tif"]
    for path, mask in zip(masks, (truth > 0, truth.T > 0), strict=True):
        tifffile.imwrite(path, mask.astype(np.uint8))
    values = ("--alphas", 1, "--sigmas", 1, "--partition", "all", "--metric", "f1")
    outcome = tune(images, truths, "--foreground", *masks, *values)
    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith("F1 (IoU above 0.5) of 4 annotated cells in 2 images")
    assert "distance_watershed       1.0000 at sigma 1" in outcome.out
    outcome = tune(images, truths, "--foreground", masks[0])
    assert (outcome.code, len(outcome.lines)) == (2, 1)
    assert "2 planes, but 1 mask" in outcome.err


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--metric", "iou"), "--metric"),
        (("--partition", "watershed"), "unknown partition method 'watershed'"),
        (("--alphas", "0"), "alpha must be a number above 0"),
        (("--alphas", "some"), "'some' is neither a number"),
        (("--alphas", "2:1:0.1"), "'2:1:0.1' is neither"),
        (("--alphas", "1:2:nan"), "neither"),
        (("--alphas", "1:2:0"), "neither"),
        (("--alphas", "inf"), "alpha must be"),
        (("--sigmas", "-1", "--partition", "distance_watershed"), "sigma"),
        (("--foreground", "magic"), "unknown foreground 'magic'"),
        (("--foreground", "no.tif", "otsu"), "1 plane, but 2 masks"),
        (("--diameter", "1"), "diameter"),
        (("--minimum-size", "-1"), "minimum size"),
        (("--mode", "draft"), "leave --mode out"),
        (("--engine", "affnet"), "no AffNet is included"),
        (("--region", "0:97,:"), "outside"),
        (("-o", "curve.txt"), ".csv"),
        (("-o", "no/curve.csv"), "no folder"),
        (("--plot", "curve.gif"), ".png"),
        (("--partition", "distance_watershed", "--engine", "igm"), "leave --engine out"),
    ],
)
def test_bad_options_are_one_line(tune, image, truth, options, reason):
    outcome = tune(image, truth, *options)
    assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1), outcome.err
    assert reason in outcome.err
    assert "internal error" not in outcome.err


def test_bad_truths_are_one_line(tune, image, truth):
    for array, reason in (
        (np.zeros((96, 96), np.uint16), "no cells"),
        (np.ones((96, 95), np.uint16), "(96, 95)"),
        (np.full((96, 96), 0.5, np.float32), "not whole"),
        (np.full((96, 96), -1, np.int16), "negative"),
    ):
        tifffile.imwrite(truth, array)
        outcome = tune(image, truth)
        assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1), outcome.err
        assert reason in outcome.err
    outcome = tune(image, truth, image)
    assert (outcome.code, len(outcome.lines)) == (2, 1)
    assert "IMAGE TRUTH" in outcome.err

"""inpaintaff measure."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import tifffile

from napari_inpaintaff.images import write_array, write_labels

LABELS = np.zeros((12, 20), dtype=np.uint16)
LABELS[2:6, 3:9] = 4
LABELS[8:12, 10:15] = 9
UM = ("micrometer", "micrometer")


def read(path):
    with path.open(encoding="utf8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def labels(tmp_path):
    return write_labels(tmp_path / "cells.tif", LABELS)


def test_one_image_with_intensities_and_the_scale_of_the_image(run, labels, tmp_path):
    intensity = np.random.default_rng(0).random(LABELS.shape)
    image = write_array(tmp_path / "GFP.ome.tif", intensity, scale=(0.5, 0.5), units=UM)
    table = tmp_path / "table.csv"
    outcome = run("measure", labels, "--image", image, "-o", table)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == f"{table}: 2 objects\n"
    first, second = read(table)
    assert (first["file"], first["label"], second["label"]) == ("cells.tif", "4", "9")
    assert (float(first["area_um2"]), first["touches_edge"], second["touches_edge"]) == (
        6.0,
        "0",
        "1",
    )
    mean = intensity.astype(np.float32)[LABELS == 4].mean()
    assert float(first["mean_GFP"]) == pytest.approx(mean, rel=1e-5)


def test_all_channels_of_an_image(run, labels, tmp_path):
    image = tmp_path / "two.tif"
    channels = np.stack([LABELS * 2, LABELS * 3])
    tifffile.imwrite(image, channels, imagej=True, metadata={"axes": "CYX"})
    assert run("measure", labels, "--image", image, "-o", tmp_path / "t.csv").code == 0
    row = read(tmp_path / "t.csv")[0]
    assert (row["mean_two_0"], row["mean_two_1"]) == ("8.0", "12.0")


def test_a_folder_has_a_row_per_field_in_the_summary(run, tmp_path):
    for folder in ("labels", "DAPI"):
        (tmp_path / folder).mkdir()
    for name, plane in (("a", LABELS), ("b", np.zeros_like(LABELS)), ("c", LABELS * (LABELS > 4))):
        write_labels(tmp_path / "labels" / f"{name}.tif", plane)
        write_array(tmp_path / "DAPI" / f"{name}.tif", plane * 10)
    outcome = run(
        *("measure", tmp_path / "labels", "--image", tmp_path / "DAPI"),
        *("-o", tmp_path / "t.csv", "--summary", tmp_path / "s.csv"),
    )
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines() == [
        f"{tmp_path / 't.csv'}: 3 objects in 3 images",
        f"{tmp_path / 's.csv'}: 3 rows",
    ]
    assert [row["file"] for row in read(tmp_path / "t.csv")] == ["a.tif", "a.tif", "c.tif"]
    summary = read(tmp_path / "s.csv")
    assert [row["objects"] for row in summary] == ["2", "0", "1"]
    assert [row["mean_DAPI"] for row in summary] == ["65.0", "", "90.0"]


def test_stacks_have_a_row_per_plane(run, tmp_path):
    stack = np.stack([LABELS, LABELS])
    path = write_labels(
        tmp_path / "s.tif", stack, axes="TYX", scale=(2, 1, 1), units=("second", *UM)
    )
    assert run("measure", path, "-o", tmp_path / "t.csv").code == 0
    rows = read(tmp_path / "t.csv")
    assert [(row["t"], row["t_s"], row["label"]) for row in rows] == [
        ("0", "0.0", "4"),
        ("0", "0.0", "9"),
        ("1", "2.0", "4"),
        ("1", "2.0", "9"),
    ]


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("shape", "has the shape (5, 5), but"),
        ("one image", "a folder of images per channel"),
        ("twice", "given twice"),
        ("same", "the same file"),
        ("input", "is an input of this command"),
        ("ending", "must end in .csv"),
        ("missing", "there is no file"),
    ],
)
def test_what_does_not_fit_is_one_line(run, labels, tmp_path, case, message):
    small = write_array(tmp_path / "small.tif", np.ones((5, 5), np.uint8))
    oddly_named = tmp_path / "odd.csv"
    oddly_named.write_bytes(labels.read_bytes())
    table = tmp_path / "t.csv"
    before = set(tmp_path.iterdir())
    arguments = {
        "shape": (labels, "--image", small, "-o", table),
        "one image": (labels, small, "--image", small, "-o", table),
        "twice": (labels, labels, "-o", table),
        "same": (labels, "-o", table, "--summary", table),
        "input": (oddly_named, "-o", oddly_named),
        "ending": (labels, "-o", tmp_path / "t.xlsx"),
        "missing": (tmp_path / "no.tif", "-o", table),
    }[case]
    outcome = run("measure", *arguments)
    assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1)
    assert message in outcome.err
    assert set(tmp_path.iterdir()) == before

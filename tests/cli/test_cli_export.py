"""inpaintaff export."""

from __future__ import annotations

import numpy as np
import pytest
import roifile
import tifffile

from napari_inpaintaff.images import read_label_image, write_labels

FRAME = np.zeros((16, 20), dtype=np.uint16)
FRAME[3:9, 3:9] = 4
FRAME[5, 5] = 0
FRAME[12:16, 10:15] = 9
FRAME[1, 17] = 2
SCALE, UNITS = (5.0, 0.5, 0.5), ("minute", "micrometer", "micrometer")


@pytest.fixture
def lapse(tmp_path):
    later = np.where(FRAME == 4, 1, np.where(FRAME == 9, 2, 0))
    stack = np.stack([FRAME, np.roll(later, 1, axis=1)]).astype(np.uint16)
    return write_labels(tmp_path / "lapse.tif", stack, axes="TYX", scale=SCALE, units=UNITS)


def test_filters_count_what_they_leave_out(run, lapse, tmp_path):
    output = tmp_path / "out.tif"
    outcome = run(
        *("export", lapse, "-o", output, "--format", "tiff"),
        *("--min-size", 2, "--max-size", 40, "--fill-holes", "--clear-border"),
    )
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == f"{output}: 2 objects, 3 left out\n"
    back = read_label_image(output)
    assert (back.axes, back.scale, back.units) == ("TYX", SCALE, UNITS)
    assert [np.unique(frame).tolist() for frame in back.data] == [[0, 4], [0, 1]]
    assert np.count_nonzero(back.data[0]) == 36


def test_links_keep_identities(run, lapse, tmp_path):
    outcome = run("export", lapse, "-o", tmp_path / "res", "--format", "ctc", "--link")
    assert outcome.code == 0
    first, second = (tifffile.imread(tmp_path / "res" / f"mask00{k}.tif") for k in (0, 1))
    assert (first[4, 4], second[4, 5]) == (2, 2)
    assert (first[14, 12], second[14, 12]) == (3, 3)


def test_ome_zarr_and_rois(run, lapse, tmp_path):
    zarr, rois = tmp_path / "out.zarr", tmp_path / "out.zip"
    assert run("export", lapse, "-o", zarr, "--format", "ome-zarr").code == 0
    back = read_label_image(zarr)
    assert (back.axes, back.scale, back.units) == ("TYX", SCALE, UNITS)
    outcome = run("export", lapse, "-o", rois, "--format", "imagej-rois", "--min-size", 2)
    assert outcome.out == f"{rois}: 4 objects, 1 left out\n"
    assert [roi.name for roi in roifile.roiread(rois)] == [
        "T001-0004",
        "T001-0009",
        "T002-0001",
        "T002-0002",
    ]
    # What an export wrote can be exported again.
    assert run("export", zarr, "-o", tmp_path / "again.tif", "--format", "tiff").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "a.tif", "--format", "tiff", "--link"), "--link is for stacks"),
        (("-o", "a.tif", "--format", "ome-zarr"), "must end in .zarr"),
        (("-o", "a.roi", "--format", "imagej-rois"), "must end in .zip"),
        (("-o", "labels.tif", "--format", "tiff"), "is an input"),
        (("-o", "labels.tif", "--format", "ctc"), "a file of that name"),
        (("-o", ".", "--format", "ctc"), "other files"),
        (("-o", "many", "--format", "ctc"), "up to 65535"),
        (("-o", "a.tif", "--format", "tiff", "--min-size", "9", "--max-size", "3"), "maximum size"),
        (("-o", "a.tif"), "--format"),
    ],
)
def test_what_does_not_fit_is_one_line(run, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    labels = write_labels(
        tmp_path / "labels.tif", FRAME * np.uint32(10_000 if "many" in arguments else 1)
    )
    outcome = run("export", labels, *arguments)
    assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1)
    assert message in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["labels.tif"]

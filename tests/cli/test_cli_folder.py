"""inpaintaff segment on a folder."""

from __future__ import annotations

import numpy as np
import pytest
from two_cells import two_cells

from napari_inpaintaff.images import read_labels, write_array

QUICK = ("--iterations", 2, "--stride", 64, "--device", "cpu")


@pytest.fixture
def segment(run, model, tmp_path):
    """Run ``segment`` quickly on a folder with an image, a short time-lapse and a black one."""
    images = tmp_path / "images"
    images.mkdir()
    image = two_cells()[0]
    write_array(images / "a.tif", image)
    write_array(images / "b.tif", np.stack([image, 0 * image]), axes="TYX")
    write_array(images / "black.tif", 0 * image)

    def segment(*options):
        output = tmp_path / "labels"
        return run("segment", images, "-o", output, "--model", model, *QUICK, *options), output

    return segment


def test_every_image_of_a_folder(segment):
    outcome, output = segment()
    assert outcome.code == 0
    assert sorted(path.name for path in output.iterdir()) == ["a_cells.tif", "b_cells.tif"]
    one, movie = (read_labels(output / f"{name}_cells.tif") for name in "ab")
    assert one.max() > 0
    np.testing.assert_array_equal(movie, [one, 0 * one])
    assert f"a_cells.tif: {one.max()} objects" in outcome.out
    assert len(outcome.complaints) == 2
    assert "b.tif [t=1] was skipped: empty: every pixel is 0" in outcome.complaints[0]
    assert "black.tif was skipped: empty: every pixel is 0" in outcome.complaints[1]

    (output / "a_cells.tif").write_bytes(b"mine")
    outcome, _ = segment()
    assert outcome.out == ""
    assert "a_cells.tif is there already" in outcome.complaints[0]
    assert (output / "a_cells.tif").read_bytes() == b"mine"
    segment("--replace")
    np.testing.assert_array_equal(read_labels(output / "a_cells.tif"), one)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--region", "0:9,0:9"), "--region means one image"),
        (("--save-affinities", "x.npz"), "keeps one plane"),
    ],
)
def test_options_of_one_image_are_refused(segment, options, line):
    outcome, output = segment(*options)
    assert outcome.code == 2
    assert line in outcome.lines[-1]
    assert not output.exists()

"""Where labels of a folder belong, and how planes are walked over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_inpaintaff.errors import DeviceError, ImageError
from napari_inpaintaff.images import SkippedImage, open_planes, planes_of, read_image, write_array
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.pipeline import (
    PlaneDone,
    PlaneKept,
    PlaneShare,
    iterate_planes,
    label_targets,
)


def bright(index, image):
    yield Progress(1, 2)
    return (image > image.mean()).astype(np.uint32)


def frames() -> np.ndarray:
    data = np.zeros((4, 8, 8), np.float32)
    data[:, 2:5, 2:5] = 1
    data[1], data[2] = 7, np.nan
    return data


def test_unusable_planes_are_named_and_the_others_go_on():
    data = frames()
    planes = dict(zip(np.ndindex(4), planes_of(data, "movie"), strict=True))
    updates = list(iterate_planes(planes, bright, keeps=lambda index: index == (3,)))
    (done,) = [one for one in updates if isinstance(one, PlaneDone)]
    assert done.index == (0,)
    np.testing.assert_array_equal(done.labels, data[0] > 0)
    assert [one for one in updates if isinstance(one, SkippedImage)] == [
        SkippedImage("movie [1]", "empty: every pixel is 7"),
        SkippedImage("movie [2]", "has no finite pixel"),
    ]
    assert updates[-1] == PlaneKept((3,))
    shares = [one.share for one in updates if isinstance(one, PlaneShare)]
    assert shares == [0, 0.5, 0, 0]


def test_other_errors_end_the_walk_and_closing_it_closes_the_work():
    closed = []

    def broken(index, image):
        try:
            yield Progress(0, 1)
            raise DeviceError("no memory")
        finally:
            closed.append(index)

    planes = {(0,): planes_of(frames()[0], "one")[0]}
    with pytest.raises(DeviceError, match="no memory"):
        list(iterate_planes(planes, broken))
    updates = iterate_planes(planes, broken)
    next(updates)
    next(updates)
    updates.close()
    assert closed == [(0,), (0,)]


def test_labels_are_named_after_their_images(tmp_path):
    for name in ("b.tif", "a.ome.tif", "c.png", "c.tif", "b_cells.tif", ".hidden.tif", "x.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    output = Path("labels")
    names = {a.name: b.name for a, b in label_targets(tmp_path, output).items()}
    assert names == {
        "a.ome.tif": "a_cells.tif",
        "b.tif": "b_cells.tif",
        "b_cells.tif": "b_cells_cells.tif",
        "c.png": "c_png_cells.tif",
        "c.tif": "c_tif_cells.tif",
    }
    # In the same folder it is the labels of another image.
    assert tmp_path / "b_cells.tif" not in label_targets(tmp_path, tmp_path)
    with pytest.raises(ImageError, match="no image in"):
        label_targets(tmp_path / "folder", output)
    with pytest.raises(ImageError, match="no folder"):
        label_targets(tmp_path / "nowhere", output)


def test_an_opened_image_says_what_a_read_one_says(tmp_path):
    path = tmp_path / "movie.tif"
    data = np.arange(2 * 3 * 4 * 5, dtype=np.uint16).reshape(2, 3, 4, 5)
    units = ("second", "micrometer", "micrometer", "micrometer")
    write_array(path, data, axes="TZYX", scale=(3, 2, 0.5, 0.5), units=units)
    opened, image = open_planes(path), read_image(path)
    assert (opened.axes, opened.shape) == (image.axes, image.data.shape)
    assert (opened.scale, opened.units) == (image.scale, image.units)
    assert opened.planes[1, 2].name == "movie.tif [t=1, z=2]"
    for index, plane in opened.planes.items():
        np.testing.assert_array_equal(plane.read(), data[index])

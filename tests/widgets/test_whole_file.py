"""Images of any size are labelled into a file, and shown from there."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import zarr

from napari_inpaintaff.images import read_labels, simulate_dense_nuclei
from napari_inpaintaff.pipeline import segment
from napari_inpaintaff.pipeline.tiled import unfinished_folder
from napari_inpaintaff.widgets.separate_cells import SeparateCells
from napari_inpaintaff.widgets.whole_data import WholeData
from napari_inpaintaff.widgets.whole_form import IN_FILE, IN_MEMORY

NAME = "film cells (file)"


@pytest.fixture
def film(viewer):
    """Two frames that are computed when they are read; the second one is black."""
    frame = simulate_dense_nuclei(shape=(160, 140), seed=4)[0]
    frames = np.stack([frame, np.zeros_like(frame)])
    return viewer.add_image(
        da.from_array(frames, chunks=(1, 64, 64)),
        name="film",
        scale=(30.0, 0.5, 0.5),
        translate=(0.0, 3.0, -7.0),
        units=("s", "um", "um"),
        axis_labels=("t", "y", "x"),
    )


@pytest.fixture
def whole(viewer, film, qtbot):
    cells = SeparateCells(viewer)
    viewer.window.add_dock_widget(cells, name="Separate cells")
    cells.form.model.choose("nuclei-student")
    widget = WholeData(viewer)
    viewer.window.add_dock_widget(widget, name="Whole data")
    widget.form.image.choose(film)
    yield widget
    widget.cancel()
    qtbot.waitUntil(lambda: not widget.controller.is_running, timeout=30_000)


def test_a_film_is_labelled_into_a_file(viewer, film, whole, tmp_path, qtbot):
    whole.form.where.setCurrentText(IN_FILE)
    assert not whole.form.ranges.isVisibleTo(whole)
    whole.form.target.set_path(str(tmp_path / "cells.zarr"))
    with qtbot.waitSignal(whole.controller.ended, timeout=120_000):
        whole.apply()
    text = whole.controls.status.text()
    assert "1 plane was skipped (film [1]: empty: every pixel is 0)" in text
    layer = viewer.layers[NAME]
    assert np.array_equal(layer.scale, film.scale)
    assert np.array_equal(layer.translate, film.translate)
    found = read_labels(tmp_path / "cells.zarr")
    assert np.array_equal(np.asarray(layer.data), found)
    frame = np.asarray(film.data[0])
    expected = segment(frame, model="nuclei-student", device="cpu").labels
    assert np.array_equal(found[0] > 0, expected > 0)
    assert f"{found.max()} cells in" in text
    assert zarr.open_group(tmp_path / "cells.zarr", mode="r")
    assert not unfinished_folder(tmp_path / "cells.zarr").exists()


def test_a_cancelled_run_keeps_what_is_done_and_apply_goes_on(viewer, whole, tmp_path, qtbot):
    whole.form.where.setCurrentText(IN_FILE)
    target = tmp_path / "cells.zarr"
    whole.form.target.set_path(str(target))
    with qtbot.waitSignal(whole.controller.ended, timeout=120_000):
        whole.apply()
        qtbot.waitUntil(lambda: unfinished_folder(target).is_dir(), timeout=60_000)
        whole.cancel()
    assert "Cancelled" in whole.controls.status.text()
    assert not target.exists()
    with qtbot.waitSignal(whole.controller.ended, timeout=120_000):
        whole.apply()
    assert target.exists()
    assert NAME in viewer.layers


def test_what_cannot_be_written_is_told_before_the_work(whole, tmp_path):
    whole.form.where.setCurrentText(IN_FILE)
    (tmp_path / "cells.zarr").mkdir()
    for name, message in (("cells.zarr", "is there already"), ("cells.tif", "end in .zarr")):
        whole.form.target.set_path(str(tmp_path / name))
        whole.apply()
        assert message in whole.controls.status.text()
        assert not whole.controller.is_running
    whole.form.target.set_path(None)
    assert "Choose the file" in whole.controls.apply_button.toolTip()


def test_planes_that_are_too_large_for_the_memory_go_to_a_file(viewer, whole):
    assert whole.form.where.currentText() == IN_MEMORY
    slide = viewer.add_image(
        da.zeros((5000, 300), chunks=512, dtype=np.uint16), name="a/slide", contrast_limits=(0, 9)
    )
    whole.form.image.choose(slide)
    assert whole.form.where.currentText() == IN_FILE
    assert whole.form.target.path is not None
    assert whole.form.target.path.endswith("a_slide_cells.zarr")
    whole.form.where.setCurrentText(IN_MEMORY)
    assert "do not fit in memory" in whole.controls.apply_button.toolTip()
    assert not whole.controls.apply_button.isEnabled()

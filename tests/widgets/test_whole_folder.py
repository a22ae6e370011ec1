"""All images of a folder: a file of labels each, with axes, scale and units."""

from __future__ import annotations

import numpy as np
import pytest
from napari.utils.notifications import NotificationSeverity
from test_whole_run import BATCHES, apply_to_end, bright_square, columns, whole_engine

from napari_inpaintaff.images import read_label_image, write_array
from napari_inpaintaff.widgets.runner import JobRunner
from napari_inpaintaff.widgets.separate_cells import SeparateCells
from napari_inpaintaff.widgets.whole_data import WholeData
from napari_inpaintaff.widgets.whole_form import FOLDER

__all__ = ["apply_to_end", "whole_engine"]


@pytest.fixture
def dock(model_viewer, engine, qtbot):
    """The dock widget "Separate cells" where nothing has to be seen."""
    widget = SeparateCells(model_viewer, engine=engine)
    qtbot.addWidget(widget)
    return widget


@pytest.fixture
def whole(model_viewer, dock, whole_engine, qtbot):
    """The dock widget beside it."""
    widget = WholeData(model_viewer, engine=whole_engine)
    qtbot.addWidget(widget)
    yield widget
    whole_engine.release()
    widget.controller.cancel()
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=180_000)


@pytest.fixture
def folders(whole, tmp_path):
    """A folder with an image and a time-lapse, chosen in the form, and one for the labels."""
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    write_array(images / "a.tif", bright_square(), scale=(0.5, 0.5), units=("micrometer",) * 2)
    frames = np.stack([bright_square(), np.zeros((64, 48), np.uint16), bright_square()])
    scale, units = (2, 0.5, 0.5), ("second", "micrometer", "micrometer")
    write_array(images / "b.ome.tif", frames, axes="TYX", scale=scale, units=units)
    whole.form.kind.setCurrentText(FOLDER)
    assert not whole.controls.apply_button.isEnabled()
    whole.form.images.set_path(str(images))
    whole.form.labels.set_path(str(labels))
    assert whole.controls.apply_button.isEnabled()
    return images, labels


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_every_image_gets_a_file_of_labels(model_viewer, folders, whole, apply_to_end):
    _, labels = folders
    before = list(model_viewer.layers)
    text = apply_to_end()
    assert text == (
        "Done: 2 images labelled. 1 plane was skipped (b.ome.tif [t=1]: empty: every pixel is 0)."
    )
    assert names(labels) == ["a_cells.tif", "b_cells.tif"]
    found = read_label_image(labels / "a_cells.tif")
    np.testing.assert_array_equal(found.data, columns())
    assert (found.axes, found.scale) == ("YX", (0.5, 0.5))
    assert found.units == ("micrometer",) * 2
    found = read_label_image(labels / "b_cells.tif")
    np.testing.assert_array_equal(found.data, np.stack([columns(), 0 * columns(), columns()]))
    assert (found.axes, found.scale) == ("TYX", (2, 0.5, 0.5))
    assert list(model_viewer.layers) == before


def test_files_that_are_there_stay_unless_the_user_wants_others(
    dock, folders, whole, whole_engine, apply_to_end
):
    _, labels = folders
    (labels / "a_cells.tif").write_bytes(b"mine")
    text = apply_to_end()
    assert text.startswith("Done: 1 image labelled. 1 image had labels already, which stay.")
    assert (labels / "a_cells.tif").read_bytes() == b"mine"
    assert apply_to_end() == "Nothing to do: 2 images have labels already, which stay."
    whole.form.keep_files.setChecked(False)
    assert apply_to_end().startswith("Done: 2 images labelled.")
    np.testing.assert_array_equal(read_label_image(labels / "a_cells.tif").data, columns())


def test_cancel_keeps_the_files_that_are_done(folders, whole, whole_engine, apply_to_end, qtbot):
    _, labels = folders
    whole_engine.hold()
    whole.controls.apply_button.click()
    whole_engine.release(BATCHES + 2)
    qtbot.waitUntil(lambda: names(labels) == ["a_cells.tif"], timeout=60_000)
    qtbot.waitUntil(lambda: "2 of 2: b.ome.tif" in whole.controls.status.text(), timeout=60_000)
    with qtbot.waitSignal(whole.controller.ended, timeout=60_000):
        whole.controls.cancel_button.click()
        whole_engine.release()
    assert whole.controls.status.text().startswith("Cancelled: 1 image labelled, which stay.")
    assert names(labels) == ["a_cells.tif"]
    assert apply_to_end().startswith("Done: 1 image labelled. 1 image had labels already")


def test_unusable_files_are_skipped_and_labels_are_no_images(folders, whole, apply_to_end):
    images, _ = folders
    (images / "broken.tif").write_bytes(b"II*\0nothing")
    (images / "notes.txt").write_text("no image")
    write_array(images / "black.tif", np.zeros((64, 48), np.uint16))
    whole.form.labels.set_path(str(images))
    text = apply_to_end()
    assert text.startswith("Done: 2 images labelled. 2 images were skipped (")
    assert "1 plane was skipped (b.ome.tif [t=1]" in text
    assert "broken.tif" in text
    assert "black.tif: empty: every pixel is 0" in text
    assert not (images / "black_cells.tif").exists()
    before = names(images)
    assert "2 images had labels already" in apply_to_end()
    assert names(images) == before


@pytest.mark.parametrize("folder", ["images", "labels"])
def test_a_folder_that_is_not_there_is_named(folders, whole, notifications, tmp_path, folder):
    getattr(whole.form, folder).set_path(str(tmp_path / "nowhere"))
    whole.controls.apply_button.click()
    errors = [n.message for n in notifications if n.severity is NotificationSeverity.ERROR]
    assert len(errors) == 1
    assert "here is no folder" in errors[0]
    assert "nowhere" in errors[0]


def test_a_layer_is_no_foreground_for_files(model_viewer, dock, folders, whole, notifications):
    mask = model_viewer.add_labels(np.ones((64, 48), dtype=np.uint8), name="mask")
    dock.form.foreground.choose(mask)
    whole.controls.apply_button.click()
    errors = [n.message for n in notifications if n.severity is NotificationSeverity.ERROR]
    assert errors[0].startswith("The foreground is the layer mask")

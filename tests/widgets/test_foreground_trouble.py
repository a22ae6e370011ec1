"""What a foreground cannot be learned from: a sentence each, and nothing is lost."""

from __future__ import annotations

import numpy as np
import pytest
from fake_foreground_engine import write_fgnet
from napari.utils.notifications import NotificationSeverity
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog
from test_foreground_run import MASK, NAME, PAINT, end, paint, start_and_take_steps

from napari_inpaintaff.errors import ImageError, OutputError
from napari_inpaintaff.foreground import available_fgnets
from napari_inpaintaff.widgets.foreground_controls import ForegroundStage
from napari_inpaintaff.widgets.foreground_settings import LabelMeaning


@pytest.fixture
def dock(foreground_dock):
    foreground_dock.form.tools.cells_button.click()
    return foreground_dock


@pytest.mark.parametrize(
    ("where", "value", "line"),
    [
        (None, 2, "Nothing is painted in nuclei foreground labels: paint over a few cells"),
        (np.s_[:, :], 2, "everything is painted as foreground"),
        (np.s_[10, 10], 2, "only one pixel of cells painted"),
        (np.s_[5:9, 5:9], 1, "no foreground is painted"),
    ],
)
def test_paint_that_says_too_little_is_explained_and_kept(
    viewer, dock, train_foreground, foreground_engine, notifications, where, value, line
):
    layer = viewer.layers[PAINT]
    if where is not None:
        layer.data[where] = value
    before = layer.data.copy()
    train_foreground(dock)
    errors = [n.message for n in notifications if n.severity is NotificationSeverity.ERROR]
    assert len(errors) == 1
    assert line in errors[0]
    assert dock.controls.status.text() == errors[0]
    assert dock.controls.stage is ForegroundStage.IDLE
    np.testing.assert_array_equal(layer.data, before)
    assert [layer.name for layer in viewer.layers] == ["nuclei", PAINT]

    paint(layer)
    layer.data[where or ()] = 0
    paint(layer)
    train_foreground(dock)
    assert MASK in viewer.layers


def test_labels_of_other_images_are_listed_but_disabled_with_the_reason(viewer, dock):
    labels = dock.form.labels
    viewer.add_labels(np.ones((9, 9), dtype=np.uint8), name="small")
    row = labels.findText("small")
    assert not labels.model().item(row).isEnabled()
    assert "(9, 9)" in labels.itemData(row, Qt.ItemDataRole.ToolTipRole)

    other = viewer.add_image(np.ones((64, 48)), name="other")
    dock.form.image.choose(other)
    assert labels.layer is None
    row = labels.findText(PAINT)
    assert "another image" in labels.itemData(row, Qt.ItemDataRole.ToolTipRole)
    assert not dock.controls.train_button.isEnabled()
    dock.form.image.choose(viewer.layers["nuclei"])
    assert labels.layer is viewer.layers[PAINT]


def test_nothing_can_be_painted_over_a_colour_image(viewer, foreground_dock, notifications):
    viewer.layers.clear()
    viewer.add_image(np.zeros((8, 8, 3), dtype=np.uint8), rgb=True, name="colour")
    assert foreground_dock.form.image.layer is viewer.layers["colour"]
    foreground_dock.form.tools.new_button.click()
    assert [n.message[:14] for n in notifications] == ["A colour image"]
    assert len(viewer.layers) == 1
    assert not foreground_dock.controls.train_button.isEnabled()


def test_an_image_removed_during_the_training_ends_it_and_what_was_learned_is_kept(
    viewer, dock, foreground_engine, model_folder, notifications, qtbot
):
    paint(viewer.layers[PAINT])
    start_and_take_steps(dock, foreground_engine, qtbot, 2)
    with qtbot.waitSignal(dock.controller.ended, timeout=180_000):
        viewer.layers.remove("nuclei")
        foreground_engine.release()
    assert foreground_engine.steps_done < foreground_engine.steps
    warned = [n.message for n in notifications if n.severity is NotificationSeverity.WARNING]
    assert warned == [
        f"nuclei was removed: the training ends, and what was learned so far is kept as {NAME}."
    ]
    assert [entry.name for entry in available_fgnets()] == [NAME]
    assert PAINT in viewer.layers
    assert MASK not in viewer.layers


def test_results_removed_during_the_training_come_back_at_its_end_only(
    viewer, dock, foreground_engine, qtbot
):
    paint(viewer.layers[PAINT])
    start_and_take_steps(dock, foreground_engine, qtbot, 2)
    live = "nuclei foreground probability"
    qtbot.waitUntil(lambda: live in viewer.layers, timeout=180_000)
    viewer.layers.remove(live)
    viewer.layers.remove(PAINT)
    done = dock.plot.curve.get_xdata()
    foreground_engine.release(2)
    qtbot.waitUntil(lambda: len(dock.plot.curve.get_xdata()) > len(done), timeout=180_000)
    qtbot.wait(200)
    assert [layer.name for layer in viewer.layers] == ["nuclei"]
    with qtbot.waitSignal(dock.controller.ended, timeout=180_000):
        foreground_engine.release()
    assert len(viewer.layers) == 3
    assert MASK in viewer.layers


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ImageError("nuclei is damaged"), "nuclei is damaged"),
        (RuntimeError("mat1 and mat2"), "Unexpected RuntimeError: mat1 and mat2"),
    ],
)
def test_a_failed_training_gives_back_what_was_there(
    viewer, dock, foreground_engine, train_foreground, notifications, error, line
):
    paint(viewer.layers[PAINT])
    train_foreground(dock)
    before = viewer.layers[MASK].data.copy()
    foreground_engine.error = error
    train_foreground(dock)
    assert notifications[-1].message == line
    np.testing.assert_array_equal(viewer.layers[MASK].data, before)
    foreground_engine.error = None
    train_foreground(dock)
    assert foreground_engine.requests[-1].previous == "network 1"


def test_a_foreground_that_cannot_be_saved_is_kept_to_be_saved_elsewhere(
    viewer, dock, foreground_engine, train_foreground, notifications, qtbot, monkeypatch, tmp_path
):
    paint(viewer.layers[PAINT])
    foreground_engine.keep_error = OutputError("x cannot be written: the disk is full")
    train_foreground(dock)
    assert notifications[-1].message == "x cannot be written: the disk is full"
    assert MASK in viewer.layers
    foreground_engine.keep_error = None
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (str(tmp_path / "mine"), ""))
    with qtbot.waitSignal(dock.controller.ended, timeout=60_000):
        dock.controls.save_button.click()
    assert (tmp_path / "mine.safetensors").is_file()
    assert dock.controls.save_button.isHidden()


def test_a_model_of_another_image_is_not_replaced_without_a_question(
    viewer, dock, foreground_engine, train_foreground, model_folder
):
    model_folder.mkdir(parents=True)
    write_fgnet(model_folder / "taken.safetensors")
    dock.form.name.edit.setText("taken")
    assert not dock.controls.train_button.isEnabled()
    dock.form.name.edit.setText(NAME)
    paint(viewer.layers[PAINT])
    train_foreground(dock)

    other = viewer.add_image(np.ones((64, 48)), name="other")
    dock.form.image.choose(other)
    assert dock.form.name.name == "other-foreground"
    dock.form.name.edit.setText(NAME)
    assert "already" in dock.form.problem or "paint" in dock.form.problem
    dock.form.tools.cells_button.click()
    paint(viewer.layers["other foreground labels"])
    assert not dock.controls.train_button.isEnabled()
    dock.form.image.choose(viewer.layers["nuclei"])
    assert dock.form.name.name == NAME
    assert dock.controls.train_button.isEnabled()


def test_buttons_say_why_they_cannot_be_pressed(viewer, dock, foreground_engine, qtbot):
    controls = dock.controls
    assert controls.cancel_button.toolTip() == "No training is going on."
    assert dock.threshold.apply_button.toolTip().startswith("Train first")
    paint(viewer.layers[PAINT])
    foreground_engine.hold()
    controls.train_button.click()
    assert controls.finish_button.toolTip() == ForegroundStage.STARTING.value
    end(dock, qtbot, controls.cancel_button, foreground_engine)
    assert controls.status.text().startswith("Cancelled")


def test_strokes_and_whole_cells_are_told_apart(viewer, dock, foreground_engine, train_foreground):
    layer = viewer.layers[PAINT]
    paint(layer)
    train_foreground(dock)
    assert foreground_engine.found[-1].description == "strokes in 1 plane"

    # Whole cells in a box: the rest of the box is background, and outside nothing is known.
    layer.data[12:36, 12:36] = 2
    dock.form.region.draw_button.click()
    dock.form.region.shapes.add_rectangles([[8, 8], [55, 39]])
    train_foreground(dock)
    found = foreground_engine.found[-1]
    assert found.description == "every cell of a region in 1 plane"
    targets = found.planes[0].targets
    assert (targets[8:56, 8:40] >= 0).all()
    assert (targets[:8] == -1).all()
    assert (targets[12:36, 12:36] == 1).all()

    # A stroke of background in the box says that these are strokes after all.
    paint(layer, cells=False, rows=(50, 60))
    train_foreground(dock)
    assert foreground_engine.found[-1].description == "strokes of a region in 1 plane"
    dock.form.meaning.setCurrentText(LabelMeaning.EVERY_CELL.value)
    train_foreground(dock)
    targets = foreground_engine.found[-1].planes[0].targets
    assert (targets[50, 10:29] == 0).all()


def test_a_label_image_is_read_as_every_cell(viewer, dock, foreground_engine, train_foreground):
    labels = np.zeros((64, 48), dtype=np.uint16)
    labels[8:20, 8:20], labels[25:40, 8:20], labels[25:40, 21:35] = 1, 2, 3
    truth = viewer.add_labels(labels, name="truth")
    dock.form.labels.choose(truth)
    train_foreground(dock)
    found = foreground_engine.found[-1]
    np.testing.assert_array_equal(found.planes[0].targets, labels > 0)
    assert not found.only_cells

"""Distilling a student in the dock widget "Separate cells"."""

from __future__ import annotations

import time

import numpy as np
import pytest
from fake_distill_engine import ALPHA, PATCHES, FakeDistillEngine, write_student
from fake_engine import STUDENT, FakeEngine
from napari.utils.notifications import NotificationSeverity
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFileDialog

from napari_inpaintaff.errors import OutputError
from napari_inpaintaff.separation import available_students
from napari_inpaintaff.widgets.distill_controls import DistillStage
from napari_inpaintaff.widgets.model_cards import model_cards
from napari_inpaintaff.widgets.model_names import own_names
from napari_inpaintaff.widgets.runner import JobRunner
from napari_inpaintaff.widgets.separate_cells import SeparateCells

#: Of the student to be.
NAME = "mine"


@pytest.fixture
def distiller(dock, engine, model_folder):
    """The section, unfolded, in a dock widget that lists the user's models, too."""
    engine.list_more = lambda: [card for card in model_cards() if card.name in own_names()]
    dock.distill.expand(animate=False)
    dock.distill.name.edit.setText(NAME)
    return dock.distill


def start_and_go_on(distiller, engine, qtbot, steps):
    """Press Distill and let it take some steps, patches first."""
    engine.hold()
    before = engine.done
    distiller.controls.start_button.click()
    engine.release(steps)
    qtbot.waitUntil(lambda: engine.done == before + steps, timeout=180_000)
    stage = DistillStage.TRAINING if steps > PATCHES else DistillStage.LABELLING
    qtbot.waitUntil(lambda: distiller.controls.stage is stage, timeout=180_000)


def end(distiller, qtbot, engine, *, button=None):
    with qtbot.waitSignal(distiller.controller.ended, timeout=180_000):
        if button is not None:
            button.click()
        engine.release()


def test_from_distill_to_a_student_that_is_chosen(
    dock, distiller, distill_engine, model_folder, qtbot
):
    controls, text = distiller.controls, distiller.controls.status.text
    dock.form.evidence.setCurrentText("Image")
    dock.form.diameter.setValue(18)
    distiller.minutes.setValue(3)
    start_and_go_on(distiller, distill_engine, qtbot, 2)
    qtbot.waitUntil(lambda: text() == "Taking patches apart: 2 of 4.", timeout=180_000)
    assert (controls.bar.value(), controls.bar.maximum()) == (2, 4)
    assert not controls.stop_button.isEnabled()
    assert "no student to keep yet" in controls.stop_button.toolTip()
    assert not distiller.fields.isEnabled()
    distill_engine.release(3)
    qtbot.waitUntil(
        lambda: text().startswith("Training, agreement 0.60. At most 4 s left."), timeout=180_000
    )
    assert controls.stop_button.isEnabled()
    distill_engine.release(4)
    alpha = "Finding the cut strength (2): 3 of 4."
    qtbot.waitUntil(lambda: text() == alpha, timeout=180_000)
    assert controls.stop_button.isEnabled()

    end(distiller, qtbot, distill_engine)
    assert (model_folder / f"{NAME}.safetensors").is_file()
    assert NAME in [entry.name for entry in available_students()]
    assert dock.form.model.name == NAME
    assert dock.form.model.combo.currentText() == f"{NAME} · one pass"
    assert dock.form.label_settings().alpha == ALPHA
    assert dock.form.diameter.value() == 18
    assert not dock.form.quality.isEnabled()
    assert "agrees with nuclei-small to 0.93" in text()
    assert "Press Run" in text()
    request = distill_engine.requests[0]
    assert (request.settings.teacher, request.settings.minutes) == ("nuclei-small", 3)
    assert request.settings.diameter == 18
    assert request.foreground == "otsu"
    assert distiller.fields.isEnabled()
    assert dock.controls.run_button.isEnabled()


@pytest.mark.parametrize(
    ("agreement", "line"),
    [(0.6, "more images may make it better"), (None, "could not be measured")],
)
def test_what_makes_a_student_better_is_said(
    dock, distiller, distill_engine, qtbot, agreement, line
):
    distill_engine.agreement = agreement
    end(distiller, qtbot, distill_engine, button=distiller.controls.start_button)
    assert line in distiller.controls.status.text()


def test_stop_keeps_the_student(dock, distiller, distill_engine, model_folder, qtbot):
    start_and_go_on(distiller, distill_engine, qtbot, PATCHES + 2)
    end(distiller, qtbot, distill_engine, button=distiller.controls.stop_button)
    assert distill_engine.done == PATCHES + 3
    assert (model_folder / f"{NAME}.safetensors").is_file()
    assert dock.form.model.name == NAME


@pytest.mark.parametrize("steps", [2, PATCHES + 2])
def test_cancel_leaves_nothing(dock, distiller, distill_engine, model_folder, qtbot, steps):
    start_and_go_on(distiller, distill_engine, qtbot, steps)
    with qtbot.waitSignal(distiller.controller.ended, timeout=180_000):
        distiller.controls.cancel_button.click()
        assert distiller.controls.stage is DistillStage.CANCELLING
        assert not distiller.controls.cancel_button.isEnabled()
        distill_engine.release()
    assert distill_engine.done <= steps + 1
    assert distill_engine.closed == 1
    assert not model_folder.exists()
    assert dock.form.model.name == "nuclei-small"
    assert distiller.controls.status.text().startswith("Cancelled")
    end(distiller, qtbot, distill_engine, button=distiller.controls.start_button)
    assert dock.form.model.name == NAME


@pytest.mark.parametrize("error", [RuntimeError("CUDA"), MemoryError()])
def test_an_error_is_one_notification_and_the_next_one_works(
    dock, distiller, distill_engine, model_folder, qtbot, notifications, error
):
    distill_engine.error = error
    end(distiller, qtbot, distill_engine, button=distiller.controls.start_button)
    errors = [n.message for n in notifications if n.severity is NotificationSeverity.ERROR]
    assert len(errors) == 1
    assert distiller.controls.status.text() == errors[0]
    assert not model_folder.exists()
    distill_engine.error = None
    end(distiller, qtbot, distill_engine, button=distiller.controls.start_button)
    assert dock.form.model.name == NAME


def test_a_student_that_cannot_be_saved_is_kept_to_be_saved_elsewhere(
    dock, distiller, distill_engine, model_folder, qtbot, notifications, monkeypatch, tmp_path
):
    distill_engine.keep_error = OutputError("x cannot be written: the disk is full")
    end(distiller, qtbot, distill_engine, button=distiller.controls.start_button)
    assert notifications[-1].message == "x cannot be written: the disk is full"
    save = distiller.controls.save_button
    assert save.isVisibleTo(distiller)
    assert dock.form.model.name == "nuclei-small"

    distill_engine.keep_error = None
    elsewhere = tmp_path / "other disk" / "rescued"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (str(elsewhere), ""))
    end(distiller, qtbot, distill_engine, button=save)
    path = elsewhere.with_suffix(".safetensors")
    assert path.is_file()
    assert dock.form.model.name == str(path)
    assert str(path) in distiller.controls.status.text()
    assert not save.isVisibleTo(distiller)


def test_a_name_that_is_taken_needs_consent(dock, distiller, distill_engine, model_folder, qtbot):
    model_folder.mkdir(parents=True)
    before = write_student(model_folder / "taken.safetensors").read_bytes()
    start = distiller.controls.start_button
    distiller.name.edit.setText("Taken")
    assert not start.isEnabled()
    assert "replace it, or choose another name" in start.toolTip()
    distiller.name.edit.setText("nuclei-small")
    assert "comes with the plugin" in start.toolTip()
    distiller.name.edit.setText("a/b")
    assert "cannot contain '/'" in start.toolTip()

    distiller.name.edit.setText("taken")
    distiller.name.replace.setChecked(True)
    assert start.isEnabled()
    start_and_go_on(distiller, distill_engine, qtbot, PATCHES + 1)
    assert (model_folder / "taken.safetensors").read_bytes() == before
    end(distiller, qtbot, distill_engine)
    assert dock.form.model.name == "taken"


def test_a_name_is_proposed_for_the_image(viewer, dock, model_folder):
    proposed = dock.distill.name.name
    assert proposed.startswith("nuclei-student")
    other = viewer.add_image(np.zeros((8, 8)), name="My cells.tif")
    dock.form.image.choose(other)
    assert dock.distill.name.name == "My-cells-student"
    dock.distill.name.edit.setText("own")
    dock.form.image.choose(viewer.layers["nuclei"])
    assert dock.distill.name.name == "own"


def test_the_button_says_why_it_cannot_be_pressed(
    viewer, dock, engine, distill_engine, model_folder, qtbot
):
    start, cancel = dock.distill.controls.start_button, dock.distill.controls.cancel_button
    dock.distill.name.edit.setText(NAME)
    assert start.isEnabled()
    assert cancel.toolTip() == DistillStage.IDLE.value
    dock.form.model.choose(STUDENT)
    assert not start.isEnabled()
    assert "A student cannot teach" in start.toolTip()
    dock.form.model.choose("nuclei-small")
    assert start.isEnabled()

    engine.hold()
    dock.controls.run_button.click()
    assert "Wait until the run is finished" in start.toolTip()
    with qtbot.waitSignal(dock.controller.ended, timeout=180_000):
        engine.release()
    assert start.isEnabled()

    viewer.layers.clear()
    assert not start.isEnabled()
    assert "Open an image" in start.toolTip()


def test_run_waits_for_the_student_and_other_widgets_say_so(
    viewer, dock, distiller, distill_engine, qtbot, notifications
):
    other = SeparateCells(viewer, engine=FakeEngine(), distill_engine=FakeDistillEngine())
    qtbot.addWidget(other)
    start_and_go_on(distiller, distill_engine, qtbot, 1)
    assert not dock.controls.run_button.isEnabled()
    assert "A student is being distilled" in dock.controls.run_button.toolTip()
    other.controls.run_button.click()
    assert f'"Distilling {NAME}" is still running' in notifications[-1].message
    other.distill.name.edit.setText("another")
    other.distill.controls.start_button.click()
    assert notifications[-1].message == notifications[-2].message
    assert other.distill.controls.stage is DistillStage.IDLE
    end(distiller, qtbot, distill_engine)
    assert dock.controls.run_button.isEnabled()


def test_all_planes_and_their_masks_are_taken(viewer, dock, distiller, distill_engine, qtbot):
    movie = np.arange(3)[:, None, None] * np.ones((3, 8, 8))
    layer = viewer.add_image(movie, name="movie")
    mask = viewer.add_labels(np.arange(3)[:, None, None] * np.ones((3, 8, 8), int), name="mask")
    dock.form.image.choose(layer)
    dock.form.foreground.choose(mask)
    end(distiller, qtbot, distill_engine, button=distiller.controls.start_button)
    assert distill_engine.means == [0, 1, 2]
    planes = distill_engine.requests[0].foreground
    assert [plane.read().max() for plane in planes] == [0, 1, 2]


def test_a_mask_that_does_not_fit_is_said_at_once(
    viewer, dock, distiller, distill_engine, notifications
):
    mask = viewer.add_labels(np.ones((3, 8, 8), int), name="many masks")
    dock.form.foreground.choose(mask)
    distiller.controls.start_button.click()
    assert "many masks" in notifications[-1].message
    assert distill_engine.requests == []
    assert distiller.controls.stage is DistillStage.IDLE


def test_the_layer_may_be_removed_and_the_choice_changed_meanwhile(
    viewer, dock, distiller, distill_engine, model_folder, qtbot
):
    start_and_go_on(distiller, distill_engine, qtbot, 1)
    dock.form.model.choose("nuclei-pconv")
    viewer.layers.remove("nuclei")
    end(distiller, qtbot, distill_engine)
    assert (model_folder / f"{NAME}.safetensors").is_file()
    assert dock.form.model.name == NAME


def test_the_interface_stays_alive(dock, distiller, distill_engine, qtbot):
    ticks = []
    timer = QTimer(dock)
    timer.timeout.connect(lambda: ticks.append(time.monotonic()))
    timer.start(10)
    start_and_go_on(distiller, distill_engine, qtbot, 1)
    qtbot.wait(500)
    timer.stop()
    assert np.median(np.diff(ticks)) < 0.1


@pytest.mark.parametrize("close", ["dock", "viewer"])
def test_closing_ends_the_distillation(
    make_napari_viewer, distill_engine, engine, model_folder, qtbot, close
):
    viewer = make_napari_viewer()
    viewer.add_image(np.eye(64, 48), name="nuclei")
    dock = SeparateCells(viewer, engine=engine, distill_engine=distill_engine)
    viewer.window.add_dock_widget(dock, name="Separate cells")
    dock.distill.name.edit.setText(NAME)
    start_and_go_on(dock.distill, distill_engine, qtbot, PATCHES + 1)
    if close == "viewer":
        viewer.close()
    else:
        destroyed = []
        dock.destroyed.connect(lambda: destroyed.append(True))
        viewer.window.remove_dock_widget(dock)
        dock.deleteLater()
        del dock
        qtbot.waitUntil(lambda: bool(destroyed), timeout=180_000)
    distill_engine.release()
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=180_000)
    assert distill_engine.closed == 1
    assert distill_engine.done <= PATCHES + 2
    assert not model_folder.exists()
    qtbot.wait(100)

"""Errors of a training: one line each, and the widget can be used afterwards."""

from __future__ import annotations

import numpy as np
import pytest
from napari.utils.notifications import NotificationSeverity
from qtpy.QtWidgets import QFileDialog

from napari_inpaintaff.errors import ImageError, OutputError
from napari_inpaintaff.inpainting import available_inpainters
from napari_inpaintaff.widgets.training_controls import Stage
from napari_inpaintaff.widgets.training_preview import PREVIEW_NAME


@pytest.fixture
def ready(form_only, model_viewer):
    """The widget with an image ticked."""
    model_viewer.add_image(np.eye(16), name="cells")
    return form_only


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ImageError("nothing varies in the training images"), "nothing varies in the"),
        (RuntimeError("mat1 and mat2"), "Unexpected RuntimeError: mat1 and mat2"),
        (MemoryError(), "Not enough memory: close other programs"),
        (OutputError("/x.checkpoint cannot be written: the disk is full"), "the disk is full"),
    ],
)
def test_an_error_is_one_notification_and_the_next_training_works(
    ready, model_viewer, training_engine, model_folder, train_to_end, notifications, error, line
):
    training_engine.error = error
    train_to_end(ready)
    errors = [n.message for n in notifications if n.severity is NotificationSeverity.ERROR]
    assert len(errors) == 1
    assert line in errors[0]
    assert ready.controls.status.text() == errors[0]
    assert ready.controls.stage is Stage.IDLE
    assert PREVIEW_NAME not in model_viewer.layers
    assert not (model_folder / "cells-inpainter.safetensors").exists()
    # What was learnt until then is not lost.
    assert ready.form.name.resume.isVisibleTo(ready)

    training_engine.error = None
    train_to_end(ready)
    assert [path.name for path in model_folder.iterdir()] == ["cells-inpainter.safetensors"]


def test_a_model_that_cannot_be_saved_is_kept_to_be_saved_elsewhere(
    ready, training_engine, model_folder, train_to_end, notifications, qtbot, monkeypatch, tmp_path
):
    training_engine.keep_error = OutputError("x cannot be written: the disk is full")
    train_to_end(ready)
    assert notifications[-1].message == "x cannot be written: the disk is full"
    assert ready.controls.save_button.isVisibleTo(ready)
    # Should napari end now, the training can go on.
    assert ready.form.name.resume.isVisibleTo(ready)

    training_engine.keep_error = None
    elsewhere = tmp_path / "other disk" / "rescued"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (str(elsewhere), ""))
    with qtbot.waitSignal(ready.controller.ended, timeout=60_000):
        ready.controls.save_button.click()
    assert elsewhere.with_suffix(".safetensors").is_file()
    assert "rescued.safetensors" in ready.controls.status.text()
    assert not ready.controls.save_button.isVisibleTo(ready)
    assert not ready.form.name.resume.isVisibleTo(ready)
    assert list(model_folder.iterdir()) == []


def test_planes_that_could_not_be_used_are_counted_at_the_end(ready, training_engine, train_to_end):
    training_engine.skipped = 2
    train_to_end(ready)
    assert "2 planes could not be used" in ready.controls.status.text()


def test_a_layer_without_intensities_is_said_at_start(
    ready, model_viewer, training_engine, train_to_end, notifications
):
    model_viewer.layers.clear()
    model_viewer.add_image(np.zeros((4, 4), dtype=bool), name="mask")
    train_to_end(ready)
    assert "mask" in notifications[-1].message


def test_buttons_say_why_they_cannot_be_pressed(ready, training_engine, qtbot):
    controls = ready.controls
    for button in (controls.pause_button, controls.stop_button, controls.cancel_button):
        assert not button.isEnabled()
        assert button.toolTip() == "No training is going on."
    training_engine.denoising = 2
    training_engine.hold()
    controls.start_button.click()
    assert controls.start_button.toolTip() == Stage.STARTING.value
    assert controls.stop_button.toolTip() == Stage.STARTING.value
    assert controls.cancel_button.isEnabled()
    assert not ready.form.isEnabled()
    training_engine.release(1)
    qtbot.waitUntil(lambda: controls.stage is Stage.DENOISING, timeout=60_000)
    assert controls.pause_button.isEnabled()
    assert "no inpainter to keep yet" in controls.stop_button.toolTip()
    assert "Learning the noise" in controls.status.text()
    training_engine.release(2)
    qtbot.waitUntil(lambda: controls.stage is Stage.TRAINING, timeout=60_000)
    assert controls.stop_button.isEnabled()
    with qtbot.waitSignal(ready.controller.ended, timeout=60_000):
        controls.cancel_button.click()
        assert controls.stop_button.toolTip() == Stage.CANCELLING.value
        training_engine.release()
    assert ready.form.isEnabled()
    assert "cells-inpainter" not in [entry.name for entry in available_inpainters()]

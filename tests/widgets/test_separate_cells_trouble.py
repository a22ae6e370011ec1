"""Cancel, errors, and users who do something else meanwhile."""

from __future__ import annotations

import numpy as np
import pytest
from fake_engine import FakeEngine
from napari.utils.notifications import NotificationSeverity

from napari_inpaintaff.errors import DeviceError
from napari_inpaintaff.widgets.runner import JobRunner
from napari_inpaintaff.widgets.separate_cells import SeparateCells


def test_cancel_acts_before_the_next_batch_and_leaves_no_layer(
    viewer, dock, engine, run_to_end, qtbot
):
    engine.hold()
    dock.controls.run_button.click()
    assert not dock.controls.run_button.isEnabled()
    engine.release(3)
    qtbot.waitUntil(lambda: engine.batches_done == 3, timeout=180_000)
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=180_000)
    with qtbot.waitSignal(dock.controller.ended, timeout=180_000):
        dock.controls.cancel_button.click()
        assert dock.controls.status.text() == "Cancelling…"
        engine.release(1)
    assert engine.batches_done <= 4
    assert engine.closed == 1
    assert [layer.name for layer in viewer.layers] == ["nuclei"]
    assert dock.controls.status.text().startswith("Cancelled")
    assert dock.controls.run_button.isEnabled()

    engine.release()
    run_to_end(dock)
    assert engine.previous[1] is None
    assert "nuclei cells" in viewer.layers


def test_a_runtime_error_reaches_the_user_and_the_button_works_again(
    viewer, dock, engine, run_to_end, notifications
):
    engine.error = RuntimeError("CUDA error: out of memory")
    run_to_end(dock)
    errors = [n for n in notifications if n.severity is NotificationSeverity.ERROR]
    assert [n.message for n in errors] == ["Unexpected RuntimeError: CUDA error: out of memory"]
    assert engine.closed == 1
    assert [layer.name for layer in viewer.layers] == ["nuclei"]
    assert dock.controls.run_button.isEnabled()
    assert "out of memory" in dock.controls.status.text()

    engine.error = None
    run_to_end(dock)
    assert "nuclei cells" in viewer.layers


def test_our_own_errors_speak_for_themselves(viewer, dock, engine, run_to_end, notifications):
    engine.error = DeviceError("The GPU is full: choose the device CPU.")
    run_to_end(dock)
    assert notifications[-1].message == "The GPU is full: choose the device CPU."


def test_an_error_while_labelling_keeps_the_labels(
    viewer, dock, engine, run_to_end, notifications, qtbot
):
    run_to_end(dock)
    before = viewer.layers["nuclei cells"].data.copy()
    engine.label_error = RuntimeError("broken")
    dock.form.alpha.setValue(0.6)
    qtbot.waitUntil(lambda: bool(notifications), timeout=180_000)
    assert notifications[-1].message == "Unexpected RuntimeError: broken"
    np.testing.assert_array_equal(viewer.layers["nuclei cells"].data, before)
    engine.label_error = None
    dock.form.alpha.setValue(0.7)
    qtbot.waitUntil(lambda: viewer.layers["nuclei cells"].data.max() == 1, timeout=180_000)


def test_a_removed_image_drops_its_result_with_a_notification(
    viewer, dock, engine, qtbot, notifications
):
    engine.hold()
    dock.controls.run_button.click()
    qtbot.waitUntil(engine.in_batch.is_set, timeout=180_000)
    with qtbot.waitSignal(dock.controller.ended, timeout=180_000):
        viewer.layers.remove("nuclei")
        engine.release()
    assert len(viewer.layers) == 0
    assert notifications[-1].severity is NotificationSeverity.WARNING
    assert "nuclei was removed" in notifications[-1].message
    assert dock.controls.run_button.isEnabled()


def test_the_result_follows_its_image_when_the_user_renames_and_switches(
    viewer, dock, engine, qtbot
):
    source = viewer.layers["nuclei"]
    engine.hold()
    dock.controls.run_button.click()
    qtbot.waitUntil(engine.in_batch.is_set, timeout=180_000)
    other = viewer.add_image(np.zeros((64, 48)), name="other")
    dock.form.image.choose(other)
    source.name = "renamed"
    with qtbot.waitSignal(dock.controller.ended, timeout=180_000):
        engine.release()
    labels = viewer.layers["renamed cells"]
    np.testing.assert_allclose(labels.scale, source.scale)
    np.testing.assert_allclose(labels.translate, source.translate)
    assert dock.form.image.layer is other

    # Alpha concerns the chosen image, which has no result yet.
    dock.form.alpha.setValue(0.6)
    qtbot.wait(300)
    assert len(engine.labellings) == 1
    dock.form.image.choose(source)
    dock.form.alpha.setValue(0.7)
    qtbot.waitUntil(lambda: labels.data.max() == 1, timeout=180_000)


def test_the_preview_removed_by_the_user_stays_away(viewer, dock, engine, qtbot):
    engine.hold()
    dock.controls.run_button.click()
    engine.release(2)
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=180_000)
    viewer.layers.remove("Evolving split")
    engine.release(2)
    qtbot.waitUntil(lambda: engine.batches_done == 4, timeout=180_000)
    qtbot.wait(150)
    assert [layer.name for layer in viewer.layers] == ["nuclei"]
    with qtbot.waitSignal(dock.controller.ended, timeout=180_000):
        engine.release()
    assert "nuclei cells" in viewer.layers


def test_one_heavy_job_per_process(viewer, dock, engine, qtbot, notifications):
    engine.hold()
    second_engine = FakeEngine()
    second = SeparateCells(viewer, engine=second_engine)
    qtbot.addWidget(second)
    dock.controls.run_button.click()
    qtbot.waitUntil(engine.in_batch.is_set, timeout=180_000)
    second.controls.run_button.click()
    assert "still running" in notifications[-1].message
    assert second.controls.run_button.isEnabled()
    assert second_engine.separations == 0
    with qtbot.waitSignal(dock.controller.ended, timeout=180_000):
        engine.release()
    with qtbot.waitSignal(second.controller.ended, timeout=180_000):
        second.controls.run_button.click()
    assert second_engine.separations == 1


def test_closing_the_dock_widget_ends_the_run(viewer, engine, qtbot):
    engine.hold()
    widget = SeparateCells(viewer, engine=engine)
    viewer.window.add_dock_widget(widget, name="Separate cells")
    widget.controls.run_button.click()
    engine.release(2)
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=180_000)
    destroyed = []
    widget.destroyed.connect(lambda: destroyed.append(True))
    viewer.window.remove_dock_widget(widget)
    widget.deleteLater()
    del widget
    qtbot.waitUntil(lambda: bool(destroyed), timeout=180_000)
    engine.release()
    qtbot.waitUntil(lambda: engine.closed == 1, timeout=180_000)
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=180_000)
    assert engine.batches_done <= 4
    assert [layer.name for layer in viewer.layers] == ["nuclei"]
    viewer.add_image(np.zeros((4, 4)))


def test_closing_the_viewer_during_a_run_ends_it(make_napari_viewer, qtbot):
    engine = FakeEngine()
    engine.hold()
    viewer = make_napari_viewer()
    viewer.add_image(np.eye(64, 48))
    widget = SeparateCells(viewer, engine=engine)
    viewer.window.add_dock_widget(widget, name="Separate cells")
    widget.controls.run_button.click()
    engine.release(2)
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=180_000)
    viewer.close()
    engine.release()
    qtbot.waitUntil(lambda: engine.closed == 1, timeout=180_000)
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=180_000)
    assert engine.batches_done <= 4
    qtbot.wait(100)


def test_without_an_image_run_asks_for_one(make_napari_viewer, engine, notifications):
    viewer = make_napari_viewer()
    widget = SeparateCells(viewer, engine=engine)
    viewer.window.add_dock_widget(widget)
    widget.controls.run_button.click()
    assert notifications[-1].message == "Open an image and choose it first."


@pytest.mark.parametrize("error", [ValueError(""), KeyError("channel")])
def test_every_error_names_itself(viewer, dock, engine, run_to_end, notifications, error):
    engine.error = error
    run_to_end(dock)
    assert notifications[-1].message.startswith(f"Unexpected {type(error).__name__}")

"""A training in the real viewer: plot, preview, verdict, and what the buttons do to it."""

from __future__ import annotations

import time

import numpy as np
import pytest
from fake_training_engine import FakeTrainingEngine, quality_after, write_checkpoint, write_model
from qtpy.QtCore import QTimer

from napari_inpaintaff.inpainting import available_inpainters, judge
from napari_inpaintaff.inpainting.checkpoint import checkpoint_path
from napari_inpaintaff.widgets.live_figure import REDRAW_INTERVAL_MS
from napari_inpaintaff.widgets.runner import FLUSH_INTERVAL_MS, JobRunner
from napari_inpaintaff.widgets.separate_cells import SeparateCells
from napari_inpaintaff.widgets.train_inpainter import TrainInpainter
from napari_inpaintaff.widgets.training_controls import Stage
from napari_inpaintaff.widgets.training_preview import PREVIEW_NAME

NAME = "nuclei-inpainter"


def preview(viewer):
    return next((layer for layer in viewer.layers if layer.name == PREVIEW_NAME), None)


def curve(trainer):
    """Points of the held-out error that are drawn."""
    return len(trainer.plot.error_curve.get_xdata())


def start_and_take_steps(trainer, engine, qtbot, steps):
    engine.hold()
    trainer.controls.start_button.click()
    engine.release(steps)
    qtbot.waitUntil(lambda: engine.steps_done == steps, timeout=180_000)
    qtbot.waitUntil(lambda: trainer.controls.stage is Stage.TRAINING, timeout=180_000)


def end(trainer, qtbot, button, engine):
    with qtbot.waitSignal(trainer.controller.ended, timeout=180_000):
        button.click()
        engine.release()


def test_from_start_to_a_model_with_plot_preview_and_verdict(
    viewer, trainer, training_engine, model_folder, qtbot
):
    selected = viewer.layers.selection.active
    start_and_take_steps(trainer, training_engine, qtbot, 2)
    qtbot.waitUntil(lambda: preview(viewer) is not None, timeout=180_000)
    layer, first = preview(viewer), preview(viewer).data.copy()
    assert layer.rgb
    assert viewer.layers.selection.active is selected
    verdict = judge(quality_after(2)).text
    qtbot.waitUntil(lambda: trainer.controls.verdict.text() == verdict, timeout=180_000)
    assert "12 s done, about 24 s left" in trainer.controls.status.text()
    qtbot.waitUntil(lambda: curve(trainer) == 2, timeout=180_000)

    training_engine.release(1)
    qtbot.waitUntil(lambda: curve(trainer) == 3, timeout=180_000)
    assert preview(viewer) is layer
    assert not np.array_equal(layer.data, first)
    assert "train longer" not in trainer.controls.verdict.text()

    with qtbot.waitSignal(trainer.controller.ended, timeout=180_000):
        training_engine.release()
    assert curve(trainer) == 6
    assert trainer.controls.verdict.text().endswith(judge(quality_after(6)).text)
    assert trainer.controls.status.text().startswith(f"Saved. Choose {NAME}")
    assert preview(viewer) is layer
    assert sorted(path.name for path in model_folder.iterdir()) == [f"{NAME}.safetensors"]
    assert NAME in [entry.name for entry in available_inpainters()]


def test_pytorch_is_loaded_soon_after_the_widget_opens(trainer, training_engine, qtbot):
    assert not training_engine.warm
    qtbot.waitUntil(lambda: training_engine.warm, timeout=180_000)
    assert trainer.controls.start_button.isEnabled()


def test_pause_holds_the_training_and_resume_goes_on(viewer, trainer, training_engine, qtbot):
    start_and_take_steps(trainer, training_engine, qtbot, 2)
    trainer.controls.pause_button.click()
    assert trainer.controls.pause_button.text() == "Resume"
    training_engine.release(3)
    # The step that had begun is finished, and no other begins.
    qtbot.waitUntil(lambda: training_engine.steps_done == 3, timeout=180_000)
    seen = []
    qtbot.wait(2 * FLUSH_INTERVAL_MS)
    trainer.controller.updated.connect(seen.append)
    qtbot.wait(300)
    assert training_engine.steps_done == 3
    assert seen == []
    assert trainer.controls.status.text() == "Paused."

    trainer.controls.pause_button.click()
    qtbot.waitUntil(lambda: training_engine.steps_done == 5, timeout=180_000)
    qtbot.waitUntil(lambda: bool(seen), timeout=180_000)
    assert trainer.controls.pause_button.text() == "Pause"


@pytest.mark.parametrize("paused", [False, True])
def test_stop_keeps_a_model_that_an_open_widget_offers_at_once(
    viewer, trainer, training_engine, model_folder, engine, qtbot, paused
):
    engine.models = training_engine.inpainters
    cells = SeparateCells(viewer, engine=engine)
    qtbot.addWidget(cells)
    choice = cells.form.model
    choice.choose("nuclei-pconv")
    cells.form.diameter.setValue(18)
    start_and_take_steps(trainer, training_engine, qtbot, 2)
    if paused:
        trainer.controls.pause_button.click()
    end(trainer, qtbot, trainer.controls.stop_button, training_engine)
    assert training_engine.steps_done < training_engine.steps
    assert (model_folder / f"{NAME}.safetensors").is_file()
    assert choice.combo.findText(NAME) >= 0
    assert choice.name == "nuclei-pconv"
    assert cells.form.diameter.value() == 18
    choice.choose(NAME)
    assert cells.form.diameter.value() == 31

    # What was stopped can go on, and replaces its own model.
    assert trainer.form.name.resume.isVisibleTo(trainer)
    assert not trainer.controls.start_button.isEnabled()
    trainer.form.name.resume.setChecked(True)
    end(trainer, qtbot, trainer.controls.start_button, training_engine)
    assert training_engine.requests[-1].resume
    assert sorted(path.name for path in model_folder.iterdir()) == [f"{NAME}.safetensors"]
    assert not trainer.form.name.resume.isVisibleTo(trainer)


def test_cancel_leaves_nothing_and_takes_nothing(
    viewer, trainer, training_engine, model_folder, qtbot
):
    model_folder.mkdir(parents=True)
    model = write_model(model_folder / "mine.safetensors")
    checkpoint = checkpoint_path(model)
    write_checkpoint(checkpoint, 3)
    before = {path: path.read_bytes() for path in model_folder.iterdir()}
    trainer.form.name.edit.setText("mine")
    trainer.form.name.replace.setChecked(True)
    start_and_take_steps(trainer, training_engine, qtbot, 2)
    qtbot.waitUntil(lambda: preview(viewer) is not None, timeout=180_000)
    end(trainer, qtbot, trainer.controls.cancel_button, training_engine)
    assert {path: path.read_bytes() for path in model_folder.iterdir()} == before
    assert preview(viewer) is None
    assert [layer.name for layer in viewer.layers] == ["nuclei"]
    assert trainer.controls.status.text().startswith("Cancelled")
    assert training_engine.closed == 1

    # The next one goes the whole way.
    training_engine.release()
    trainer.form.name.edit.setText("another")
    end(trainer, qtbot, trainer.controls.start_button, training_engine)
    assert (model_folder / "another.safetensors").is_file()
    assert preview(viewer) is not None


def test_cancel_while_paused_ends_the_training(
    viewer, trainer, training_engine, model_folder, qtbot
):
    start_and_take_steps(trainer, training_engine, qtbot, 1)
    trainer.controls.pause_button.click()
    end(trainer, qtbot, trainer.controls.cancel_button, training_engine)
    assert list(model_folder.iterdir()) == []


def test_the_view_is_put_back_unless_the_user_moved_it(viewer, trainer, training_engine, qtbot):
    viewer.reset_view()
    before = viewer.scene.camera.zoom
    start_and_take_steps(trainer, training_engine, qtbot, 1)
    qtbot.waitUntil(lambda: preview(viewer) is not None, timeout=180_000)
    assert viewer.scene.camera.zoom < before
    end(trainer, qtbot, trainer.controls.cancel_button, training_engine)
    assert viewer.scene.camera.zoom == pytest.approx(before)

    start_and_take_steps_again = training_engine.steps_done + 1
    training_engine.hold()
    trainer.controls.start_button.click()
    training_engine.release(1)
    qtbot.waitUntil(
        lambda: training_engine.steps_done == start_and_take_steps_again, timeout=180_000
    )
    qtbot.waitUntil(lambda: preview(viewer) is not None, timeout=180_000)
    viewer.scene.camera.zoom = 7.0
    end(trainer, qtbot, trainer.controls.cancel_button, training_engine)
    assert viewer.scene.camera.zoom == 7.0


def test_the_preview_removed_by_the_user_stays_away(viewer, trainer, training_engine, qtbot):
    start_and_take_steps(trainer, training_engine, qtbot, 1)
    qtbot.waitUntil(lambda: preview(viewer) is not None, timeout=180_000)
    viewer.layers.remove(PREVIEW_NAME)
    with qtbot.waitSignal(trainer.controller.ended, timeout=180_000):
        training_engine.release()
    assert preview(viewer) is None


def test_the_preview_is_no_source(viewer, trainer, training_engine, train_to_end):
    train_to_end(trainer)
    assert preview(viewer) is not None
    assert [trainer.sources.list.item(i).text() for i in range(trainer.sources.list.count())] == [
        "nuclei"
    ]


def test_layers_may_be_renamed_and_removed_during_a_training(
    viewer, trainer, training_engine, model_folder, qtbot
):
    start_and_take_steps(trainer, training_engine, qtbot, 1)
    viewer.layers["nuclei"].name = "renamed"
    viewer.layers.remove("renamed")
    viewer.add_image(np.zeros((8, 8)), name="other")
    with qtbot.waitSignal(trainer.controller.ended, timeout=180_000):
        training_engine.release()
    assert (model_folder / f"{NAME}.safetensors").is_file()
    assert training_engine.means == [pytest.approx(100 * 40 * 32 / (64 * 48))]


def test_the_interface_stays_alive_and_updates_do_not_flood_it(
    viewer, trainer, training_engine, qtbot
):
    training_engine.steps = 100
    drawn_before = trainer.plot.drawings
    ticks = []
    timer = QTimer(trainer)
    timer.timeout.connect(lambda: ticks.append(time.monotonic()))
    timer.start(10)
    start = time.monotonic()
    trainer.controls.start_button.click()
    qtbot.waitUntil(lambda: training_engine.steps_done == 100, timeout=180_000)
    qtbot.waitUntil(lambda: not trainer.controller.is_running, timeout=180_000)
    timer.stop()
    seconds = time.monotonic() - start
    assert np.median(np.diff(ticks)) < 0.1
    # Plus those at the start and at the end.
    assert trainer.plot.drawings - drawn_before <= 1000 * seconds / REDRAW_INTERVAL_MS + 3
    assert curve(trainer) == 100


def test_one_heavy_job_per_process(viewer, trainer, training_engine, engine, qtbot, notifications):
    cells = SeparateCells(viewer, engine=engine)
    qtbot.addWidget(cells)
    start_and_take_steps(trainer, training_engine, qtbot, 1)
    cells.controls.run_button.click()
    assert f'"Training {NAME}" is still running' in notifications[-1].message
    assert engine.separations == 0
    end(trainer, qtbot, trainer.controls.cancel_button, training_engine)

    engine.hold()
    cells.controls.run_button.click()
    qtbot.waitUntil(engine.in_batch.is_set, timeout=180_000)
    trainer.controls.start_button.click()
    assert "Separating the cells of nuclei" in notifications[-1].message
    assert len(training_engine.requests) == 1
    assert trainer.controls.start_button.isEnabled()
    with qtbot.waitSignal(cells.controller.ended, timeout=180_000):
        engine.release()
    end(trainer, qtbot, trainer.controls.start_button, training_engine)
    assert len(training_engine.requests) == 2


def test_an_interrupted_training_is_offered_again_when_the_widget_is_opened_anew(
    viewer, training_engine, model_folder, qtbot
):
    widget = TrainInpainter(viewer, engine=training_engine)
    viewer.window.add_dock_widget(widget, name="Train inpainter")
    widget.form.diameter.setValue(33)
    widget.form.seed.setValue(5)
    start_and_take_steps(widget, training_engine, qtbot, 3)
    qtbot.waitUntil(lambda: preview(viewer) is not None, timeout=180_000)
    destroyed = []
    widget.destroyed.connect(lambda: destroyed.append(True))
    viewer.window.remove_dock_widget(widget)
    widget.deleteLater()
    del widget
    qtbot.waitUntil(lambda: bool(destroyed), timeout=180_000)
    training_engine.release()
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=180_000)
    assert training_engine.closed == 1
    assert training_engine.steps_done < 6
    assert preview(viewer) is None
    assert checkpoint_path(model_folder / f"{NAME}.safetensors").is_file()
    viewer.theme = "light"
    viewer.theme = "dark"

    other = FakeTrainingEngine()
    again = TrainInpainter(viewer, engine=other)
    viewer.window.add_dock_widget(again, name="Train inpainter")
    assert again.form.name.name == NAME
    assert again.form.name.interrupted.minutes == pytest.approx(0.1 * training_engine.steps_done)
    assert again.form.diameter.value() == 33
    assert again.form.seed.value() == 5
    assert not again.form.seed.isEnabled()
    assert [layer.name for layer in again.sources.layers] == ["nuclei"]
    end(again, qtbot, again.controls.start_button, other)
    assert other.requests[0].resume
    assert other.requests[0].settings == training_engine.requests[0].settings

"""A training of a foreground in the real viewer: paint, watch, finish, and go on."""

from __future__ import annotations

import numpy as np
import pytest

from napari_inpaintaff.foreground import available_fgnets
from napari_inpaintaff.widgets.find_foreground import FindForeground
from napari_inpaintaff.widgets.foreground_controls import ForegroundStage
from napari_inpaintaff.widgets.runner import JobRunner
from napari_inpaintaff.widgets.separate_cells import SeparateCells

NAME = "nuclei-foreground"
LIVE, MASK, PAINT = (
    "nuclei foreground probability",
    "nuclei foreground",
    "nuclei foreground labels",
)


def paint(layer, *, cells=True, rows=(10, 20), columns=(10, 30)):
    """Paint with the layer's own brush, along a line."""
    layer.mode = "paint"
    layer.selected_label = 2 if cells else 1
    layer.brush_size = 3
    for column in range(*columns):
        layer.paint((rows[0], column), layer.selected_label)


def start_and_take_steps(dock, engine, qtbot, steps):
    done = engine.steps_done
    engine.hold()
    dock.controls.train_button.click()
    engine.release(steps)
    qtbot.waitUntil(lambda: engine.steps_done == done + steps, timeout=180_000)
    qtbot.waitUntil(lambda: dock.controls.stage is ForegroundStage.TRAINING, timeout=180_000)


def end(dock, qtbot, button, engine):
    with qtbot.waitSignal(dock.controller.ended, timeout=180_000):
        button.click()
        engine.release()


@pytest.fixture
def painted(foreground_dock):
    """The widget after a stroke through a cell."""
    foreground_dock.form.tools.cells_button.click()
    paint(foreground_dock.form.labels.layer)
    return foreground_dock


def test_the_paint_layer_lies_over_the_image_and_is_ready(viewer, foreground_dock):
    assert not foreground_dock.controls.train_button.isEnabled()
    assert "Paint labels" in foreground_dock.controls.train_button.toolTip()
    foreground_dock.form.diameter.setValue(40)
    foreground_dock.form.tools.new_button.click()
    layer, source = viewer.layers[PAINT], viewer.layers["nuclei"]
    assert viewer.layers.selection.active is layer
    assert (layer.mode, layer.selected_label, layer.brush_size) == ("paint", 2, 10)
    np.testing.assert_allclose(layer.scale, source.scale)
    np.testing.assert_allclose(layer.translate, source.translate)
    assert layer.units == source.units
    assert layer.data.shape == source.data.shape
    foreground_dock.form.tools.background_button.click()
    assert (layer.mode, layer.selected_label) == ("paint", 1)
    foreground_dock.form.tools.eraser_button.click()
    assert layer.mode == "erase"
    foreground_dock.form.tools.new_button.click()
    assert len(viewer.layers) == 2
    assert foreground_dock.controls.train_button.isEnabled()


def test_from_paint_to_a_foreground_that_separate_cells_offers(
    viewer, painted, foreground_engine, engine, model_folder, qtbot
):
    cells = SeparateCells(viewer, engine=engine)
    qtbot.addWidget(cells)
    start_and_take_steps(painted, foreground_engine, qtbot, 2)
    qtbot.waitUntil(lambda: LIVE in viewer.layers, timeout=180_000)
    live = viewer.layers[LIVE]
    qtbot.waitUntil(lambda: live.data.max() == np.float32(0.2), timeout=180_000)
    foreground_engine.release(1)
    qtbot.waitUntil(lambda: live.data.max() == np.float32(0.3), timeout=180_000)
    assert "about 18 s left" in painted.controls.status.text()
    assert viewer.layers.index(PAINT) > viewer.layers.index(LIVE)
    assert viewer.layers.selection.active is viewer.layers[PAINT]
    with qtbot.waitSignal(painted.controller.ended, timeout=180_000):
        foreground_engine.release()

    source, mask = viewer.layers["nuclei"], viewer.layers[MASK]
    assert viewer.layers[LIVE] is live
    np.testing.assert_array_equal(mask.data > 0, source.data == 100)
    np.testing.assert_allclose(mask.scale, source.scale)
    assert mask.units == live.units == source.units
    assert painted.plot.curve.get_xdata()[-1] == 6
    text = painted.controls.status.text()
    assert f"choose {NAME} as foreground" in text
    assert "The background was guessed" in text
    assert [entry.name for entry in available_fgnets()] == [NAME]
    assert cells.form.foreground.findText(f"{NAME} · network") >= 0
    # The mask is offered, too; what was painted is no mask, nor is the map an image.
    offered = [cells.form.foreground.itemText(i) for i in range(cells.form.foreground.count())]
    assert offered[-1] == MASK
    assert PAINT not in offered
    assert cells.form.image.count() == 1


def test_the_threshold_acts_at_once_and_without_inference(
    viewer, painted, foreground_engine, train_foreground
):
    train_foreground(painted)
    mask, applied = viewer.layers[MASK], len(foreground_engine.applied)
    assert (mask.data > 0).sum() == 40 * 32
    painted.threshold.slider.setValue(0.85)
    assert not mask.data.any()
    painted.threshold.slider.setValue(0.3)
    assert (mask.data > 0).sum() == 40 * 32
    assert len(foreground_engine.applied) == applied


def test_more_strokes_train_the_same_network_further_unless_it_starts_anew(
    viewer, painted, foreground_engine, train_foreground, model_folder
):
    train_foreground(painted)
    assert painted.controls.train_button.text() == "Train further"
    assert not painted.form.kind.isEnabled()
    painted.form.tools.background_button.click()
    paint(painted.form.labels.layer, cells=False, rows=(55, 60))
    train_foreground(painted)
    first, second = foreground_engine.requests
    assert first.previous is None
    assert second.previous == "network 1"
    assert [found.only_cells for found in foreground_engine.found] == [True, False]
    # It replaces its own model without a question.
    assert [path.name for path in model_folder.iterdir()] == [f"{NAME}.safetensors"]

    painted.controls.anew.setChecked(True)
    assert painted.controls.train_button.text() == "Train"
    assert painted.form.kind.isEnabled()
    train_foreground(painted)
    assert foreground_engine.requests[-1].previous is None
    assert not painted.controls.anew.isChecked()


def test_finish_now_keeps_and_cancel_takes_back(
    viewer, painted, foreground_engine, model_folder, qtbot
):
    start_and_take_steps(painted, foreground_engine, qtbot, 2)
    end(painted, qtbot, painted.controls.finish_button, foreground_engine)
    assert foreground_engine.steps_done < foreground_engine.steps
    assert (model_folder / f"{NAME}.safetensors").is_file()
    live = viewer.layers[LIVE]
    before, stamp = (
        live.data.copy(),
        (model_folder / f"{NAME}.safetensors").stat().st_mtime_ns,
    )
    strokes = viewer.layers[PAINT].data.copy()

    start_and_take_steps(painted, foreground_engine, qtbot, 3)
    qtbot.waitUntil(lambda: not np.array_equal(live.data, before), timeout=180_000)
    end(painted, qtbot, painted.controls.cancel_button, foreground_engine)
    np.testing.assert_array_equal(live.data, before)
    np.testing.assert_array_equal(viewer.layers[PAINT].data, strokes)
    assert (model_folder / f"{NAME}.safetensors").stat().st_mtime_ns == stamp
    assert painted.controls.train_button.text() == "Train further"


def test_cancelling_the_first_training_leaves_only_the_paint(
    viewer, painted, foreground_engine, model_folder, qtbot
):
    start_and_take_steps(painted, foreground_engine, qtbot, 2)
    qtbot.waitUntil(lambda: LIVE in viewer.layers, timeout=180_000)
    end(painted, qtbot, painted.controls.cancel_button, foreground_engine)
    assert [layer.name for layer in viewer.layers] == ["nuclei", PAINT]
    assert not model_folder.exists() or list(model_folder.iterdir()) == []
    assert painted.controls.train_button.text() == "Train"


def test_a_mask_that_the_user_painted_in_is_not_overwritten(
    viewer, painted, train_foreground, notifications
):
    train_foreground(painted)
    mine = viewer.layers[MASK]
    mine.data_setitem((np.array([60]), np.array([40])), 1)
    painted.threshold.slider.setValue(0.85)
    assert mine.data[60, 40] == 1
    assert (mine.data > 0).sum() == 40 * 32 + 1
    assert not viewer.layers[f"{MASK} [1]"].data.any()
    assert "stays in" in notifications[-1].message


def test_painting_goes_on_during_a_training(viewer, painted, foreground_engine, qtbot):
    start_and_take_steps(painted, foreground_engine, qtbot, 1)
    assert not painted.form.image.isEnabled()
    painted.form.tools.background_button.click()
    assert viewer.layers[PAINT].selected_label == 1
    end(painted, qtbot, painted.controls.cancel_button, foreground_engine)
    assert painted.form.image.isEnabled()


@pytest.mark.parametrize("close", ["dock", "viewer"])
def test_closing_in_the_middle_of_a_training_leaves_no_job(
    make_napari_viewer, foreground_engine, model_folder, qtbot, close
):
    viewer = make_napari_viewer()
    viewer.add_image(np.eye(64, 48), name="nuclei")
    dock = FindForeground(viewer, engine=foreground_engine)
    viewer.window.add_dock_widget(dock, name="Foreground")
    dock.form.tools.cells_button.click()
    paint(dock.form.labels.layer)
    start_and_take_steps(dock, foreground_engine, qtbot, 2)
    qtbot.waitUntil(lambda: LIVE in viewer.layers, timeout=180_000)
    if close == "viewer":
        viewer.close()
    else:
        destroyed = []
        dock.destroyed.connect(lambda: destroyed.append(True))
        viewer.window.remove_dock_widget(dock)
        dock.deleteLater()
        del dock
        qtbot.waitUntil(lambda: bool(destroyed), timeout=180_000)
        assert [layer.name for layer in viewer.layers] == ["nuclei", PAINT]
        viewer.theme = "light"
        viewer.theme = "dark"
        viewer.add_image(np.zeros((2, 8, 8)))
        viewer.dims.set_point(0, 1)
    foreground_engine.release()
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=180_000)
    assert foreground_engine.closed == 1
    assert not model_folder.exists()
    qtbot.wait(100)


def test_results_belong_to_the_layer_object_whatever_the_user_does_meanwhile(
    viewer, painted, foreground_engine, qtbot
):
    source = viewer.layers["nuclei"]
    start_and_take_steps(painted, foreground_engine, qtbot, 1)
    source.name = "renamed"
    other = viewer.add_image(np.full((64, 48), 7), name="nuclei")
    viewer.layers.selection.active = other
    with qtbot.waitSignal(painted.controller.ended, timeout=180_000):
        foreground_engine.release()
    np.testing.assert_array_equal(viewer.layers["renamed foreground"].data > 0, source.data == 100)
    assert painted.form.image.layer is source
    assert painted.threshold.slider.isEnabled()
    painted.form.image.choose(other)
    assert not painted.threshold.slider.isEnabled()
    assert painted.controls.train_button.text() == "Train"
    assert painted.form.name.name == "nuclei-foreground-2"


def test_one_heavy_job_at_a_time(viewer, painted, foreground_engine, engine, qtbot, notifications):
    cells = SeparateCells(viewer, engine=engine)
    qtbot.addWidget(cells)
    start_and_take_steps(painted, foreground_engine, qtbot, 1)
    cells.controls.run_button.click()
    assert '"Learning the foreground of nuclei" is still running' in notifications[-1].message
    assert engine.separations == 0
    end(painted, qtbot, painted.controls.cancel_button, foreground_engine)

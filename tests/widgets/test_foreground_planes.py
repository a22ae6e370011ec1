"""Time-lapses: strokes belong to the plane that they were painted on."""

from __future__ import annotations

import numpy as np
import pytest

from napari_inpaintaff.widgets.find_foreground import FindForeground
from napari_inpaintaff.widgets.runner import JobRunner

PAINT, MASK, LIVE = (
    "movie foreground labels",
    "movie foreground",
    "movie foreground probability",
)


@pytest.fixture
def movie(viewer):
    """Five frames with a square that moves."""
    data = np.zeros((5, 32, 40), dtype=np.uint16)
    for frame in range(5):
        data[frame, 8:24, 4 * frame : 4 * frame + 12] = 50
        data[frame, 12:20, 4 * frame + 2 : 4 * frame + 10] = 100
    layer = viewer.add_image(data, name="movie", scale=(2, 0.5, 0.5), units=("s", "um", "um"))
    viewer.layers.selection.active = layer
    return layer


@pytest.fixture
def dock(viewer, movie, foreground_engine, model_folder, qtbot):
    widget = FindForeground(viewer, engine=foreground_engine)
    viewer.window.add_dock_widget(widget, name="Foreground")
    yield widget
    foreground_engine.release()
    widget.controller.cancel()
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=180_000)


def go_to(viewer, frame):
    viewer.dims.set_current_step(0, frame)


def paint_frame(viewer, dock, frame, **options):
    go_to(viewer, frame)
    layer = viewer.layers[PAINT]
    layer.selected_label = 2
    layer.brush_size = 3
    for column in range(4 * frame + 2, 4 * frame + 9):
        layer.paint((frame, 15, column), 2)


def test_strokes_on_several_planes_are_learned_from_together(
    viewer, dock, movie, foreground_engine, train_foreground
):
    dock.form.tools.cells_button.click()
    layer = viewer.layers[PAINT]
    assert layer.data.shape == movie.data.shape
    assert layer.units == movie.units
    paint_frame(viewer, dock, 1)
    paint_frame(viewer, dock, 3)
    # A plane with background only is no mistake.
    layer.data[4, :3] = 1
    train_foreground(dock)
    found = foreground_engine.found[0]
    assert [plane.index for plane in found.planes] == [(3,), (1,), (4,)]
    assert (found.planes[0].targets[15, 14:21] == 1).all()
    assert found.description == "strokes in 3 planes"
    assert not found.only_cells
    # The plane in view has its foreground, the others have none yet.
    mask = viewer.layers[MASK]
    np.testing.assert_array_equal(mask.data[3] > 0, movie.data[3] == 100)
    assert not mask.data[[0, 1, 2, 4]].any()
    np.testing.assert_allclose(mask.scale, movie.scale)


def test_another_plane_is_looked_at_when_asked_for(
    viewer, dock, movie, foreground_engine, train_foreground, qtbot
):
    dock.form.tools.cells_button.click()
    paint_frame(viewer, dock, 1)
    train_foreground(dock)
    button = dock.threshold.apply_button
    assert not button.isEnabled()
    assert "shown already" in button.toolTip()
    go_to(viewer, 4)
    assert button.isEnabled()
    mask, live = viewer.layers[MASK], viewer.layers[LIVE]
    button.click()
    assert not dock.controls.train_button.isEnabled()
    qtbot.waitUntil(lambda: bool(mask.data[4].any()), timeout=180_000)
    assert foreground_engine.applied[-1] == ("network 1", (4,))
    assert mask.data[1].any()
    qtbot.waitUntil(dock.controls.train_button.isEnabled, timeout=180_000)
    assert not button.isEnabled()

    # The slider moves all planes that are known.
    dock.threshold.slider.setValue(0.3)
    for frame in (1, 4):
        np.testing.assert_array_equal(mask.data[frame] > 0, movie.data[frame] > 0)
    assert not live.data[0].any()
    assert not mask.data[0].any()

    # Another network knows nothing of them.
    go_to(viewer, 1)
    train_foreground(dock)
    assert mask.data[1].any()
    assert not mask.data[4].any()
    assert len(viewer.layers) == 5


def test_looking_at_another_plane_can_be_cancelled(
    viewer, dock, movie, foreground_engine, train_foreground, qtbot
):
    dock.form.tools.cells_button.click()
    paint_frame(viewer, dock, 1)
    train_foreground(dock)
    go_to(viewer, 4)
    foreground_engine.hold()
    foreground_engine.hold_planes = True
    dock.threshold.apply_button.click()
    assert dock.controls.cancel_button.isEnabled()
    with qtbot.waitSignal(dock.controller.ended, timeout=180_000):
        dock.controls.cancel_button.click()
        foreground_engine.release()
    assert dock.controls.status.text() == "Cancelled. What was learned is kept."
    assert not viewer.layers[MASK].data[4].any()
    assert dock.threshold.apply_button.isEnabled()


def test_labels_of_one_plane_belong_to_the_plane_in_view(
    viewer, dock, movie, foreground_engine, train_foreground
):
    strokes = np.zeros((32, 40), dtype=np.uint8)
    strokes[14:17, 12:20] = 2
    dock.form.labels.choose(viewer.add_labels(strokes, name="strokes"))
    go_to(viewer, 2)
    train_foreground(dock)
    assert [plane.index for plane in foreground_engine.found[0].planes] == [(2,)]


def test_strokes_through_mouse_events_land_on_the_plane_in_view(viewer, dock):
    from napari.utils._test_utils import read_only_mouse_event
    from napari.utils.interactions import (
        mouse_move_callbacks,
        mouse_press_callbacks,
        mouse_release_callbacks,
    )

    dock.form.tools.cells_button.click()
    layer = viewer.layers[PAINT]
    go_to(viewer, 2)
    positions = [layer.data_to_world((2, 10, column)) for column in (8, 20)]
    for kind, callbacks, position in (
        ("mouse_press", mouse_press_callbacks, positions[0]),
        ("mouse_move", mouse_move_callbacks, positions[1]),
        ("mouse_release", mouse_release_callbacks, positions[1]),
    ):
        event = read_only_mouse_event(
            type=kind, is_dragging=kind != "mouse_press", position=position, dims_displayed=(1, 2)
        )
        callbacks(layer, event)
    assert (layer.data[2, 10, 8:21] == 2).all()
    assert not layer.data[[0, 1, 3, 4]].any()

"""Correcting labels with mouse and keys in the real viewer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from canvas_mouse import SHIFT, click, drag, press
from napari.utils.notifications import NotificationSeverity
from qtpy.QtCore import Qt

from napari_inpaintaff.separation.affinities import affinities_from_labels
from napari_inpaintaff.widgets.correct_labels import CorrectLabels
from napari_inpaintaff.widgets.evidence import Evidence, remember_evidence
from napari_inpaintaff.widgets.runner import JobRunner

CONTROL = Qt.KeyboardModifier.ControlModifier


def columns() -> np.ndarray:
    """Four cells side by side: 64 x 80 pixels, cut at 20, 40 and 60."""
    labels = np.zeros((64, 80), np.int32)
    labels[4:60] = np.arange(80) // 20 + 1
    return labels


@pytest.fixture
def shown(make_napari_viewer):
    """A shown viewer with the cells, which have a placement."""
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1280, 800)
    viewer.add_labels(columns(), name="cells", scale=(0.5, 0.5), translate=(3, -7))
    return viewer


@pytest.fixture
def correct(shown, qtbot) -> Iterator[CorrectLabels]:
    widget = CorrectLabels(shown)
    shown.window.add_dock_widget(widget, name="Correct labels")
    qtbot.wait(200)
    yield widget
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=60_000)


@pytest.fixture
def cells(shown):
    return shown.layers["cells"]


def test_a_click_and_a_shift_click_merge_and_keys_undo_and_redo(shown, correct, cells):
    click(shown, cells, (30, 10))
    assert correct.controller.picked == 1
    assert "Segment 1, 1120 px" in correct.form.lines["Picked segment"].text()
    click(shown, cells, (30, 30), SHIFT)
    merged = np.where(columns() == 2, 1, columns())
    np.testing.assert_array_equal(cells.data, merged)
    press(shown, Qt.Key.Key_Z, CONTROL)
    np.testing.assert_array_equal(cells.data, columns())
    press(shown, Qt.Key.Key_Z, CONTROL | SHIFT)
    np.testing.assert_array_equal(cells.data, merged)


def test_the_merge_key_takes_the_next_click(shown, correct, cells):
    click(shown, cells, (30, 70))
    press(shown, Qt.Key.Key_J)
    assert correct.form.buttons["merge"].isChecked()
    click(shown, cells, (30, 50))
    assert set(np.unique(cells.data)) == {0, 1, 2, 4}
    assert not correct.form.buttons["merge"].isChecked()


def test_dragging_moves_the_view_and_picks_nothing(shown, correct, cells):
    drag(shown, cells, (30, 10), (40, 50))
    assert correct.controller.picked == 0


def test_two_painted_seeds_split_a_segment_on_enter(shown, correct, cells, qtbot):
    cells.data = np.where(columns() == 2, 1, columns())
    qtbot.wait(20)
    press(shown, Qt.Key.Key_S)
    seeds = shown.layers["cells seeds"]
    assert shown.layers.selection.active is seeds
    np.testing.assert_allclose(seeds.scale, cells.scale)
    np.testing.assert_allclose(seeds.translate, cells.translate)
    drag(shown, seeds, (10, 5), (50, 5))
    drag(shown, seeds, (10, 35), (50, 35))
    assert set(np.unique(seeds.data)) == {0, 1, 2}
    press(shown, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "cells seeds" not in shown.layers, timeout=180_000)
    assert shown.layers.selection.active is cells
    halves = [cells.data[30, 5], cells.data[30, 35]]
    assert set(halves) == {1, 5}
    np.testing.assert_array_equal(cells.data > 0, columns() > 0)
    correct.form.buttons["undo"].click()
    assert set(np.unique(cells.data)) == {0, 1, 3, 4}


def test_one_seed_is_not_enough_and_stays_to_be_completed(shown, correct, cells, notifications):
    press(shown, Qt.Key.Key_S)
    seeds = shown.layers["cells seeds"]
    drag(shown, seeds, (10, 5), (50, 5))
    press(shown, Qt.Key.Key_Return)
    assert [n.severity for n in notifications] == [NotificationSeverity.ERROR]
    assert "only one seed" in notifications[0].message
    assert seeds in shown.layers
    np.testing.assert_array_equal(cells.data, columns())
    drag(shown, seeds, (10, 14), (50, 14))
    correct.form.buttons["apply"].click()
    assert len(np.unique(cells.data[:, :20])) == 3


def test_relinking_needs_affinities_and_joins_along_a_stroke(shown, correct, cells):
    assert not correct.form.buttons["relink"].isEnabled()
    assert "Separate cells" in correct.form.buttons["relink"].toolTip()
    remember_evidence(cells, Evidence(affinities_from_labels(columns()), 1.5, 20))
    correct.controller.pick(0)
    assert correct.form.buttons["relink"].isEnabled()
    press(shown, Qt.Key.Key_R)
    drag(shown, shown.layers["cells strokes"], (30, 12), (30, 28))
    press(shown, Qt.Key.Key_Return)
    assert set(np.unique(cells.data)) == {0, 1, 3, 4}
    assert np.all(cells.data[4:60, :40] == 1)


def test_a_locked_segment_is_marked_and_refuses_everything(
    shown, correct, cells, notifications, qtbot
):
    click(shown, cells, (30, 10))
    press(shown, Qt.Key.Key_K)
    marks = shown.layers["cells marks"]
    assert np.any(marks.data[4:60, :20] == 1)
    assert not np.any(marks.data[:, 24:] == 1)
    assert not correct.form.buttons["delete"].isEnabled()
    click(shown, cells, (30, 30), SHIFT)
    assert "Segment 1 is locked" in notifications[-1].message
    press(shown, Qt.Key.Key_D)
    np.testing.assert_array_equal(cells.data, columns())

    cells.mode = "paint"
    cells.selected_label = 2
    cells.brush_size = 5
    drag(shown, cells, (30, 5), (30, 35))
    qtbot.wait(50)
    np.testing.assert_array_equal(cells.data, columns())
    assert "Locked segments cannot be painted over" in correct.form.status.text()
    cells.mode = "pan_zoom"
    press(shown, Qt.Key.Key_Z, CONTROL)
    assert not np.any(shown.layers["cells marks"].data == 1)


def test_strokes_of_the_brush_and_corrections_are_undone_in_one_list(shown, correct, cells, qtbot):
    states = [cells.data.copy()]
    click(shown, cells, (30, 10))
    press(shown, Qt.Key.Key_D)
    states.append(cells.data.copy())
    cells.mode = "paint"
    cells.brush_size = 3
    cells.selected_label = 9
    drag(shown, cells, (30, 5), (30, 50))
    qtbot.wait(50)
    states.append(cells.data.copy())
    assert 9 in states[-1]
    cells.undo()  # napari's own, as a script may call it
    qtbot.wait(50)
    np.testing.assert_array_equal(cells.data, states[1])
    states.append(cells.data.copy())
    cells.mode = "pan_zoom"
    for state in reversed(states[:-1]):
        press(shown, Qt.Key.Key_Z, CONTROL)
        np.testing.assert_array_equal(cells.data, state)
    assert not correct.form.buttons["undo"].isEnabled()
    for state in states[1:]:
        press(shown, Qt.Key.Key_Z, CONTROL | SHIFT)
        np.testing.assert_array_equal(cells.data, state)


def test_the_review_goes_from_doubtful_to_certain_and_moves_the_camera(
    shown, correct, cells, qtbot
):
    truth = np.where(columns() == 4, 3, columns())
    remember_evidence(cells, Evidence(affinities_from_labels(truth), 1.5, 20))
    press(shown, Qt.Key.Key_N)
    qtbot.waitUntil(lambda: correct.controller.picked == 3, timeout=60_000)
    centre = shown.scene.camera.center[-2:]
    np.testing.assert_allclose(centre, cells.data_to_world((32, 50)), atol=1)
    press(shown, Qt.Key.Key_K)
    press(shown, Qt.Key.Key_N)
    assert correct.controller.picked == 4
    press(shown, Qt.Key.Key_N, SHIFT)
    assert correct.controller.picked == 2, "a locked segment needs no review"


def test_every_plane_of_a_stack_has_its_own_history(make_napari_viewer, qtbot):
    viewer = make_napari_viewer()
    stack = np.stack([columns(), columns()])
    layer = viewer.add_labels(stack.copy(), name="stack")
    widget = CorrectLabels(viewer)
    viewer.window.add_dock_widget(widget)
    viewer.dims.set_point(0, 1)
    widget.controller.pick(1)
    widget.controller.delete_picked()
    assert np.array_equal(layer.data[0], columns())
    assert not np.any(layer.data[1] == 1)
    viewer.dims.set_point(0, 0)
    assert not widget.form.buttons["undo"].isEnabled()
    widget.controller.pick(2)
    widget.controller.merge_with(3)
    assert 3 not in layer.data[0]
    assert 3 in layer.data[1]
    viewer.dims.set_point(0, 1)
    widget.controller.undo()
    assert np.array_equal(layer.data[1], columns())


def test_a_removed_layer_disables_the_dock_and_says_so(shown, correct, cells):
    shown.add_labels(columns(), name="other")
    click(shown, cells, (30, 10))
    shown.layers.remove(cells)
    assert correct.controller.layer is None
    assert "cells was removed" in correct.form.status.text()
    assert not correct.form.buttons["next"].isEnabled()
    assert "Choose a Labels layer" in correct.form.buttons["next"].toolTip()
    correct.form.labels.choose(shown.layers["other"])
    assert correct.form.buttons["next"].isEnabled()


def test_closing_the_dock_gives_the_keys_back_and_keeps_the_history(shown, correct, cells, qtbot):
    click(shown, cells, (30, 10))
    press(shown, Qt.Key.Key_D)
    assert cells.keymap
    followers = len(cells.mouse_drag_callbacks)
    shown.window.remove_dock_widget(correct)
    correct.deleteLater()
    qtbot.waitUntil(lambda: not cells.keymap, timeout=180_000)
    assert len(cells.mouse_drag_callbacks) == followers - 1
    assert [layer.name for layer in shown.layers] == ["cells"]
    again = CorrectLabels(shown)
    shown.window.add_dock_widget(again)
    again.controller.undo()
    np.testing.assert_array_equal(cells.data, columns())


def test_a_state_is_restored_with_its_seeds_and_history(shown, correct, cells, tmp_path):
    remember_evidence(cells, Evidence(affinities_from_labels(columns()), 1.5, 20))
    click(shown, cells, (30, 10))
    press(shown, Qt.Key.Key_D)
    click(shown, cells, (30, 30))
    press(shown, Qt.Key.Key_K)
    press(shown, Qt.Key.Key_S)
    drag(shown, shown.layers["cells seeds"], (10, 45), (50, 45))
    saved = cells.data.copy()
    correct.save(tmp_path / "state.npz")
    correct.controller.discard_strokes()
    click(shown, cells, (30, 70))
    press(shown, Qt.Key.Key_D)
    correct.restore(tmp_path / "state.npz")
    # What was done since is not lost: the state is in another layer.
    assert 4 not in cells.data
    restored = shown.layers["cells restored"]
    assert correct.controller.layer is restored
    np.testing.assert_array_equal(restored.data, saved)
    assert 1 in shown.layers["cells restored seeds"].data
    assert correct.controller.corrections.state.locked == {2}
    assert correct.controller.evidence is not None
    correct.controller.discard_strokes()
    correct.controller.undo()
    correct.controller.undo()
    np.testing.assert_array_equal(restored.data, columns())


@pytest.mark.parametrize("kind", ["pyramid", "read-only", "not editable"])
def test_labels_that_cannot_be_corrected_say_why(make_napari_viewer, kind):
    viewer = make_napari_viewer()
    data = columns()
    if kind == "pyramid":
        layer = viewer.add_labels([data, data[::2, ::2]], multiscale=True)
    else:
        data.flags.writeable = kind != "read-only"
        layer = viewer.add_labels(data)
        layer.editable = kind != "not editable"
    widget = CorrectLabels(viewer)
    viewer.window.add_dock_widget(widget)
    assert widget.controller.layer is layer
    assert not widget.form.buttons["next"].isEnabled()
    widget.controller.pick(1)
    widget.controller.delete_picked()
    assert 1 in np.asarray(data)


def test_affinities_of_another_image_are_not_used(shown, correct, cells):
    small = affinities_from_labels(columns()[:10])
    remember_evidence(cells, Evidence(small, 1.5, 20))
    assert correct.controller.evidence is None

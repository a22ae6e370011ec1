"""Unsaved strokes and corrections, after a kill and on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from killed_viewer import cells

from napari_inpaintaff.session import autosave, find_unsaved
from napari_inpaintaff.widgets import autosaver
from napari_inpaintaff.widgets.correct_labels import CorrectLabels
from napari_inpaintaff.widgets.corrected_layer import corrected_planes
from napari_inpaintaff.widgets.find_foreground import FindForeground
from napari_inpaintaff.widgets.paint_layers import belongs_to, is_paint_layer
from napari_inpaintaff.widgets.runner import JobRunner

PLACED = {"scale": (0.5, 0.5), "translate": (3, -7), "units": ("um", "um")}


@pytest.fixture(autouse=True)
def at_once(monkeypatch, qtbot):
    monkeypatch.setattr(autosaver, "SAVE_DELAY_MS", 50)
    autosaver._paths.clear()
    yield
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=60_000)


def kill(what: str, folder: Path) -> None:
    """Let a process paint or correct in a real viewer, and kill it when that is saved."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("killed_viewer.py")), str(folder), what],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "saved\n"
    os.kill(process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    process.wait()
    process.stdout.close()


def test_strokes_of_a_killed_viewer_are_offered_and_restored(
    viewer, foreground_engine, autosaves, qtbot
):
    kill("paint", autosaves)
    dock = FindForeground(viewer, engine=foreground_engine)
    viewer.window.add_dock_widget(dock, name="Foreground")
    qtbot.waitUntil(lambda: not dock.offer.isHidden(), timeout=60_000)
    assert dock.offer.text.text().startswith("Unsaved strokes from ")
    assert len(viewer.layers) == 1
    with qtbot.waitSignal(dock.kept.restorer.restored, timeout=60_000):
        dock.offer.restore_button.click()
    layer = dock.form.labels.layer
    assert layer.name == "nuclei foreground labels (restored)"
    assert is_paint_layer(layer)
    assert belongs_to(layer, viewer.layers["nuclei"])
    assert set(np.unique(layer.data)) == {0, 2}
    assert layer.data[20, 20] == 2
    np.testing.assert_allclose(layer.translate, (3, -7))
    assert dock.offer.isHidden()
    # It is this viewer's now, and goes on being saved.
    before = layer.data.copy()
    layer.paint((40, 20), 1)
    qtbot.waitUntil(lambda: not dock.kept.saver.is_waiting, timeout=60_000)
    assert not np.array_equal(layer.data, before)
    assert find_unsaved(autosaves) == []


def test_corrections_of_a_killed_viewer_are_offered_and_restored(viewer, autosaves, qtbot):
    kill("correct", autosaves)
    other = viewer.add_labels(cells(), name="cells", **PLACED)
    dock = CorrectLabels(viewer)
    viewer.window.add_dock_widget(dock, name="Correct labels")
    qtbot.waitUntil(lambda: not dock.offer.isHidden(), timeout=60_000)
    assert dock.offer.text.text().startswith("Unsaved corrections from ")
    with qtbot.waitSignal(dock.kept.restorer.restored, timeout=60_000):
        dock.offer.restore_button.click()
    np.testing.assert_array_equal(other.data, cells())
    layer = dock.controller.layer
    assert layer.name == "cells (restored)"
    merged = np.where(cells() == 2, 1, cells())
    np.testing.assert_array_equal(layer.data, merged)
    assert dock.controller.strokes.strokes[20, 35] == 1
    dock.controller.undo()
    np.testing.assert_array_equal(layer.data, cells())


def test_labels_without_their_image_are_found_by_what_they_were(make_napari_viewer, qtbot):
    first = make_napari_viewer()
    layer = first.add_labels(cells(), name="cells")
    dock = CorrectLabels(first)
    dock.controller.pick(1)
    dock.controller.delete_picked()
    qtbot.waitUntil(lambda: not dock.kept.saver.is_waiting, timeout=60_000)
    assert not dock.offer.isVisibleTo(dock)
    del layer
    (path,) = autosaver.saved_paths()
    # As if the process were another.
    autosaver._paths.clear()
    second = make_napari_viewer()
    second.add_labels(cells(), name="opened again")
    again = CorrectLabels(second)
    qtbot.waitUntil(lambda: not again.offer.isHidden(), timeout=60_000)
    again.offer.discard_button.click()
    assert again.offer.isHidden()
    assert not path.exists()


def test_nothing_is_offered_for_another_image(viewer, foreground_engine, autosaves, qtbot):
    first = FindForeground(viewer, engine=foreground_engine)
    qtbot.addWidget(first)
    layer = first.paint()
    layer.paint((20, 20), 2)
    qtbot.waitUntil(lambda: not first.kept.saver.is_waiting, timeout=60_000)
    viewer.layers.remove(layer)
    autosaver._paths.clear()
    viewer.layers["nuclei"].data = viewer.layers["nuclei"].data + 1
    dock = FindForeground(viewer, engine=foreground_engine)
    qtbot.addWidget(dock)
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=60_000)
    assert dock.offer.isHidden()
    viewer.add_image(viewer.layers["nuclei"].data - 1, name="the same")
    dock.form.image.choose(viewer.layers["the same"])
    qtbot.waitUntil(lambda: not dock.offer.isHidden(), timeout=60_000)


def test_erased_strokes_and_a_closed_dock(foreground_dock, autosaves, viewer, qtbot):
    layer = foreground_dock.paint()
    layer.paint((20, 20), 2)
    qtbot.waitUntil(lambda: not foreground_dock.kept.saver.is_waiting, timeout=60_000)
    (path,) = autosaver.saved_paths()
    assert path.exists()
    layer.data = np.zeros_like(layer.data)
    qtbot.waitUntil(lambda: not foreground_dock.kept.saver.is_waiting, timeout=60_000)
    assert not path.exists()
    layer.paint((20, 20), 2)
    assert foreground_dock.kept.saver.is_waiting
    foreground_dock.kept.dispose()
    assert path.exists()


def test_a_folder_that_cannot_be_written_is_told_once(
    foreground_dock, autosaves, notifications, qtbot
):
    autosaves.write_text("in the way")
    layer = foreground_dock.paint()
    for column in (20, 30):
        layer.paint((20, column), 2)
        qtbot.waitUntil(lambda: not foreground_dock.kept.saver.is_waiting, timeout=60_000)
    messages = [str(note.message) for note in notifications]
    assert len(messages) == 1
    assert "cannot be used" in messages[0]


def test_corrections_are_saved_but_picking_is_not(viewer, autosaves, qtbot):
    layer = viewer.add_labels(cells(), name="cells", **PLACED)
    dock = CorrectLabels(viewer)
    viewer.window.add_dock_widget(dock, name="Correct labels")
    dock.controller.pick(1)
    assert not dock.kept.saver.is_waiting
    dock.controller.toggle_lock()
    assert dock.kept.saver.is_waiting
    qtbot.waitUntil(lambda: not dock.kept.saver.is_waiting, timeout=60_000)
    assert autosaver._paths[layer].exists()
    assert list(corrected_planes(layer)) == [()]
    assert autosave.autosave_folder() == autosaves

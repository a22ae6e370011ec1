"""Dock widgets opened from the menu are tabs, not slices."""

from __future__ import annotations

import pytest

from napari_inpaintaff.widgets.correct_labels import CorrectLabels
from napari_inpaintaff.widgets.separate_cells import SeparateCells
from napari_inpaintaff.widgets.whole_data import WholeData


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


def opened(viewer, kind):
    """Add a dock widget as napari's menu does: without asking for a tab."""
    return viewer.window.add_dock_widget(kind(viewer), name=kind.__name__)


def test_a_second_dock_is_a_tab_of_the_first_and_in_front(viewer, qtbot):
    window = viewer.window._qt_window
    first = opened(viewer, SeparateCells)
    second = opened(viewer, WholeData)
    qtbot.waitUntil(lambda: window.tabifiedDockWidgets(first) == [second], timeout=60_000)
    third = opened(viewer, CorrectLabels)
    qtbot.waitUntil(lambda: len(window.tabifiedDockWidgets(third)) == 2, timeout=60_000)
    qtbot.waitUntil(lambda: not third.widget().visibleRegion().isEmpty(), timeout=60_000)
    assert first.widget().visibleRegion().isEmpty()


def test_a_dock_that_was_dragged_out_stays_alone(viewer, qtbot):
    window = viewer.window._qt_window
    first = opened(viewer, SeparateCells)
    first.setFloating(True)
    second = opened(viewer, WholeData)
    qtbot.waitUntil(second.isVisible, timeout=60_000)
    qtbot.wait(200)
    assert window.tabifiedDockWidgets(second) == []


def test_two_viewers_keep_their_docks(viewer, make_napari_viewer, qtbot):
    other = make_napari_viewer(show=True)
    first, second = opened(viewer, SeparateCells), opened(other, WholeData)
    qtbot.wait(200)
    assert viewer.window._qt_window.tabifiedDockWidgets(first) == []
    assert other.window._qt_window.tabifiedDockWidgets(second) == []

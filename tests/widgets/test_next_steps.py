"""Every dock widget says what comes next, and opens it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from npe2 import PluginManifest

import napari_inpaintaff
from napari_inpaintaff.widgets.export_cells import ExportCells
from napari_inpaintaff.widgets.runner import JobRunner

NAME = "napari-inpaintaff"
MANIFEST = PluginManifest.from_file(Path(napari_inpaintaff.__file__).parent / "napari.yaml")


@pytest.fixture
def viewer(make_napari_viewer, npe2pm, model_folder, qtbot):
    with npe2pm.tmp_plugin(manifest=MANIFEST):
        viewer = make_napari_viewer(show=True)
        viewer.add_image(np.zeros((64, 64)), name="nuclei")
        yield viewer
        qtbot.waitUntil(lambda: not JobRunner._working, timeout=180_000)


def test_the_way_from_a_foreground_to_an_export(viewer, qtbot):
    _, widget = viewer.window.add_plugin_dock_widget(NAME, "Foreground")
    for name in ("Separate cells", "Correct labels", "Export"):
        button = widget.next.buttons[name]
        assert button.toolTip()
        button.click()
        dock = viewer.window.dock_widgets[f"{name} ({NAME})"].parent()
        widget = dock.inner_widget() if hasattr(dock, "inner_widget") else dock.widget()
        qtbot.waitUntil(lambda shown=widget: not shown.visibleRegion().isEmpty(), timeout=60_000)
    assert isinstance(widget, ExportCells)
    assert len(viewer.window.dock_widgets) == 4


def test_an_open_dock_comes_to_the_front(viewer, qtbot):
    _, separate = viewer.window.add_plugin_dock_widget(NAME, "Separate cells")
    for _ in range(2):
        separate.next.buttons["Export"].click()
        qtbot.waitUntil(lambda: separate.visibleRegion().isEmpty(), timeout=60_000)
        viewer.window.add_plugin_dock_widget(NAME, "Separate cells")
        assert len(viewer.window.dock_widgets) == 2

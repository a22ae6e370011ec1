"""Cancel, and users who close the viewer or paint while an export goes on."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from qtpy.QtCore import QTimer

from napari_inpaintaff.measurement import ObjectFilter
from napari_inpaintaff.widgets.export_cells import ExportCells
from napari_inpaintaff.widgets.export_steps import CellSettings, ExportRequest, Part
from napari_inpaintaff.widgets.label_source import LabelSource
from napari_inpaintaff.widgets.runner import JobRunner

TIMEOUT = 180


class SlowLabels:
    """Labels whose planes are read when they are let go one by one."""

    dtype = np.dtype(np.uint8)
    shape = (50, 16, 16)

    def __init__(self) -> None:
        self.allowed = threading.Semaphore(0)
        self.read = 0

    def __getitem__(self, index):
        assert self.allowed.acquire(timeout=TIMEOUT)
        self.read += 1
        plane = np.zeros((16, 16), np.uint8)
        plane[2:9, 3:9] = 1
        return plane


@pytest.fixture
def widget(model_viewer, qtbot):
    widget = ExportCells(model_viewer)
    qtbot.addWidget(widget)
    yield widget
    widget.controller.cancel()
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=1000 * TIMEOUT)


def request(slow, folder):
    source = LabelSource(slow, 0, "TYX", (1.0,) * 3, ("pixel",) * 3, "slow")
    targets = {Part.LABELS: folder / "slow.tif", Part.TABLE: folder / "slow.csv"}
    return ExportRequest(source, CellSettings(ObjectFilter()), {}, "tiff", targets)


def test_cancel_acts_before_the_next_plane_and_leaves_nothing(widget, tmp_path, qtbot):
    slow = SlowLabels()
    widget.controller.export(request(slow, tmp_path))
    assert not widget.controls.export_button.isEnabled()
    assert widget.controls.cancel_button.isEnabled()
    slow.allowed.release(3)
    qtbot.waitUntil(lambda: slow.read == 3, timeout=1000 * TIMEOUT)
    qtbot.waitUntil(lambda: widget.controls.bar.value() == 3, timeout=1000 * TIMEOUT)
    with qtbot.waitSignal(widget.controller.ended, timeout=1000 * TIMEOUT):
        widget.controls.cancel_button.click()
        assert widget.controls.status.text() == "Cancelling…"
        slow.allowed.release()
    assert slow.read == 4
    assert not list(tmp_path.iterdir())
    assert widget.controls.status.text() == "Cancelled. Nothing was written."


def test_the_interface_stays_alive_while_labels_are_read(widget, tmp_path, qtbot):
    slow = SlowLabels()
    widget.controller.export(request(slow, tmp_path))
    ticks = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(0))
    timer.start(5)
    for plane in range(1, 6):
        before = len(ticks)
        qtbot.waitUntil(lambda before=before: len(ticks) > before + 3, timeout=1000 * TIMEOUT)
        slow.allowed.release()
        qtbot.waitUntil(
            lambda plane=plane: widget.controls.bar.value() == plane, timeout=1000 * TIMEOUT
        )
    timer.stop()
    slow.allowed.release(50)
    with qtbot.waitSignal(widget.controller.ended, timeout=1000 * TIMEOUT):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["slow.csv", "slow.tif"]


def test_the_newest_count_wins(widget, tmp_path, qtbot):
    slow, texts = SlowLabels(), []
    widget.controller.counted.connect(texts.append)
    source = request(slow, tmp_path).source
    widget.controller.count(source, ObjectFilter())
    qtbot.waitUntil(lambda: widget.controller._counter.is_running, timeout=1000 * TIMEOUT)
    widget.controller.count(source, ObjectFilter(minimum_size=100))
    slow.allowed.release(200)
    qtbot.waitUntil(lambda: bool(texts), timeout=1000 * TIMEOUT)
    assert texts == ["0 cells, 50 left out."]


def test_a_closed_widget_ends_its_export(model_viewer, tmp_path, qtbot):
    slow = SlowLabels()
    widget = ExportCells(model_viewer)
    widget.controller.export(request(slow, tmp_path))
    slow.allowed.release()
    qtbot.waitUntil(lambda: slow.read == 1, timeout=1000 * TIMEOUT)
    # Not before the widget is gone: a quick worker would read on and wait for more.
    with qtbot.waitSignal(widget.destroyed, timeout=1000 * TIMEOUT):
        widget.deleteLater()
    del widget
    slow.allowed.release(2)
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=1000 * TIMEOUT)
    assert slow.read <= 3
    assert not list(tmp_path.iterdir())

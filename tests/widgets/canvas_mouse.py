"""Click and drag on a viewer's canvas, as a user does."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

SHIFT = Qt.KeyboardModifier.ShiftModifier
PLAIN = Qt.KeyboardModifier.NoModifier


def place(viewer: Any, layer: Any, position: tuple[float, ...]) -> QPoint:
    """Find the pixel of the canvas that shows a position in a layer's data."""
    world = np.asarray(layer.data_to_world(position))[-2:]
    camera = viewer.scene.camera
    height, width = viewer.canvas.size
    row, column = (world - np.asarray(camera.center[-2:])) * camera.zoom
    return QPoint(round(column + width / 2), round(row + height / 2))


def native(viewer: Any) -> Any:
    return viewer.window._qt_viewer.canvas.native


def click(viewer: Any, layer: Any, position: tuple[float, ...], modifier: Any = PLAIN) -> None:
    where = place(viewer, layer, position)
    QTest.mouseMove(native(viewer), where)
    QApplication.processEvents()
    QTest.mouseClick(native(viewer), Qt.MouseButton.LeftButton, modifier, where)
    QApplication.processEvents()


def drag(viewer: Any, layer: Any, first: tuple[float, ...], last: tuple[float, ...]) -> None:
    points = [place(viewer, layer, tuple(p)) for p in np.linspace(first, last, 12)]
    canvas = native(viewer)
    QTest.mouseMove(canvas, points[0])
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, PLAIN, points[0])
    for point in points[1:]:
        QTest.mouseMove(canvas, point)
        QApplication.processEvents()
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, PLAIN, points[-1])
    QApplication.processEvents()


def press(viewer: Any, key: Any, modifier: Any = PLAIN) -> None:
    """Press a key while the canvas has the focus."""
    QTest.keyClick(native(viewer), key, modifier)
    # Another layer may bring other controls, and these a canvas of another size.
    QTest.qWait(100)

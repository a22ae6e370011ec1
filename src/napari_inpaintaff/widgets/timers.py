"""Timers that do not outlive their widget."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer

#: Networks are loaded this long after a widget was opened, when it has been drawn.
WARM_UP_DELAY_MS = 500


def single_shot(parent: QObject, delay_ms: int, action: Callable[[], None]) -> QTimer:
    """Make a timer that acts once per start, and never after its parent is gone."""
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(delay_ms)
    timer.timeout.connect(action)
    return timer

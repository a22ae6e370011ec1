"""Drawing at a pace that leaves time for everything else."""

from __future__ import annotations

import time

from qtpy.QtCore import QTimer

from napari_inpaintaff.widgets.pace import Pace


def test_a_slow_action_keeps_to_its_share_and_the_newest_is_drawn_in_the_end(qtbot):
    news, drawn = [0], []

    def draw():
        time.sleep(0.03)
        drawn.append(news[0])

    pace = Pace(draw, 0.25)
    timer = QTimer()

    def tell():
        news[0] += 1
        pace.tell()

    timer.timeout.connect(tell)
    start = time.perf_counter()
    timer.start(5)
    qtbot.wait(1000)
    timer.stop()
    seconds = time.perf_counter() - start
    qtbot.waitUntil(lambda: drawn[-1] == news[0], timeout=60_000)
    assert 3 <= len(drawn) <= seconds * 0.25 / 0.03 + 2
    count = len(drawn)
    qtbot.wait(300)
    assert len(drawn) == count


def test_the_first_is_drawn_at_once_and_nothing_after_stop(qtbot):
    drawn = []
    pace = Pace(lambda: drawn.append(time.sleep(0.05)), 0.1)
    pace.tell()
    assert len(drawn) == 1
    pace.tell()
    pace.stop()
    qtbot.wait(700)
    assert len(drawn) == 1
    pace.tell()
    assert len(drawn) == 2

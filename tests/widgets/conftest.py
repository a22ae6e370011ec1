"""A real viewer with a bright square, and the dock widget on a fast stand-in."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from fake_engine import FakeEngine
from napari.utils.notifications import Notification, notification_manager

from napari_inpaintaff.widgets.runner import JobRunner
from napari_inpaintaff.widgets.separate_cells import SeparateCells


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    """A fast engine; whatever is still held is let go at the end."""
    engine = FakeEngine()
    yield engine
    engine.release()


@pytest.fixture
def viewer(make_napari_viewer):
    """A viewer with a bright 40 x 32 rectangle in a 64 x 48 image with a placement."""
    viewer = make_napari_viewer()
    image = np.zeros((64, 48), dtype=np.uint16)
    image[8:48, 8:40] = 100
    viewer.add_image(image, name="nuclei", scale=(0.5, 0.5), translate=(3, -7), units=("um", "um"))
    return viewer


@pytest.fixture
def dock(viewer, engine, qtbot) -> Iterator[SeparateCells]:
    """The dock widget in the viewer's window; no job is left when a test ends."""
    widget = SeparateCells(viewer, engine=engine)
    viewer.window.add_dock_widget(widget, name="Separate cells")
    yield widget
    engine.release()
    widget.controller.cancel()
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=180_000)


@pytest.fixture
def run_to_end(qtbot) -> Callable[[SeparateCells], None]:
    """Press Run and wait until the widget is idle again."""

    def run(widget: SeparateCells) -> None:
        with qtbot.waitSignal(widget.controller.ended, timeout=180_000):
            widget.controls.run_button.click()

    return run


@pytest.fixture
def notifications() -> Iterator[list[Notification]]:
    """Collect the notifications that the user gets during a test."""
    seen: list[Notification] = []
    notification_manager.notification_ready.connect(seen.append)
    yield seen
    notification_manager.notification_ready.disconnect(seen.append)

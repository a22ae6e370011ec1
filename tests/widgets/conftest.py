"""A real viewer with a bright square, and the dock widget on a fast stand-in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from fake_distill_engine import FakeDistillEngine
from fake_engine import FakeEngine
from fake_foreground_engine import FakeForegroundEngine
from fake_training_engine import FakeTrainingEngine
from napari.components import ViewerModel
from napari.utils.notifications import Notification, notification_manager

from napari_inpaintaff.inpainting import catalogue
from napari_inpaintaff.session import autosave
from napari_inpaintaff.widgets.find_foreground import FindForeground
from napari_inpaintaff.widgets.runner import JobRunner
from napari_inpaintaff.widgets.separate_cells import SeparateCells
from napari_inpaintaff.widgets.train_inpainter import TrainInpainter


@pytest.fixture(autouse=True)
def autosaves(tmp_path, monkeypatch) -> Path:
    """A folder in the place of the user's autosaved files; it is not made yet."""
    folder = tmp_path / "autosave"
    monkeypatch.setattr(autosave, "autosave_folder", lambda: folder)
    return folder


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
def distill_engine() -> Iterator[FakeDistillEngine]:
    """A fast distillation; whatever is still held is let go at the end."""
    engine = FakeDistillEngine()
    yield engine
    engine.release()


@pytest.fixture
def dock(viewer, engine, distill_engine, qtbot) -> Iterator[SeparateCells]:
    """The dock widget in the viewer's window; no job is left when a test ends."""
    widget = SeparateCells(viewer, engine=engine, distill_engine=distill_engine)
    viewer.window.add_dock_widget(widget, name="Separate cells")
    yield widget
    engine.release()
    distill_engine.release()
    widget.controller.cancel()
    widget.distill.controller.cancel()
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


@pytest.fixture
def model_folder(tmp_path, monkeypatch) -> Path:
    """An empty folder in the place of the user's models; it is not made yet."""
    folder = tmp_path / "data" / "models"
    monkeypatch.setattr(catalogue, "user_model_folder", lambda: folder)
    return folder


@pytest.fixture
def training_engine() -> Iterator[FakeTrainingEngine]:
    """A fast training; whatever is still held is let go at the end."""
    engine = FakeTrainingEngine()
    yield engine
    engine.release()


@pytest.fixture
def trainer(viewer, training_engine, model_folder, qtbot) -> Iterator[TrainInpainter]:
    """The dock widget "Train inpainter" in a real viewer's window."""
    widget = TrainInpainter(viewer, engine=training_engine)
    viewer.window.add_dock_widget(widget, name="Train inpainter")
    yield widget
    training_engine.release()
    widget.controller.cancel()
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=180_000)


@pytest.fixture
def model_viewer() -> ViewerModel:
    """A viewer without a window, where nothing has to be seen."""
    return ViewerModel()


@pytest.fixture
def form_only(model_viewer, training_engine, model_folder, qtbot) -> Iterator[TrainInpainter]:
    """The dock widget "Train inpainter" on a viewer without a window."""
    widget = TrainInpainter(model_viewer, engine=training_engine)
    qtbot.addWidget(widget)
    yield widget
    training_engine.release()
    widget.controller.cancel()
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=180_000)


@pytest.fixture
def train_to_end(qtbot) -> Callable[[TrainInpainter], None]:
    """Press Start and wait until the widget is idle again."""

    def train(widget: TrainInpainter) -> None:
        with qtbot.waitSignal(widget.controller.ended, timeout=180_000):
            widget.controls.start_button.click()

    return train


@pytest.fixture
def foreground_engine() -> Iterator[FakeForegroundEngine]:
    """A fast training of a foreground; whatever is still held is let go at the end."""
    engine = FakeForegroundEngine()
    yield engine
    engine.release()


@pytest.fixture
def foreground_dock(viewer, foreground_engine, model_folder, qtbot) -> Iterator[FindForeground]:
    """The dock widget "Foreground" in a real viewer's window."""
    widget = FindForeground(viewer, engine=foreground_engine)
    viewer.window.add_dock_widget(widget, name="Foreground")
    yield widget
    foreground_engine.release()
    widget.controller.cancel()
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=180_000)


@pytest.fixture
def train_foreground(qtbot) -> Callable[[FindForeground], None]:
    """Press Train and wait until the widget is idle again."""

    def train(widget: FindForeground) -> None:
        with qtbot.waitSignal(widget.controller.ended, timeout=180_000):
            widget.controls.train_button.click()

    return train

"""Save a model that was trained; one that could not be saved is not lost."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.widgets.model_news import model_news
from napari_inpaintaff.widgets.notices import notify_failure
from napari_inpaintaff.widgets.runner import JobRunner


class ModelSaver(QObject):
    """Saves models one at a time, and tells all dock widgets of them.

    A model that is being saved when the viewer is closed is saved.

    Parameters
    ----------
    keep : callable
        Saves a model at a path and returns the file; called in a worker thread.
    """

    #: (model, Path)
    saved = Signal(object, object)
    #: Why it could not be saved; the user has been told.
    failed = Signal(str)
    finished = Signal()

    def __init__(self, keep: Callable[[Any, Path], Path]) -> None:
        super().__init__()
        self._keep = keep
        #: A model that could not be saved is kept here until there is another.
        self.unsaved: Any = None
        self._runner = JobRunner()
        self._runner.succeeded.connect(self._on_saved)
        # A function: it is called even if this object is gone when the model is saved.
        self._runner.succeeded.connect(_announce)
        self._runner.failed.connect(self._on_failed)
        self._runner.finished.connect(self.finished)

    @property
    def is_running(self) -> bool:
        """Whether a model is being saved."""
        return self._runner.is_running

    def save(self, model: Any, path: Path) -> None:
        """Save a model, or try again to save the one that could not be saved."""
        self.unsaved = model
        self._runner.start(_save_steps(self._keep, model, path), name=f"Saving {path.stem}")

    def _on_saved(self, path: Path) -> None:
        model, self.unsaved = self.unsaved, None
        if model is not None:
            self.saved.emit(model, path)

    def _on_failed(self, error: BaseException) -> None:
        self.failed.emit(notify_failure(error))


def _announce(path: Path) -> None:
    model_news.changed.emit()


def _save_steps(
    keep: Callable[[Any, Path], Path], model: Any, path: Path
) -> Generator[Progress, None, Path]:
    """Save a model, as a job of one step that cannot be interrupted."""
    yield from ()
    return keep(model, path)

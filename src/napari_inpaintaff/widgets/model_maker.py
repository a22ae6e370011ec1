"""What every making of a model has in common: a run, its end, and saving what came of it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from qtpy.QtCore import QObject, Signal

from napari_inpaintaff.widgets.model_saver import ModelSaver
from napari_inpaintaff.widgets.notices import notify_failure
from napari_inpaintaff.widgets.runner import BusyError, JobRunner

ModelT = TypeVar("ModelT")


class ModelMaker(QObject, Generic[ModelT]):
    """Runs one making of a model at a time, and saves the model; knows no field or button.

    Subclasses say what is made: they call `_begin`, and implement `_show`, `_path_of` and
    `_saved`. A model that could not be saved is kept until the next making.

    Parameters
    ----------
    keep : callable
        Saves a model at a path and returns the file; called in a worker thread.
    """

    #: (stage, text): the text may be empty.
    stage_changed = Signal(object, str)
    #: (update,) of the training itself.
    updated = Signal(object)
    #: A making has ended, in whatever way; carries a sentence for the user.
    ended = Signal(str)

    #: Stage while the model is saved, and what it is called, such as ``"the student"``.
    saving_stage: ClassVar[Enum]
    model_noun: ClassVar[str]
    #: What is going on, such as ``"distillation"``.
    making_noun: ClassVar[str]

    def __init__(self, keep: Callable[[ModelT, Path], Path]) -> None:
        super().__init__()
        self._is_making = False
        self._made: ModelT | None = None
        self._ending = ""
        self._runner = JobRunner(heavy=True)
        self._runner.updated.connect(self._on_updated)
        self._runner.succeeded.connect(self._on_succeeded)
        self._runner.failed.connect(self._on_failed)
        self._runner.cancelled.connect(self._on_cancelled)
        self._runner.finished.connect(self._on_finished)
        self._saver = ModelSaver(keep)
        self._saver.saved.connect(self._on_saved)
        self._saver.failed.connect(self._on_not_saved)
        self._saver.finished.connect(self._end)

    @property
    def is_running(self) -> bool:
        """Whether a model is being made, or saved."""
        return self._is_making or self._saver.is_running

    @property
    def unsaved(self) -> ModelT | None:
        """A model that could not be saved, until the next making."""
        model: ModelT | None = self._saver.unsaved
        return model

    def save(self, path: Path) -> None:
        """Try again to save a model that could not be saved."""
        if self.unsaved is not None and not self.is_running:
            self._save(self.unsaved, path)

    def dispose(self) -> None:
        """Let go; the making ends before its next step, what is being saved is saved."""
        self._runner.dispose()
        self._is_making = False

    def _begin(self, steps: Generator[Any, None, ModelT], name: str) -> None:
        """Start to make a model.

        Raises
        ------
        BusyError
            When a heavy job is going on, in this viewer or another.
        """
        if self.is_running:
            raise BusyError(f"A {self.making_noun} is running already.")
        self._runner.start(steps, name=name)
        self._is_making = True
        self._made = None
        self._ending = ""
        self._saver.unsaved = None

    def _show(self, update: Any) -> None:
        """Show an update."""
        raise NotImplementedError

    def _path_of(self, model: ModelT) -> Path:
        """Return where a model is saved at first."""
        raise NotImplementedError

    def _saved(self, model: ModelT, path: Path) -> str:
        """Return a sentence for the user about a model that was saved."""
        raise NotImplementedError

    def _dropped(self) -> None:
        """Take back what was shown of a making that failed or was cancelled."""

    def _on_updated(self, updates: tuple[Any, ...]) -> None:
        for update in updates:
            self._show(update)

    def _on_succeeded(self, model: ModelT) -> None:
        self._made = model

    def _on_failed(self, error: BaseException) -> None:
        self._dropped()
        self._ending = notify_failure(error)

    def _on_cancelled(self) -> None:
        self._dropped()
        self._ending = f"Cancelled. Nothing was kept of this {self.making_noun}."

    def _on_finished(self) -> None:
        self._is_making = False
        model, self._made = self._made, None
        if model is not None:
            self._save(model, self._path_of(model))
        else:
            self._end()

    def _save(self, model: ModelT, path: Path) -> None:
        self.stage_changed.emit(self.saving_stage, f"Saving {self.model_noun}…")
        self._saver.save(model, path)

    def _on_saved(self, model: ModelT, path: Path) -> None:
        self._ending = self._saved(model, path)

    def _on_not_saved(self, message: str) -> None:
        self._ending = message

    def _end(self) -> None:
        self.ended.emit(self._ending)

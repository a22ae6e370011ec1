"""What happens between pressing Distill and a saved student; knows no field or button."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.separation import DistillationUpdate
from napari_inpaintaff.widgets.distill_controls import DistillStage
from napari_inpaintaff.widgets.distill_engine import Distilled, DistillEngine
from napari_inpaintaff.widgets.distill_settings import DistillRequest
from napari_inpaintaff.widgets.model_names import model_path
from napari_inpaintaff.widgets.model_saver import ModelSaver
from napari_inpaintaff.widgets.notices import notify_failure
from napari_inpaintaff.widgets.runner import BusyError, JobRunner

#: Below this agreement the user is told how to get a better student.
FAIR_AGREEMENT = 0.8


@dataclass
class _Current:
    """The distillation that is going on."""

    request: DistillRequest
    stop: Event = field(default_factory=Event)
    distilled: Distilled | None = None


class DistillController(QObject):
    """Starts, stops and cancels distillations, and saves what comes of them.

    Parameters
    ----------
    engine : DistillEngine
        The calls into the core.
    """

    #: (DistillStage, text): the text may be empty.
    stage_changed = Signal(object, str)
    #: (Progress,)
    progressed = Signal(object)
    #: (DistillationUpdate,)
    updated = Signal(object)
    #: (Path,): a student was saved, and all lists of models have it.
    saved = Signal(object)
    #: A distillation has ended, in whatever way; carries a sentence for the user.
    ended = Signal(str)

    def __init__(self, engine: DistillEngine) -> None:
        super().__init__()
        self._engine = engine
        self._current: _Current | None = None
        self._ending = ""
        self._saved_to: Path | None = None
        self._runner = JobRunner(heavy=True)
        self._runner.updated.connect(self._on_updated)
        self._runner.succeeded.connect(self._on_succeeded)
        self._runner.failed.connect(self._on_failed)
        self._runner.cancelled.connect(self._on_cancelled)
        self._runner.finished.connect(self._on_finished)
        self._saver = ModelSaver(engine.keep)
        self._saver.saved.connect(self._on_saved)
        self._saver.failed.connect(self._on_not_saved)
        self._saver.finished.connect(self._end)

    @property
    def is_running(self) -> bool:
        """Whether a distillation is going on, or its student is being saved."""
        return self._current is not None or self._saver.is_running

    @property
    def unsaved(self) -> Distilled | None:
        """A student that could not be saved, until the next distillation."""
        model: Distilled | None = self._saver.unsaved
        return model

    def start(self, request: DistillRequest) -> None:
        """Start a distillation.

        Raises
        ------
        BusyError
            When a heavy job is going on, in this viewer or another.
        """
        if self.is_running:
            raise BusyError("A distillation is running already.")
        current = _Current(request)
        self._runner.start(
            self._engine.distill(request, current.stop),
            name=f"Distilling {request.settings.name}",
        )
        self._current = current
        self._ending = ""
        self._saved_to = None
        self._saver.unsaved = None
        self.stage_changed.emit(DistillStage.LABELLING, "Starting…")

    def stop(self) -> None:
        """End the training soon and keep the best student so far."""
        if self._current is not None:
            self._current.stop.set()
            self.stage_changed.emit(DistillStage.STOPPING, "Finishing: measuring the student…")

    def cancel(self) -> None:
        """End the distillation soon and leave nothing of it behind."""
        if self._current is not None:
            self._runner.cancel()
            self.stage_changed.emit(DistillStage.CANCELLING, "Cancelling…")

    def save(self, path: Path) -> None:
        """Try again to save a student that could not be saved."""
        if self.unsaved is not None and not self.is_running:
            self._save(self.unsaved, path)

    def dispose(self) -> None:
        """Let go; a distillation ends before its next step, what is being saved is saved."""
        self._runner.dispose()
        self._current = None

    def _on_updated(self, updates: tuple[Any, ...]) -> None:
        for update in updates:
            if isinstance(update, Progress):
                self.progressed.emit(update)
            elif isinstance(update, DistillationUpdate):
                self.updated.emit(update)

    def _on_succeeded(self, distilled: Distilled) -> None:
        if self._current is not None:
            self._current.distilled = distilled

    def _on_failed(self, error: BaseException) -> None:
        self._ending = notify_failure(error)

    def _on_cancelled(self) -> None:
        self._ending = "Cancelled. Nothing was kept of this distillation."

    def _on_finished(self) -> None:
        current, self._current = self._current, None
        if current is not None and current.distilled is not None:
            self._save(current.distilled, model_path(current.distilled.name))
        else:
            self._end()

    def _save(self, distilled: Distilled, path: Path) -> None:
        self.stage_changed.emit(DistillStage.SAVING, "Saving the student…")
        self._saver.save(distilled, path)

    def _on_saved(self, distilled: Distilled, path: Path) -> None:
        self._ending = describe_distilled(distilled, path)
        self._saved_to = path

    def _on_not_saved(self, message: str) -> None:
        self._ending = message

    def _end(self) -> None:
        path, self._saved_to = self._saved_to, None
        if path is not None:
            self.saved.emit(path)
        self.ended.emit(self._ending)


def describe_distilled(distilled: Distilled, path: Path) -> str:
    """Put the end of a distillation into sentences: what it reached, and what comes next.

    Parameters
    ----------
    distilled : Distilled
        What was saved.
    path : Path
        Where.

    Returns
    -------
    str
    """
    where = "" if path == model_path(path.stem) else f" It is saved as {path}."
    agreement = distilled.agreement
    if agreement is None:
        reached = (
            f"How far it agrees with {distilled.teacher} could not be measured: there were too "
            "few touching cells."
        )
    else:
        reached = (
            f"It agrees with {distilled.teacher} to {agreement:.2f} where it did not learn from it "
            "(0.5 would be guessing, 1 is perfect)."
        )
        if agreement < FAIR_AGREEMENT:
            reached += " More time, more patches or more images may make it better."
    return (
        f"{path.stem} is chosen as network.{where} {reached} "
        "Press Run: an image now takes one pass."
    )

"""What happens between pressing Start and a saved model; knows no field or button."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_inpaintaff.inpainting.quality import judge
from napari_inpaintaff.inpainting.updates import TrainingUpdate
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.widgets.model_names import model_path
from napari_inpaintaff.widgets.model_saver import ModelSaver
from napari_inpaintaff.widgets.notices import notify_failure
from napari_inpaintaff.widgets.runner import BusyError, JobRunner
from napari_inpaintaff.widgets.steps import warm_up_steps
from napari_inpaintaff.widgets.training_controls import Stage
from napari_inpaintaff.widgets.training_engine import Trained, TrainingEngine
from napari_inpaintaff.widgets.training_preview import InpaintingPreview
from napari_inpaintaff.widgets.training_settings import TrainingControl, TrainingRequest


@dataclass
class _Current:
    """The training that is going on."""

    request: TrainingRequest
    control: TrainingControl = field(default_factory=TrainingControl)
    trained: Trained | None = None


class TrainingController(QObject):
    """Starts, pauses, stops and cancels trainings, and saves what comes of them.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the preview goes.
    engine : TrainingEngine
        The calls into the core.
    """

    #: (Stage, text): the text may be empty.
    stage_changed = Signal(object, str)
    step_changed = Signal(str)
    #: (TrainingUpdate,)
    updated = Signal(object)
    #: (Verdict,)
    judged = Signal(object)
    #: A training has ended, in whatever way; carries a sentence for the user.
    ended = Signal(str)

    def __init__(self, viewer: Any, engine: TrainingEngine) -> None:
        super().__init__()
        self._viewer = viewer
        self._engine = engine
        self._current: _Current | None = None
        self._preview = InpaintingPreview(viewer)
        self._ending = ""
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
        # Its errors are no news: the first training meets them again and reports them.
        self._warmer = JobRunner()

    @property
    def is_running(self) -> bool:
        """Whether a training is going on, or its model is being saved."""
        return self._current is not None or self._saver.is_running

    @property
    def unsaved(self) -> Trained | None:
        """A model that could not be saved, until the next training."""
        model: Trained | None = self._saver.unsaved
        return model

    def warm_up(self) -> None:
        """Load what the first training will need, so that it starts at once."""
        if not self.is_running and not self._warmer.is_running:
            self._warmer.start(warm_up_steps(self._engine), name="Loading PyTorch")

    def start(self, request: TrainingRequest) -> None:
        """Start a training.

        Raises
        ------
        BusyError
            When a heavy job is going on, in this viewer or another.
        """
        if self.is_running:
            raise BusyError("A training is running already.")
        current = _Current(request)
        self._runner.start(
            self._engine.train(request, current.control),
            name=f"Training {request.settings.name}",
        )
        self._current = current
        self._ending = ""
        self._saver.unsaved = None
        self._preview.remove()
        self._preview = InpaintingPreview(self._viewer)
        self.stage_changed.emit(Stage.STARTING, "Starting…")

    def pause(self) -> None:
        """Hold the training before its next step."""
        if self._current is not None:
            self._runner.pause()
            self.stage_changed.emit(Stage.PAUSED, "Paused.")

    def resume(self) -> None:
        """Go on after `pause`."""
        if self._current is not None:
            self._runner.resume()
            self.stage_changed.emit(Stage.TRAINING, "Going on…")

    def stop(self) -> None:
        """End the training soon and keep the best network so far."""
        if self._current is not None:
            self._current.control.stop.set()
            self._runner.resume()
            self.stage_changed.emit(Stage.STOPPING, "Finishing: measuring the best network…")

    def cancel(self) -> None:
        """End the training soon and leave nothing of it behind."""
        if self._current is not None:
            self._current.control.discard.set()
            self._runner.cancel()
            self.stage_changed.emit(Stage.CANCELLING, "Cancelling…")

    def save(self, path: Path) -> None:
        """Try again to save a model that could not be saved."""
        if self.unsaved is not None and not self.is_running:
            self._save(self.unsaved, path)

    def dispose(self) -> None:
        """Let go of the viewer; a training ends before its next step, its checkpoint stays.

        A model that is being saved is saved.
        """
        self._runner.dispose()
        self._warmer.dispose()
        self._current = None
        self._preview.remove()

    def _on_updated(self, updates: tuple[Any, ...]) -> None:
        for update in updates:
            if isinstance(update, Progress):
                if update.message:
                    self.step_changed.emit(update.message)
            elif isinstance(update, TrainingUpdate):
                self.updated.emit(update)
                if update.history:
                    self.judged.emit(judge(update.history[-1].quality))
                self._preview.show(update.examples)

    def _on_succeeded(self, trained: Trained) -> None:
        if self._current is not None:
            self._current.trained = trained

    def _on_failed(self, error: BaseException) -> None:
        self._preview.remove()
        self._ending = notify_failure(error)

    def _on_cancelled(self) -> None:
        self._preview.remove()
        self._ending = "Cancelled. Nothing was kept of this training."

    def _on_finished(self) -> None:
        current, self._current = self._current, None
        if current is not None and current.trained is not None:
            self._save(current.trained, model_path(current.request.settings.name))
        else:
            self._end()

    def _save(self, trained: Trained, path: Path) -> None:
        self.stage_changed.emit(Stage.SAVING, "Saving the model…")
        self._saver.save(trained, path)

    def _on_saved(self, trained: Trained, path: Path) -> None:
        if trained.quality is not None:
            self.judged.emit(judge(trained.quality))
        self._ending = describe_saved(trained, path)

    def _on_not_saved(self, message: str) -> None:
        self._ending = message

    def _end(self) -> None:
        self.ended.emit(self._ending)


def describe_saved(trained: Trained, path: Path) -> str:
    """Put the end of a training into a sentence.

    Parameters
    ----------
    trained : Trained
        What was saved.
    path : Path
        Where.

    Returns
    -------
    str
    """
    if path == model_path(path.stem):
        text = f'Saved. Choose {path.stem} as network in "Separate cells".'
    else:
        text = f"Saved as {path}."
    if trained.skipped:
        unusable = "1 plane" if trained.skipped == 1 else f"{trained.skipped} planes"
        text += f" {unusable} could not be used."
    if trained.stopped:
        text += ' Tick "Resume interrupted training" to train it longer.'
    elif trained.quality is not None and not judge(trained.quality).ready:
        text += ' To train it longer, choose it under "Start from".'
    return text

"""What happens between pressing Start and a saved model; knows no field or button."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal

from napari_inpaintaff.inpainting.quality import judge
from napari_inpaintaff.inpainting.updates import TrainingUpdate
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.widgets.model_maker import ModelMaker
from napari_inpaintaff.widgets.model_names import model_path
from napari_inpaintaff.widgets.notices import notify_lack
from napari_inpaintaff.widgets.runner import JobRunner
from napari_inpaintaff.widgets.steps import warm_up_steps
from napari_inpaintaff.widgets.training_controls import Stage
from napari_inpaintaff.widgets.training_engine import Trained, TrainingEngine
from napari_inpaintaff.widgets.training_preview import InpaintingPreview
from napari_inpaintaff.widgets.training_settings import TrainingControl, TrainingRequest


class TrainingController(ModelMaker[Trained]):
    """Starts, pauses, stops and cancels trainings, and saves what comes of them.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the preview goes.
    engine : TrainingEngine
        The calls into the core.
    """

    step_changed = Signal(str)
    #: (Verdict,)
    judged = Signal(object)

    saving_stage = Stage.SAVING
    model_noun = "the model"
    making_noun = "training"

    def __init__(self, viewer: Any, engine: TrainingEngine) -> None:
        super().__init__(engine.keep)
        self._viewer = viewer
        self._engine = engine
        self._control = TrainingControl()
        self._name = ""
        self._preview = InpaintingPreview(viewer)
        self._warmer = JobRunner()
        self._warmer.failed.connect(notify_lack)

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
        control = TrainingControl()
        name = request.settings.name
        self._begin(self._engine.train(request, control), f"Training {name}")
        self._control, self._name = control, name
        self._preview.remove()
        self._preview = InpaintingPreview(self._viewer)
        self.stage_changed.emit(Stage.STARTING, "Starting…")

    def pause(self) -> None:
        """Hold the training before its next step."""
        if self._is_making:
            self._runner.pause()
            self.stage_changed.emit(Stage.PAUSED, "Paused.")

    def resume(self) -> None:
        """Go on after `pause`."""
        if self._is_making:
            self._runner.resume()
            self.stage_changed.emit(Stage.TRAINING, "Going on…")

    def stop(self) -> None:
        """End the training soon and keep the best network so far."""
        if self._is_making:
            self._control.stop.set()
            self._runner.resume()
            self.stage_changed.emit(Stage.STOPPING, "Finishing: measuring the best network…")

    def cancel(self) -> None:
        """End the training soon and leave nothing of it behind."""
        if self._is_making:
            self._control.discard.set()
            self._runner.cancel()
            self.stage_changed.emit(Stage.CANCELLING, "Cancelling…")

    def dispose(self) -> None:
        """Let go of the viewer; a training ends before its next step, its checkpoint stays.

        A model that is being saved is saved.
        """
        super().dispose()
        self._warmer.dispose()
        self._preview.remove()

    def _show(self, update: Any) -> None:
        if isinstance(update, Progress):
            if update.message:
                self.step_changed.emit(update.message)
        elif isinstance(update, TrainingUpdate):
            self.updated.emit(update)
            if update.history:
                self.judged.emit(judge(update.history[-1].quality))
            self._preview.show(update.examples)

    def _path_of(self, trained: Trained) -> Path:
        return model_path(self._name)

    def _saved(self, trained: Trained, path: Path) -> str:
        if trained.quality is not None:
            self.judged.emit(judge(trained.quality))
        return describe_saved(trained, path)

    def _dropped(self) -> None:
        self._preview.remove()


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

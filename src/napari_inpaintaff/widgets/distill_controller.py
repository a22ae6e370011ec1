"""What happens between pressing Distill and a saved student; knows no field or button."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Any

from qtpy.QtCore import Signal

from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.separation import DistillationUpdate
from napari_inpaintaff.widgets.distill_controls import DistillStage
from napari_inpaintaff.widgets.distill_engine import Distilled, DistillEngine
from napari_inpaintaff.widgets.distill_settings import DistillRequest
from napari_inpaintaff.widgets.model_maker import ModelMaker
from napari_inpaintaff.widgets.model_names import model_path

#: Below this agreement the user is told how to get a better student.
FAIR_AGREEMENT = 0.8


class DistillController(ModelMaker[Distilled]):
    """Starts, stops and cancels distillations, and saves what comes of them.

    Parameters
    ----------
    engine : DistillEngine
        The calls into the core.
    """

    #: (Progress,)
    progressed = Signal(object)
    #: (Path,): a student was saved, and all lists of models have it.
    saved = Signal(object)

    saving_stage = DistillStage.SAVING
    model_noun = "the student"
    making_noun = "distillation"

    def __init__(self, engine: DistillEngine) -> None:
        super().__init__(engine.keep)
        self._engine = engine
        self._stop = Event()
        self._saved_to: Path | None = None

    def start(self, request: DistillRequest) -> None:
        """Start a distillation.

        Raises
        ------
        BusyError
            When a heavy job is going on, in this viewer or another.
        """
        stop = Event()
        name = f"Distilling {request.settings.name}"
        self._begin(self._engine.distill(request, stop), name)
        self._stop = stop
        self._saved_to = None
        self.stage_changed.emit(DistillStage.LABELLING, "Starting…")

    def stop(self) -> None:
        """End the training soon and keep the best student so far."""
        if self._is_making:
            self._stop.set()
            self.stage_changed.emit(DistillStage.STOPPING, "Finishing: measuring the student…")

    def cancel(self) -> None:
        """End the distillation soon and leave nothing of it behind."""
        if self._is_making:
            self._runner.cancel()
            self.stage_changed.emit(DistillStage.CANCELLING, "Cancelling…")

    def _show(self, update: Any) -> None:
        if isinstance(update, Progress):
            self.progressed.emit(update)
        elif isinstance(update, DistillationUpdate):
            self.updated.emit(update)

    def _path_of(self, distilled: Distilled) -> Path:
        return model_path(distilled.name)

    def _saved(self, distilled: Distilled, path: Path) -> str:
        self._saved_to = path
        return describe_distilled(distilled, path)

    def _end(self) -> None:
        path, self._saved_to = self._saved_to, None
        if path is not None:
            self.saved.emit(path)
        super()._end()


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

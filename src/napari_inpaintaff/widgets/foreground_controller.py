"""What happens between pressing Train and a saved foreground; knows no field or button."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import Any

from napari.layers import Image, Layer
from napari.utils.notifications import show_warning
from qtpy.QtCore import Signal

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.widgets.foreground_controls import ForegroundStage
from napari_inpaintaff.widgets.foreground_engine import (
    ForegroundEngine,
    LivePlane,
    TrainedForeground,
)
from napari_inpaintaff.widgets.foreground_layers import ForegroundLayers
from napari_inpaintaff.widgets.foreground_settings import FindingRequest, ForegroundRequest
from napari_inpaintaff.widgets.foreground_words import (
    BUSY,
    KNOWN,
    NOT_TRAINED,
    describe_found,
    describe_trained,
)
from napari_inpaintaff.widgets.model_maker import ModelMaker
from napari_inpaintaff.widgets.model_names import model_path
from napari_inpaintaff.widgets.notices import notify_failure, notify_lack
from napari_inpaintaff.widgets.pace import Pace
from napari_inpaintaff.widgets.planes import Plane, current_plane
from napari_inpaintaff.widgets.runner import JobRunner
from napari_inpaintaff.widgets.steps import warm_up_steps

#: Part of the interface's time that the live map may take.
SHARE = 0.2


@dataclass(eq=False)
class _Kept:
    """What is known about the foreground of one image layer."""

    layers: ForegroundLayers
    trained: TrainedForeground | None = None
    diameter: float = 0.0
    #: Planes whose foreground is not by what was trained.
    unlabelled: set[tuple[int, ...]] = field(default_factory=set)


@dataclass
class _Current:
    """The training that goes on."""

    source: Image
    request: ForegroundRequest
    kept: _Kept
    live: LivePlane | None = None
    shown: Any = None
    learning: bool = False
    dropped: bool = False


class ForegroundController(ModelMaker[TrainedForeground]):
    """Trains foregrounds, shows and saves them, and applies them to other planes.

    What was learned belongs to the layer object that it was learned from.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers go.
    engine : ForegroundEngine
        The calls into the core.
    """

    step_changed = Signal(str)

    saving_stage = ForegroundStage.SAVING
    model_noun = "the foreground"
    making_noun = "training"

    def __init__(self, viewer: Any, engine: ForegroundEngine) -> None:
        super().__init__(engine.keep)
        self._viewer = viewer
        self._engine = engine
        self._stop = Event()
        self._kept: dict[Layer, _Kept] = {}
        self._current: _Current | None = None
        self._level = 0.5
        self._pace = Pace(self._show_live, SHARE)
        #: The image, the plane, and the method if it is not what was trained.
        self._applied: tuple[Image, Plane, str] | None = None
        self._applier = JobRunner(heavy=True)
        self._applier.succeeded.connect(self._on_applied)
        self._applier.failed.connect(self._on_not_applied)
        self._applier.cancelled.connect(self._on_applying_cancelled)
        self._applier.updated.connect(self._on_updated)
        self._applier.finished.connect(self._end)
        self._warmer = JobRunner()
        self._warmer.failed.connect(notify_lack)
        viewer.layers.events.removed.connect(self._on_layer_removed)

    @property
    def is_applying(self) -> bool:
        """Whether the foreground of a plane is being found, besides a training."""
        return self._applier.is_running

    def warm_up(self) -> None:
        """Load what the first training will need, so that it starts at once."""
        if not self.is_running and not self._warmer.is_running:
            self._warmer.start(warm_up_steps(self._engine), name="Loading PyTorch")

    def trained(self, source: Layer | None) -> TrainedForeground | None:
        """Return what was learned from an image layer, if anything was."""
        kept = None if source is None else self._kept.get(source)
        return None if kept is None else kept.trained

    def refusal(self, source: Layer | None) -> str:
        """Say why the foreground of the plane in view cannot be looked for; empty if it can."""
        if source is None or self.trained(source) is None:
            return NOT_TRAINED
        if self.is_running or self.is_applying:
            return BUSY
        index = current_plane(source, self._viewer.dims.point).index
        kept = self._kept[source]
        return KNOWN if kept.layers.knows(index) and index not in kept.unlabelled else ""

    def has_mask(self, source: Layer | None) -> bool:
        """Whether the foreground of a plane of an image layer was found, in any way."""
        return source in self._kept and self._kept[source].layers.known

    def train(self, source: Image, request: ForegroundRequest, *, anew: bool) -> None:
        """Start a training; it goes on from what was learned before unless it starts anew.

        Raises
        ------
        BusyError
            When a heavy job is going on, in this viewer or another.
        """
        kept = self._kept_of(source)
        if kept.trained is not None and not anew:
            request = replace(request, previous=kept.trained.network)
        stop = Event()
        self._begin(self._engine.train(request, stop), f"Learning the foreground of {source.name}")
        self._stop = stop
        self._kept[source] = kept
        self._current = _Current(source, request, kept)
        self.stage_changed.emit(ForegroundStage.STARTING, "Starting…")

    def finish(self) -> None:
        """End the training soon and keep what was learned so far."""
        if self._is_making:
            self._stop.set()
            self.stage_changed.emit(ForegroundStage.FINISHING, "Finishing…")

    def cancel(self) -> None:
        """End what goes on soon and leave nothing of it behind."""
        if self._is_making or self.is_applying:
            self._runner.cancel()
            self._applier.cancel()
            self.stage_changed.emit(ForegroundStage.CANCELLING, "Cancelling…")

    def apply(self, source: Image, plane: Plane) -> None:
        """Find the foreground of another plane of an image that was learned from.

        Raises
        ------
        BusyError
            When a heavy job is going on, in this viewer or another.
        ParameterError
            If nothing was learned from the image yet.
        """
        kept = self._kept.get(source)
        if kept is None or kept.trained is None:
            raise ParameterError(NOT_TRAINED)
        steps = self._engine.apply(kept.trained.network, plane, kept.diameter)
        self._look(source, plane, steps)

    def find(self, source: Image, request: FindingRequest) -> None:
        """Find the foreground of a plane without labels.

        Raises
        ------
        BusyError
            When a heavy job is going on, in this viewer or another.
        """
        self._look(source, request.plane, self._engine.find(request), by=request.title)

    def _look(
        self, source: Image, plane: Plane, steps: Generator[Any, None, Any], *, by: str = ""
    ) -> None:
        self._applier.start(steps, name=f"Finding the foreground of {source.name}")
        self._kept[source] = self._kept_of(source)
        self._applied, self._ending = (source, plane, by), ""
        self.stage_changed.emit(ForegroundStage.APPLYING, "Finding the foreground of the plane…")

    def _kept_of(self, source: Image) -> _Kept:
        kept = self._kept.get(source)
        return kept or _Kept(ForegroundLayers(self._viewer, source, self._level))

    def set_level(self, level: float) -> None:
        """Show other masks: what is more probable than the level is foreground."""
        self._level = level
        for kept in self._kept.values():
            kept.layers.set_level(level)

    def dispose(self) -> None:
        """Let go of the viewer; a training ends before its next step.

        A foreground that is being saved is saved.
        """
        super().dispose()
        self._applier.dispose()
        self._warmer.dispose()
        self._pace.stop()
        self._viewer.layers.events.removed.disconnect(self._on_layer_removed)
        current, self._current = self._current, None
        self._kept.clear()
        if current is not None:
            current.kept.layers.take_back()

    def _show(self, update: Any) -> None:
        current = self._current
        if isinstance(update, Progress):
            if update.message:
                self.step_changed.emit(update.message)
        elif isinstance(update, LivePlane) and current is not None:
            current.learning = True
            self.updated.emit(update.update)
            if update.update.probability is not None:
                current.live = update
                if update.update.probability is not current.shown:
                    self._pace.tell()

    def _show_live(self) -> None:
        current = self._current
        if current is None or current.live is None or current.dropped:
            return
        probability = current.live.update.probability
        if probability is not None and probability is not current.shown:
            current.shown = probability
            current.kept.layers.show_live(probability, current.live.index)

    def _on_succeeded(self, model: TrainedForeground) -> None:
        super()._on_succeeded(model)
        self._pace.stop()
        current, self._current = self._current, None
        if current is None or current.dropped:
            return
        current.kept.trained = model
        current.kept.diameter = current.request.settings.diameter
        current.kept.unlabelled.clear()
        try:
            current.kept.layers.keep(model.probability, model.index)
        except Exception as error:
            notify_failure(error)

    def _path_of(self, model: TrainedForeground) -> Path:
        return model_path(model.name)

    def _saved(self, model: TrainedForeground, path: Path) -> str:
        return describe_trained(model, path)

    def _dropped(self) -> None:
        self._pace.stop()
        current, self._current = self._current, None
        if current is not None and not current.dropped:
            current.kept.layers.take_back()

    def _on_applied(self, probability: Any) -> None:
        applied, self._applied = self._applied, None
        if applied is None or applied[0] not in self._kept:
            return
        source, plane, by = applied
        kept = self._kept[source]
        kept.layers.show(probability, plane.index)
        if by:
            kept.unlabelled.add(plane.index)
            self._ending = describe_found(by, float((probability > self._level).mean()))
        else:
            kept.unlabelled.discard(plane.index)
            self._ending = "This plane is done: move the threshold, or go to another."

    def _on_not_applied(self, error: BaseException) -> None:
        self._ending = notify_failure(error)

    def _on_applying_cancelled(self) -> None:
        by = "" if self._applied is None else self._applied[2]
        self._ending = f"Cancelled. What was {'found before' if by else 'learned'} is kept."

    def _on_layer_removed(self, event: Any) -> None:
        self._kept.pop(event.value, None)
        current = self._current
        if current is None or event.value is not current.source or not self._is_making:
            return
        current.dropped = True
        self._pace.stop()
        current.kept.layers.take_back()
        if current.learning:
            show_warning(
                f"{event.value.name} was removed: the training ends, and what was learned so far "
                f"is kept as {current.request.settings.name}."
            )
            self.finish()
        else:
            show_warning(f"{event.value.name} was removed: the training was cancelled.")
            self.cancel()

"""Start runs, deliver their results to the right layers, and relabel at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari.layers import Image, Layer
from napari.utils.notifications import show_warning
from qtpy.QtCore import QObject, Signal

from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.widgets.engine import Engine, Labelling, Separation
from napari_inpaintaff.widgets.notices import notify_failure
from napari_inpaintaff.widgets.preview import SplitPreview
from napari_inpaintaff.widgets.results import ResultLayers
from napari_inpaintaff.widgets.runner import BusyError, JobRunner
from napari_inpaintaff.widgets.settings import Foreground, LabelSettings, SeparationRequest
from napari_inpaintaff.widgets.steps import RunResult, label_steps, run_steps, warm_up_steps


@dataclass(eq=False)
class _Kept:
    """What is known about the cells of one source layer."""

    separation: Separation
    layers: ResultLayers


@dataclass
class _Current:
    """The run that is going on."""

    source: Image
    request: SeparationRequest
    preview: SplitPreview


def update_key(update: Any) -> Any:
    """Let splits of different patches stand beside each other between two flushes."""
    return getattr(update, "origin", type(update))


class SeparationController(QObject):
    """What happens between pressing Run and seeing labels; knows no field or button.

    Results belong to the layer object that they came from, whatever the user
    selects, renames or removes in the meantime.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers go.
    engine : Engine
        The calls into the core.
    """

    started = Signal()
    #: A run has ended, in whatever way; carries a sentence for the user.
    ended = Signal(str)
    step_changed = Signal(str)
    patches_done = Signal(int, int)
    #: Labels were shown; carries a sentence for the user.
    labelled = Signal(str)

    def __init__(self, viewer: Any, engine: Engine) -> None:
        super().__init__()
        self._viewer = viewer
        self._engine = engine
        self._kept: dict[Layer, _Kept] = {}
        self._current: _Current | None = None
        self._ending = ""
        self._relabel_next: tuple[Layer, Foreground, LabelSettings] | None = None
        self._relabelled: _Kept | None = None

        self._runner = JobRunner(heavy=True, coalesce=update_key)
        self._runner.updated.connect(self._on_updated)
        self._runner.succeeded.connect(self._on_succeeded)
        self._runner.failed.connect(self._on_failed)
        self._runner.cancelled.connect(self._on_cancelled)
        self._runner.finished.connect(self._on_finished)
        self._relabeller = JobRunner()
        self._relabeller.succeeded.connect(self._on_relabelled)
        self._relabeller.failed.connect(notify_failure)
        self._relabeller.finished.connect(self._start_relabelling)
        # Its errors are no news: the first run meets them again and reports them.
        self._warmer = JobRunner()
        viewer.layers.events.removed.connect(self._on_layer_removed)

    @property
    def is_running(self) -> bool:
        """Whether a run is going on."""
        return self._current is not None

    def warm_up(self) -> None:
        """Load what the first run will need, so that it starts at once."""
        if not self.is_running and not self._warmer.is_running:
            self._warmer.start(warm_up_steps(self._engine), name="Loading the network")

    def run(self, source: Image, request: SeparationRequest) -> None:
        """Start separating the cells of an image layer; what is known of it is used.

        Raises
        ------
        BusyError
            When a run is going on, in this viewer or another.
        """
        if self.is_running:
            raise BusyError("A separation is running already.")
        kept = self._kept.get(source)
        steps = run_steps(self._engine, request, kept.separation if kept else None)
        self._runner.start(steps, name=f"Separating the cells of {source.name}")
        preview = SplitPreview(self._viewer, source, request.plane.index)
        self._current = _Current(source, request, preview)
        self._ending = ""
        self.started.emit()

    def cancel(self) -> None:
        """End the run before its next batch; it leaves nothing behind."""
        self._runner.cancel()

    def kept_plane(self, source: Layer) -> tuple[int, ...] | None:
        """Say of which plane of a layer affinities are kept; None when of none."""
        kept = self._kept.get(source)
        return kept.layers.index if kept else None

    def relabel(self, source: Layer, foreground: Foreground, settings: LabelSettings) -> None:
        """Build the labels of a layer anew from what is known; the newest call wins."""
        if source in self._kept:
            self._relabel_next = (source, foreground, settings)
            if not self._relabeller.is_running:
                self._start_relabelling()

    def dispose(self) -> None:
        """Let go of the viewer; a run ends before its next batch and shows nothing."""
        self._runner.dispose()
        self._relabeller.dispose()
        self._warmer.dispose()
        self._viewer.layers.events.removed.disconnect(self._on_layer_removed)
        self._kept.clear()
        current, self._current = self._current, None
        if current is not None:
            current.preview.remove()

    def _on_updated(self, updates: tuple[Any, ...]) -> None:
        if self._current is None:
            return
        for update in updates:
            if isinstance(update, Progress) and update.message:
                self.step_changed.emit(update.message)
        splits = [update for update in updates if hasattr(update, "origin")]
        if splits:
            self._current.preview.show(splits)
            self.patches_done.emit(splits[-1].done, splits[-1].total)

    def _on_succeeded(self, result: RunResult) -> None:
        current = self._current
        if current is None or current.source not in self._viewer.layers:
            return
        current.preview.remove()
        layers = self._result_layers(current)
        self._kept[current.source] = _Kept(result.separation, layers)
        rows, columns = result.separation.region
        try:
            layers.show_affinities(result.colours, (rows.start, columns.start))
            layers.show_labels(result.labelling.labels)
            self._ending = describe(result.labelling)
        except Exception as error:
            self._ending = notify_failure(error)

    def _on_failed(self, error: BaseException) -> None:
        self._ending = notify_failure(error)

    def _on_cancelled(self) -> None:
        self._ending = self._ending or "Cancelled. Nothing was kept of this run."

    def _on_finished(self) -> None:
        current, self._current = self._current, None
        if current is not None:
            current.preview.remove()
        self.ended.emit(self._ending)

    def _start_relabelling(self) -> None:
        if self._relabel_next is None:
            return
        source, foreground, settings = self._relabel_next
        self._relabel_next = None
        kept = self._kept.get(source)
        if kept is None:
            return
        self._relabelled = kept
        steps = label_steps(self._engine, kept.separation, foreground, settings)
        self._relabeller.start(steps, name=f"Labelling the cells of {source.name}")

    def _on_relabelled(self, labelling: Labelling) -> None:
        # A run may have replaced what these labels were built from.
        kept = self._relabelled
        if kept is not None and kept in self._kept.values():
            kept.layers.show_labels(labelling.labels)
            self.labelled.emit(describe(labelling))

    def _result_layers(self, current: _Current) -> ResultLayers:
        kept = self._kept.get(current.source)
        if kept is not None and kept.layers.index == current.request.plane.index:
            return kept.layers
        return ResultLayers(self._viewer, current.source, current.request.plane.index)

    def _on_layer_removed(self, event: Any) -> None:
        self._kept.pop(event.value, None)
        if self._current is not None and event.value is self._current.source:
            self._ending = f"{event.value.name} was removed, so its result was dropped."
            show_warning(self._ending)
            self.cancel()


def describe(labelling: Labelling) -> str:
    """Put a labelling into a sentence.

    Parameters
    ----------
    labelling : Labelling
        With labels 1 to n.

    Returns
    -------
    str
    """
    count = int(labelling.labels.max(initial=0))
    text = f"{count} cell{'' if count == 1 else 's'}. Cuts: blue along x, red along y."
    if labelling.missing:
        pixels = "1 pixel" if labelling.missing == 1 else f"{labelling.missing} pixels"
        text += f" {pixels} of the foreground not computed yet: press Run to add them."
    return text

"""Start runs, deliver their results to the right layers, and relabel at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari.layers import Image, Layer
from napari.utils.notifications import show_warning
from qtpy.QtCore import QObject, Signal

from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.widgets.engine import Engine, Labelling, Separation
from napari_inpaintaff.widgets.evidence import Evidence, remember_evidence
from napari_inpaintaff.widgets.live_splits import LiveSplits
from napari_inpaintaff.widgets.notices import notify_failure, notify_lack
from napari_inpaintaff.widgets.results import ResultLayers
from napari_inpaintaff.widgets.runner import BusyError, JobRunner
from napari_inpaintaff.widgets.settings import Foreground, LabelSettings, SeparationRequest
from napari_inpaintaff.widgets.steps import (
    DraftLabels,
    LabelWishes,
    RunResult,
    label_steps,
    run_steps,
    warm_up_steps,
)

CANCELLED = "Cancelled. Nothing was kept of this run."


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
    wishes: LabelWishes
    layers: ResultLayers
    cancelled: bool = False


@dataclass(frozen=True)
class _Relabelling:
    """The wish for other labels of a source layer."""

    source: Layer
    foreground: Foreground
    settings: LabelSettings


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

    Attributes
    ----------
    live : LiveSplits
        What is seen of the splits, and how many patches are finished.
    """

    started = Signal()
    #: A run has ended, in whatever way; carries a sentence for the user.
    ended = Signal(str)
    step_changed = Signal(str)
    #: How much of the step is done, and of how much; of 0 when nobody knows.
    share_changed = Signal(int, int)
    #: A draft is shown; carries its number of cells, such as "41 cells".
    drafted = Signal(str)
    #: Labels were shown; carries a sentence for the user.
    labelled = Signal(str)

    def __init__(self, viewer: Any, engine: Engine) -> None:
        super().__init__()
        self._viewer = viewer
        self._engine = engine
        self._kept: dict[Layer, _Kept] = {}
        self._current: _Current | None = None
        self._ending = ""
        self._relabel_next: _Relabelling | None = None
        self._relabelled: _Relabelling | None = None
        self._relabelled_from: _Kept | None = None

        self.live = LiveSplits(viewer)
        self._runner = JobRunner(heavy=True, coalesce=self.live.coalesce)
        self._runner.updated.connect(self._on_updated)
        self._runner.succeeded.connect(self._on_succeeded)
        self._runner.failed.connect(self._on_failed)
        self._runner.cancelled.connect(self._on_cancelled)
        self._runner.finished.connect(self._on_finished)
        self._relabeller = JobRunner()
        self._relabeller.succeeded.connect(self._on_relabelled)
        self._relabeller.failed.connect(notify_failure)
        self._relabeller.finished.connect(self._start_relabelling)
        self._warmer = JobRunner()
        self._warmer.failed.connect(notify_lack)
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
        wishes = LabelWishes(request.foreground, request.labels)
        steps = run_steps(self._engine, request, kept.separation if kept else None, wishes)
        self._runner.start(steps, name=f"Separating the cells of {source.name}")
        index = request.plane.index
        if kept is not None and kept.layers.index == index:
            layers = kept.layers
        else:
            layers = ResultLayers(self._viewer, source, index)
        self.live.begin(source, index)
        self._current = _Current(source, request, wishes, layers)
        self._ending = ""
        self.started.emit()

    def cancel(self) -> None:
        """End the run before its next batch; it leaves nothing behind."""
        if self._current is not None:
            self._current.cancelled = True
        self._runner.cancel()

    def labelled_plane(self, source: Layer) -> tuple[int, ...] | None:
        """Say of which plane of a layer labels can be built anew; None when of none."""
        if self._current is not None and self._current.source is source:
            return self._current.request.plane.index
        kept = self._kept.get(source)
        return kept.layers.index if kept else None

    def relabel(self, source: Layer, foreground: Foreground, settings: LabelSettings) -> None:
        """Build the labels of a layer anew from what is known; the newest call wins.

        The drafts and the result of a run follow too.
        """
        current = self._current
        if current is not None and current.source is source:
            current.wishes.newest = (foreground, settings)
        kept = self._kept.get(source)
        if kept is not None and kept.layers.index == self.labelled_plane(source):
            self._relabel_next = _Relabelling(source, foreground, settings)
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
            current.layers.take_back_draft()
        self.live.dispose()

    def _on_updated(self, updates: tuple[Any, ...]) -> None:
        if self._current is None:
            return
        splits = [update for update in updates if hasattr(update, "origin")]
        self.live.note(splits)
        for update in updates:
            if isinstance(update, Progress):
                if update.message:
                    # The count of patches belongs to the step before.
                    self.live.hold()
                    self.step_changed.emit(update.message)
                self.share_changed.emit(update.done, update.total)
            elif splits:
                splits = []
                # Before a draft that came with them: the splits stay visible above it.
                self.live.tell()
            if isinstance(update, DraftLabels):
                self._show_draft(self._current, update.labelling)

    def _show_draft(self, current: _Current, labelling: Labelling) -> None:
        if not current.cancelled:
            current.layers.show_draft(labelling.labels, below=self.live.layer)
            self.drafted.emit(labelling.cells)

    def _on_succeeded(self, result: RunResult) -> None:
        current = self._current
        if current is None or current.source not in self._viewer.layers:
            return
        self.live.remove()
        layers = current.layers
        self._kept[current.source] = _Kept(result.separation, layers)
        rows, columns = result.separation.region
        try:
            layers.show_affinities(result.colours, (rows.start, columns.start))
            layer = layers.show_labels(result.labelling.labels)
            remember_evidence(layer, _evidence(result.separation, current.wishes.newest[1]))
            self._ending = describe(result.labelling)
        except Exception as error:
            self._ending = notify_failure(error)

    def _on_failed(self, error: BaseException) -> None:
        self._ending = notify_failure(error)

    def _on_cancelled(self) -> None:
        self._ending = self._ending or CANCELLED

    def _on_finished(self) -> None:
        current, self._current = self._current, None
        if current is not None:
            current.layers.take_back_draft()
            self._keep_recording()
        self.ended.emit(self._ending)
        self._start_relabelling()

    def _keep_recording(self) -> None:
        try:
            evolution = self.live.end()
        except Exception as error:
            notify_failure(error)
            return
        if evolution is not None:
            if self._ending == CANCELLED:
                self._ending = "Cancelled. Only the recording was kept."
            self._ending += (
                f"\nThe recording is the layer {evolution.name}: move the slider below the image."
            )

    def _start_relabelling(self) -> None:
        wish = self._relabel_next
        if wish is None or self._relabeller.is_running:
            return
        kept = self._kept.get(wish.source)
        if kept is not None and kept.layers.shows_draft:
            # What was found before must not take the draft's place; it may come back.
            return
        self._relabel_next = None
        if kept is not None:
            self._relabelled, self._relabelled_from = wish, kept
            steps = label_steps(self._engine, kept.separation, wish.foreground, wish.settings)
            self._relabeller.start(steps, name=f"Labelling the cells of {wish.source.name}")

    def _on_relabelled(self, labelling: Labelling) -> None:
        wish, kept = self._relabelled, self._relabelled_from
        # A run may have replaced what these labels were built from.
        if wish is None or kept is None or self._kept.get(wish.source) is not kept:
            return
        if kept.layers.shows_draft:
            self._relabel_next = self._relabel_next or wish
            return
        layer = kept.layers.show_labels(labelling.labels)
        remember_evidence(layer, _evidence(kept.separation, wish.settings))
        self.labelled.emit(describe(labelling))

    def _on_layer_removed(self, event: Any) -> None:
        self._kept.pop(event.value, None)
        if self._current is not None and event.value is self._current.source:
            self._ending = f"{event.value.name} was removed, so its result was dropped."
            show_warning(self._ending)
            self.cancel()


def _evidence(separation: Separation, settings: LabelSettings) -> Evidence:
    return Evidence(separation.affinities, settings.alpha, settings.minimum_size)


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
    text = f"{labelling.cells}. Cuts: blue along x, red along y."
    if labelling.moved:
        text += f" Outlines moved by {labelling.moved:.1f} px to the edges of the image."
    if labelling.missing:
        pixels = "1 pixel" if labelling.missing == 1 else f"{labelling.missing} pixels"
        text += f" {pixels} of the foreground not computed yet: press Run to add them."
    return text

"""Label all planes of a layer, or all images of a folder, and show them as they are done."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Layer
from qtpy.QtCore import QObject, Signal

from napari_inpaintaff.images import SkippedImage, planes_of
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.pipeline.folders import FileDone, FileKept
from napari_inpaintaff.pipeline.planewise import PlaneDone, PlaneIndex, PlaneKept, PlaneShare
from napari_inpaintaff.widgets.engine import Engine
from napari_inpaintaff.widgets.notices import notify_failure
from napari_inpaintaff.widgets.own_layers import add_own_layer
from napari_inpaintaff.widgets.planes import pixels_of
from napari_inpaintaff.widgets.runner import BusyError, JobRunner
from napari_inpaintaff.widgets.whole_file import FileRun, file_steps, labels_of_file
from napari_inpaintaff.widgets.whole_layer import WholeLayer
from napari_inpaintaff.widgets.whole_report import WholeReport, written
from napari_inpaintaff.widgets.whole_steps import PlaneSettings, folder_steps, layer_steps

if TYPE_CHECKING:
    from napari_inpaintaff.pipeline.tiled import TiledLabels

logger = logging.getLogger(__name__)


class WholeController(QObject):
    """What happens between pressing Apply and the last plane; knows no field or button.

    Labels belong to the layer object that they came from, whatever the user selects,
    renames or removes in the meantime.

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
    #: (PlaneShare,)
    progressed = Signal(object)

    def __init__(self, viewer: Any, engine: Engine) -> None:
        super().__init__()
        self._viewer = viewer
        self._engine = engine
        self._layers: dict[Layer, WholeLayer] = {}
        self._source: Image | None = None
        self._report = WholeReport("plane")
        self._reason = ""
        self._ending = ""
        self._runner = JobRunner(heavy=True, coalesce=_update_key)
        self._runner.updated.connect(self._on_updated)
        self._runner.succeeded.connect(self._on_succeeded)
        self._runner.failed.connect(self._on_failed)
        self._runner.cancelled.connect(self._on_cancelled)
        self._runner.finished.connect(self._on_finished)
        viewer.layers.events.removed.connect(self._on_layer_removed)

    @property
    def is_running(self) -> bool:
        """Whether a run is going on."""
        return self._runner.is_running

    def run_layer(
        self,
        source: Image,
        indices: Sequence[PlaneIndex],
        settings: PlaneSettings,
        *,
        keep_labels: bool,
    ) -> None:
        """Start labelling planes of an image layer.

        Parameters
        ----------
        source : Image
            Its planes are read in the worker, one at a time.
        indices : sequence of tuple of int
            Positions of the planes along the leading axes.
        settings : PlaneSettings
            The same for all planes.
        keep_labels : bool
            Whether planes with labels are left out; otherwise only those that the user
            painted in, corrected or locked.

        Raises
        ------
        BusyError
            When a heavy job is running, in this viewer or another.
        InpaintAffError
            When the image holds no intensities, or its labels do not fit into memory.
        """
        self._refuse_second()
        array = pixels_of(source)
        planes = dict(zip(_positions(array), planes_of(array, source.name), strict=True))
        layer = self._layers.get(source)
        if layer is None or not layer.is_shown:
            layer = WholeLayer(self._viewer, source)
        wanted = layer.without_done(indices) if keep_labels else list(indices)
        report = WholeReport("plane", kept=len(indices) - len(wanted))
        steps = layer_steps(
            self._engine,
            {index: planes[index] for index in wanted},
            settings,
            layer.keeper(all_labelled=keep_labels),
        )
        self._runner.start(steps, name=f"Separating the cells of all planes of {source.name}")
        layer.put()
        self._source, self._layers[source] = source, layer
        self._begin(report)

    def run_folder(
        self,
        targets: dict[Path, Path],
        settings: PlaneSettings,
        *,
        channel: int | str | None,
        replace: bool,
    ) -> None:
        """Start labelling the images of a folder; see `iterate_files`.

        Raises
        ------
        BusyError
            When a heavy job is running, in this viewer or another.
        """
        self._refuse_second()
        steps = folder_steps(self._engine, targets, settings, channel=channel, replace=replace)
        self._runner.start(steps, name=f"Separating the cells of {len(targets)} images")
        self._begin(WholeReport("image"))

    def run_file(self, source: Image, run: FileRun) -> None:
        """Start labelling an image into a file, tile by tile.

        Parameters
        ----------
        source : Image
            The layer of the image; a layer of the labels is put over it in the end.
        run : FileRun
            What to do.

        Raises
        ------
        BusyError
            When a heavy job is running, in this viewer or another.
        """
        self._refuse_second()
        self._runner.start(file_steps(run), name=f"Separating the cells of {source.name}")
        self._source = source
        self._begin(WholeReport("tile"))

    def pause(self, paused: bool) -> None:
        """Hold the run before its next step, or let it go on."""
        if paused:
            self._runner.pause()
        else:
            self._runner.resume()

    def cancel(self) -> None:
        """End the run; what is done stays."""
        self._runner.cancel()

    def dispose(self) -> None:
        """Let go of the viewer; a run ends before its next batch."""
        self._runner.dispose()
        self._viewer.layers.events.removed.disconnect(self._on_layer_removed)
        for layer in self._layers.values():
            layer.dispose()
        self._layers.clear()

    def _refuse_second(self) -> None:
        if self.is_running:
            raise BusyError("A run is going on already.")

    def _begin(self, report: WholeReport) -> None:
        self._report, self._reason, self._ending = report, "", ""
        self.started.emit()

    def _on_updated(self, updates: tuple[Any, ...]) -> None:
        for update in updates:
            if isinstance(update, PlaneShare):
                self.progressed.emit(update)
            elif isinstance(update, Progress):
                self.step_changed.emit(update.message)
            elif isinstance(update, PlaneDone):
                self._show(update)
            elif isinstance(update, FileDone):
                self._report.done += 1
                self._report.skipped_planes.extend(update.skipped)
            elif isinstance(update, PlaneKept | FileKept):
                self._report.kept += 1
            elif isinstance(update, SkippedImage):
                logger.warning("%s: %s", update.path_or_name, update.reason)
                self._report.skipped.append(update)

    def _show(self, plane: PlaneDone) -> None:
        layer = None if self._source is None else self._layers.get(self._source)
        if layer is None or not layer.is_shown:
            return
        if layer.show(plane.index, plane.labels):
            self._report.done += 1
        else:
            self._report.kept += 1

    def _on_succeeded(self, result: TiledLabels | None) -> None:
        self._ending = self._report.ended() if result is None else self._show_file(result)

    def _show_file(self, result: TiledLabels) -> str:
        source = self._source
        if source is not None and source in self._viewer.layers:
            add_own_layer(self._viewer, labels_of_file(result.path, source), select=False)
        self._report.skipped.extend(result.skipped)
        return written(result.path, sum(result.cells), result.skipped)

    def _on_failed(self, error: BaseException) -> None:
        self._ending = self._report.stopped(notify_failure(error))

    def _on_cancelled(self) -> None:
        cancelled = self._report.cancelled()
        self._ending = self._report.stopped(self._reason) if self._reason else cancelled

    def _on_finished(self) -> None:
        source, self._source = self._source, None
        layer = None if source is None else self._layers.get(source)
        if layer is not None:
            layer.finish()
        if source is not None and source not in self._viewer.layers:
            self._layers.pop(source, None)
        self.ended.emit(self._ending)

    def _on_layer_removed(self, event: Any) -> None:
        removed, source = event.value, self._source
        running = None if source is None else self._layers.get(source)
        if running is not None and removed in (source, running.layer):
            self._reason = f"{removed.name} was removed, so the run was ended."
            self.cancel()
        elif removed in self._layers:
            del self._layers[removed]


def _positions(array: Any) -> list[PlaneIndex]:
    return list(np.ndindex(*array.shape[:-2]))


def _update_key(update: Any) -> Any:
    """Let newer news of the progress replace older; nothing else may get lost."""
    return type(update) if isinstance(update, PlaneShare | Progress) else id(update)

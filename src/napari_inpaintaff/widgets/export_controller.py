"""Count while the user chooses, measure into the layer, and write the files."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Layer
from napari.utils.notifications import show_warning
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.measurement import Count, Measurements, ObjectFilter, ReadPlane
from napari_inpaintaff.widgets.export_steps import (
    CellSettings,
    ExportRequest,
    ExportResult,
    Written,
    count_steps,
    export_steps,
    measure_steps,
)
from napari_inpaintaff.widgets.label_source import LabelSource
from napari_inpaintaff.widgets.notices import failure_message, notify_failure
from napari_inpaintaff.widgets.runner import BusyError, JobRunner
from napari_inpaintaff.widgets.timers import single_shot

#: The count follows the fields and the brush after they have rested this long.
COUNT_DELAY_MS = 250
#: So many rows of features may be empty in any case.
_ROWS = 1000


class ExportController(QObject):
    """What happens between choosing and files; knows no field or button.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers get the measurements.
    """

    started = Signal()
    #: An export or a measurement has ended, in whatever way; carries a sentence.
    ended = Signal(str)
    step_changed = Signal(str)
    #: How much of the step is done, and of how much; of 0 when nobody knows.
    share_changed = Signal(int, int)
    #: Carries how many cells there are, for people.
    counted = Signal(str)
    #: (Layer,): its features are the measurements now.
    measured = Signal(object)

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._written: list[Path] = []
        self._measured_layer: Layer | None = None
        self._ending = ""
        self._worker = JobRunner(coalesce=_update_key)
        self._worker.updated.connect(self._on_updated)
        self._worker.succeeded.connect(self._on_succeeded)
        self._worker.failed.connect(self._on_failed)
        self._worker.cancelled.connect(self._on_cancelled)
        self._worker.finished.connect(self._on_finished)
        self._count_next: tuple[LabelSource, ObjectFilter] | None = None
        self._count_timer = single_shot(self, COUNT_DELAY_MS, self._start_counting)
        self._counter = JobRunner()
        self._counter.succeeded.connect(self._on_counted)
        self._counter.failed.connect(self._on_count_failed)
        self._counter.finished.connect(self._count_again)

    @property
    def is_running(self) -> bool:
        """Whether an export or a measurement is going on."""
        return self._worker.is_running

    def export(self, request: ExportRequest) -> None:
        """Start writing.

        Raises
        ------
        BusyError
            When this widget is at work already.
        """
        self._start(export_steps(request), f"Exporting {request.source.name}")

    def measure(
        self,
        layer: Layer,
        source: LabelSource,
        cells: CellSettings,
        channels: Mapping[str, ReadPlane],
    ) -> None:
        """Start measuring; the measurements become the features of the layer.

        Raises
        ------
        BusyError
            When this widget is at work already.
        """
        self._start(measure_steps(source, cells, channels), f"Measuring {source.name}")
        self._measured_layer = layer

    def count(self, source: LabelSource | None, wanted: ObjectFilter) -> None:
        """Count soon; the newest wish wins. None: there is nothing to count."""
        self._count_next = None if source is None else (source, wanted)
        self._counter.cancel()
        if source is None:
            self._count_timer.stop()
            self.counted.emit("")
        else:
            self._count_timer.start()

    def cancel(self) -> None:
        """End before the next plane; files that are complete stay."""
        self._worker.cancel()

    def dispose(self) -> None:
        """Report nothing any more; a file that is being written is not kept."""
        # When the application ends, Qt may have deleted the timer before.
        with suppress(RuntimeError):
            self._count_timer.stop()
        self._count_next = None
        self._counter.dispose()
        self._worker.dispose()

    def _start(self, steps: Any, name: str) -> None:
        if self.is_running:
            raise BusyError("An export is running already.")
        self._worker.start(steps, name=name)
        self._written, self._ending, self._measured_layer = [], "", None
        self.started.emit()

    def _on_updated(self, updates: tuple[Any, ...]) -> None:
        for update in updates:
            if isinstance(update, Written):
                self._written.append(update.path)
            elif isinstance(update, Progress):
                if update.message:
                    self.step_changed.emit(update.message)
                self.share_changed.emit(update.done, update.total)

    def _on_succeeded(self, result: ExportResult | Measurements) -> None:
        if isinstance(result, ExportResult):
            names = ", ".join(path.name for path in result.paths)
            folder = result.paths[0].parent
            self._ending = f"{describe_count(result.count)} Written to {folder}: {names}."
        else:
            self._show(result)

    def _show(self, measurements: Measurements) -> None:
        layer = self._measured_layer
        if layer is None or layer not in self._viewer.layers:
            self._ending = "The layer was removed, so its measurements were dropped."
            show_warning(self._ending)
            return
        layer.features = features_of(layer, measurements)
        rows = len(measurements)
        self._ending = (
            f"{rows} row{'' if rows == 1 else 's'} of measurements: the features of {layer.name}. "
            "Move the mouse over a cell to see its values in the status bar."
        )
        self.measured.emit(layer)

    def _on_failed(self, error: BaseException) -> None:
        self._ending = notify_failure(error) + self._kept_files()

    def _on_cancelled(self) -> None:
        self._ending = "Cancelled." + (self._kept_files() or " Nothing was written.")

    def _kept_files(self) -> str:
        if not self._written:
            return ""
        return f" Complete: {', '.join(path.name for path in self._written)}."

    def _on_finished(self) -> None:
        self._measured_layer = None
        self.ended.emit(self._ending)

    def _start_counting(self) -> None:
        if self._count_next is None or self._counter.is_running:
            return
        (source, wanted), self._count_next = self._count_next, None
        self._counter.start(count_steps(source, wanted), name=f"Counting {source.name}")

    def _on_counted(self, count: Count) -> None:
        if self._count_next is None:
            self.counted.emit(describe_count(count))

    def _on_count_failed(self, error: BaseException) -> None:
        if self._count_next is None:
            self.counted.emit(failure_message(error))

    def _count_again(self) -> None:
        if self._count_next is not None:
            self._count_timer.start()


def features_of(layer: Layer, measurements: Measurements) -> dict[str, Any]:
    """Make the features of a Labels layer of measurements, and of what it has already.

    napari's table takes the number of a row for a label. So there is a row for every number,
    empty for those of no measured cell, unless a cell has several rows or the numbers are far
    apart. Columns of others stay where they are given by label (a column ``index`` without
    repetitions), as napari wants it.
    """
    columns = dict(measurements.columns)
    labels = columns.pop("label")
    rows = int(labels.max(initial=0)) + 1
    if np.unique(labels).size == labels.size and rows <= max(_ROWS, 2 * labels.size):
        columns = {name: _by_label(values, labels, rows) for name, values in columns.items()}
        labels = np.arange(rows)
    # By the column of this name, napari finds the cell under the mouse.
    features: dict[str, Any] = {"index": labels, **columns}
    before = layer.features
    if "index" in before and before["index"].is_unique:
        by_label = before.set_index("index")
        for name in by_label.columns.difference(list(features)):
            features[name] = by_label[name].reindex(labels).to_numpy()
    return features


def _by_label(values: NDArray[Any], labels: NDArray[Any], rows: int) -> NDArray[Any]:
    result = np.full(rows, np.nan)
    result[labels] = values
    return result


def describe_count(count: Count) -> str:
    """Put a count into words, such as ``"57 cells, 3 left out."``."""
    text = f"{count.kept} cell{'' if count.kept == 1 else 's'}"
    return f"{text}, {count.left_out} left out." if count.left_out else f"{text}."


def _update_key(update: Any) -> Any:
    """Let no complete file and no step go by unseen."""
    if isinstance(update, Written):
        return update
    return (type(update), getattr(update, "message", ""))

"""Time of corrections on a label image of 2000 x 2000 pixels with 1,000 segments.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/measure_corrections.py [--repeats 40]

Median and 95th percentile in milliseconds: of the operation alone (with applying it), of the
call in napari's viewer (with comparing the layer, the marks and the buttons), and until it is
drawn, by software where there is no graphics card.
The operations are done on segments drawn at random, with a fixed seed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import napari
import numpy as np
from numpy.typing import NDArray
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from machine import describe_machine
from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.partition.corrections import (
    Corrections,
    Edit,
    LabelState,
    delete,
    lock,
    merge,
    paint,
    relink,
    segment_uncertainty,
    split,
    unlock,
)
from napari_inpaintaff.separation.affinities import affinities_from_labels
from napari_inpaintaff.widgets.correct_labels import CorrectLabels
from napari_inpaintaff.widgets.correction_controller import CorrectionController
from napari_inpaintaff.widgets.evidence import Evidence, remember_evidence
from napari_inpaintaff.widgets.stroke_layer import StrokePurpose

SIDE, ROWS, COLUMNS = 2000, 25, 40
SEGMENTS = ROWS * COLUMNS
PERCENTILES = (50, 95)


@dataclass
class Times:
    """Seconds of every repeat, by operation and column."""

    seconds: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def measure(self, operation: str, column: str, call: Callable[[], Any]) -> Any:
        """Time a call."""
        start = time.perf_counter()
        result = call()
        self.add(operation, column, time.perf_counter() - start)
        return result

    def add(self, operation: str, column: str, seconds: float) -> None:
        """Note a time."""
        self.seconds.setdefault(operation, {}).setdefault(column, []).append(seconds)

    def print(self, columns: tuple[str, ...]) -> None:
        """Write everything as a Markdown table."""
        print("| operation | " + " | ".join(columns) + " |")
        print("| --- |" + " --- |" * len(columns))
        for operation, by_column in self.seconds.items():
            cells = []
            for column in columns:
                found = by_column.get(column)
                low, high = np.percentile(found or [np.nan], PERCENTILES) * 1000
                cells.append(f"{low:.1f} ({high:.1f})" if found else "")
            print(f"| {operation} | " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=40)
    parser.add_argument("--no-viewer", action="store_true", help="only the operations")
    options = parser.parse_args()
    print(describe_machine())
    labels = touching_cells()
    affinities = affinities_from_labels(labels)
    print(f"{labels.shape} pixels, {len(np.unique(labels)) - 1} segments, median (95th percentile)")
    times = Times()
    measure_core(labels, affinities, options.repeats, times)
    if not options.no_viewer:
        measure_viewer(labels, affinities, options.repeats, times)
    times.print(("alone, ms", "in napari, ms", "until drawn, ms"))
    start = time.perf_counter()
    segment_uncertainty(labels, affinities)
    print(f"order of review, once, in the background: {time.perf_counter() - start:.2f} s")


def touching_cells() -> NDArray[np.int32]:
    """Draw cells in rows, each of which touches its left and right neighbours."""
    rows, columns = np.indices((SIDE, SIDE))
    height, width = SIDE // ROWS, SIDE // COLUMNS
    row, column = rows // height, columns // width
    across = (rows - (row + 0.5) * height) / (0.42 * height)
    along = (columns - (column + 0.5) * width) / (0.62 * width)
    labels = np.where(across**2 + along**2 < 1, row * COLUMNS + column + 1, 0)
    return labels.astype(np.int32)


def seeds_in(labels: NDArray[np.integer], segment: int) -> NDArray[np.uint16]:
    """Paint a seed of 5 x 5 pixels into the upper and the lower half of a segment."""
    seeds = np.zeros(labels.shape, np.uint16)
    rows, columns = np.nonzero(labels == segment)
    middle = int(columns.mean())
    for number, row in enumerate((rows.min() + 8, rows.max() - 8), start=1):
        seeds[row - 2 : row + 3, middle - 2 : middle + 3] = number
    seeds[labels != segment] = 0
    return seeds


def stroke_across(labels: NDArray[np.integer], segment: int) -> NDArray[np.uint16]:
    """Draw a stroke from the middle of a segment to that of its right neighbour."""
    strokes = np.zeros(labels.shape, np.uint16)
    rows, columns = np.nonzero(labels == segment)
    row, column = int(rows.mean()), int(columns.mean())
    strokes[row - 2 : row + 3, column : column + SIDE // COLUMNS] = 1
    return strokes


def some_segments(repeats: int) -> list[int]:
    """Choose segments that have a right neighbour."""
    random = np.random.default_rng(0)
    candidates = [n for n in range(1, SEGMENTS) if n % COLUMNS]
    return [int(n) for n in random.choice(candidates, repeats, replace=False)]


def measure_core(
    labels: NDArray[np.int32], affinities: Affinities, repeats: int, times: Times
) -> None:
    corrections = Corrections(labels)

    def painted(state: LabelState, segment: int) -> Edit:
        changed = state.labels.copy()
        box = state.box(segment)
        changed[box][:10, :10] = segment
        edit = paint(state, changed)
        assert edit is not None
        return edit

    for segment in some_segments(repeats):
        seeds, strokes = seeds_in(labels, segment), stroke_across(labels, segment)
        edits: dict[str, Callable[[LabelState], Edit]] = {
            "merge": lambda state, n=segment: merge(state, [n, n + 1]),
            "delete": lambda state, n=segment: delete(state, n),
            "lock": lambda state, n=segment: lock(state, [n]),
            "split by affinities": lambda state, s=seeds: split(state, s, affinities=affinities),
            "split at the waist": lambda state, s=seeds: split(state, s),
            "relink": lambda state, s=strokes: relink(state, s, affinities),
            "paint by hand": lambda state, n=segment: painted(state, n),
        }
        for name, make in edits.items():
            times.measure(
                name, "alone, ms", lambda make=make: corrections.do(make(corrections.state))
            )
            times.measure("undo", "alone, ms", corrections.undo)
            times.measure("redo", "alone, ms", corrections.redo)
            if name == "lock":
                corrections.do(unlock(corrections.state, [segment]))
                corrections.undo()
            corrections.undo()
    assert np.array_equal(corrections.state.labels, labels)


def measure_viewer(
    labels: NDArray[np.int32], affinities: Affinities, repeats: int, times: Times
) -> None:
    viewer = napari.Viewer(show=True)
    viewer.window.resize(1280, 800)
    layer = viewer.add_labels(labels.copy(), name="cells")
    remember_evidence(layer, Evidence(affinities, 1.5, 60))
    widget = CorrectLabels(viewer)
    viewer.window.add_dock_widget(widget, name="Correct labels")
    controller = widget.controller
    QTest.qWait(1000)

    def timed(name: str, call: Callable[[], Any]) -> None:
        start = time.perf_counter()
        call()
        called = time.perf_counter()
        QApplication.processEvents()
        times.add(name, "in napari, ms", called - start)
        times.add(name, "until drawn, ms", time.perf_counter() - start)

    for segment in some_segments(repeats):
        seeds, strokes = seeds_in(labels, segment), stroke_across(labels, segment)
        timed("pick", lambda n=segment: controller.pick(n))
        for name, call in {
            "merge": lambda n=segment: controller.merge_with(n + 1),
            "delete": controller.delete_picked,
            "lock": controller.toggle_lock,
        }.items():
            timed(name, call)
            timed("undo", controller.undo)
            timed("redo", controller.redo)
            controller.undo()
            controller.pick(segment)
            QTest.qWait(20)
        for name, purpose, drawn in (
            ("split by affinities", StrokePurpose.SPLIT, seeds),
            ("split at the waist", StrokePurpose.SPLIT, seeds),
            ("relink", StrokePurpose.RELINK, strokes),
        ):
            known = None if "waist" in name else Evidence(affinities, 1.5, 60)
            remember_evidence(layer, known)
            _begin(controller, purpose, drawn)
            timed(name, controller.apply_strokes)
            controller.undo()
            QTest.qWait(100)
    _review(controller, repeats, timed)
    viewer.close()


def _begin(
    controller: CorrectionController, purpose: StrokePurpose, drawn: NDArray[np.uint16]
) -> None:
    controller.start_strokes(purpose)
    assert controller.strokes is not None
    controller.strokes.layer.data_setitem(np.nonzero(drawn), drawn[drawn > 0])
    QTest.qWait(20)


def _review(
    controller: CorrectionController, repeats: int, timed: Callable[[str, Callable[[], Any]], None]
) -> None:
    controller.pick(0)
    controller.review(1)
    while not controller.picked:
        QTest.qWait(50)
    for _ in range(repeats):
        timed("next to review", lambda: controller.review(1))


if __name__ == "__main__":
    main()

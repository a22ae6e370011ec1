"""Gaps of the event loop while each kind of job runs in napari, and how long Cancel takes.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/measure_event_loop.py [--seconds 20]

The image has 2048 x 2048 pixels and is shown by the real viewer. A timer that is due every
millisecond notes when it was served; a gap is what the user feels as the interface standing
still. Every job runs for the given time and is cancelled then; Cancel is timed until the widget is
idle again. ``--explain`` prints what the interface's thread was doing in gaps that are too long.
"""

from __future__ import annotations

import argparse
import collections
import os
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import napari
import numpy as np
from qtpy.QtCore import Qt, QTimer
from qtpy.QtTest import QTest

from machine import describe_machine
from napari_inpaintaff.images import simulate_dense_nuclei
from napari_inpaintaff.inpainting import catalogue
from napari_inpaintaff.widgets.correct_labels import CorrectLabels
from napari_inpaintaff.widgets.find_foreground import FindForeground
from napari_inpaintaff.widgets.runner import JobRunner
from napari_inpaintaff.widgets.separate_cells import SeparateCells
from napari_inpaintaff.widgets.train_inpainter import TrainInpainter
from napari_inpaintaff.widgets.whole_data import WholeData

SIDE, TILE, FRAMES = 2048, 512, 3
#: Milliseconds that are felt as standing still.
FELT = 100
TIMEOUT = 600.0


class Gaps:
    """Notes when the event loop turns.

    Parameters
    ----------
    explain : bool
        Whether to look where the interface's thread is during long gaps.
    """

    def __init__(self, explain: bool) -> None:
        self._times: list[float] = []
        self.places: collections.Counter[str] = collections.Counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(1)
        self._timer.timeout.connect(lambda: self._times.append(time.perf_counter()))
        self._main = threading.get_ident()
        self._watching = explain

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note gaps within this block."""
        self._times = [time.perf_counter()]
        self.places.clear()
        self._timer.start()
        ended = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(ended,), daemon=True)
        if self._watching:
            watcher.start()
        try:
            yield
        finally:
            self._times.append(time.perf_counter())
            self._timer.stop()
            ended.set()

    @property
    def milliseconds(self) -> np.ndarray:
        """The gaps."""
        return 1000 * np.diff(self._times)

    def _watch(self, ended: threading.Event) -> None:
        while not ended.wait(0.01):
            last = self._times[-1]
            if time.perf_counter() - last > FELT / 1000:
                frames = sys._current_frames()
                here = _places(frames.pop(self._main))
                frames.pop(threading.get_ident())
                workers = [_places(frame) for frame in frames.values()]
                self.places["\n      beside ".join([here, *workers])] += 1
                while self._times[-1] == last and not ended.wait(0.005):
                    pass


def _places(frame: FrameType) -> str:
    calls = [call for call in traceback.extract_stack(frame) if "importlib" not in call.filename]
    stack = reversed(calls[-8:])
    return " < ".join(f"{Path(call.filename).name}:{call.lineno} {call.name}" for call in stack)


class Bench:
    """The viewer, its image, and the rows of the table.

    Parameters
    ----------
    seconds : float
        How long every job runs.
    explain : bool
        See `Gaps`.
    """

    def __init__(self, seconds: float, explain: bool) -> None:
        self._seconds = seconds
        self._gaps = Gaps(explain)
        image, truth = simulate_dense_nuclei(shape=(TILE, TILE))
        times = SIDE // TILE
        self.truth = np.tile(truth, (times, times))
        self.viewer = napari.Viewer(show=True)
        self.viewer.window.resize(1280, 800)
        self.image = self.viewer.add_image(np.tile(image, (times, times)), name="nuclei")

    def dock(self, kind: Callable[[Any], Any]) -> Any:
        """Open a dock widget and wait until what it loads is loaded."""
        widget = kind(self.viewer)
        self.viewer.window.add_dock_widget(widget, name=kind.__name__)
        QTest.qWait(1500)
        self.wait(lambda: not JobRunner._working)
        return widget

    def close(self, widget: Any) -> None:
        """Make room for the next."""
        self.wait(lambda: not JobRunner._working)
        self.viewer.window.remove_dock_widget(widget)
        widget.deleteLater()
        for layer in list(self.viewer.layers):
            # Some take others along.
            if layer is not self.image and layer in self.viewer.layers:
                self.viewer.layers.remove(layer)
        QTest.qWait(500)

    def wait(self, ready: Callable[[], bool], seconds: float = TIMEOUT) -> None:
        """Let the interface work until something is so, or for some time."""
        deadline = time.monotonic() + seconds
        while not ready() and time.monotonic() < deadline:
            QTest.qWait(5)

    def job(self, name: str, start: Callable[[], None], controller: Any, cancel: Any) -> None:
        """Measure a job: its gaps, and how long it takes to cancel it if it is not over."""
        ended: list[float] = []
        controller.ended.connect(lambda text: ended.append(time.perf_counter()))
        with self._gaps.noted():
            start()
            self.wait(lambda: bool(ended), self._seconds)
            pressed = time.perf_counter()
            over = bool(ended)
            if not over:
                cancel()
                self.wait(lambda: bool(ended))
            QTest.qWait(200)
        self._print(name, "was over" if over else f"{ended[0] - pressed:.2f}")

    def series(self, name: str, calls: list[Callable[[], None]]) -> None:
        """Measure calls that the user makes one after the other."""
        with self._gaps.noted():
            for call in calls:
                call()
                QTest.qWait(100)
        self._print(name, "")

    def _print(self, name: str, cancel: str) -> None:
        gaps = self._gaps.milliseconds
        median, high, top = np.percentile(gaps, (50, 99, 100))
        long = np.count_nonzero(gaps > FELT)
        load = os.getloadavg()[0]
        print(
            f"| {name} | {median:.1f} | {high:.1f} | {top:.0f} | {long} of {len(gaps)} | "
            f"{cancel} | {load:.1f} |",
            flush=True,
        )
        for place, count in self._gaps.places.most_common(6):
            print(f"    {count} x {place}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--explain", action="store_true", help="say what the long gaps are")
    parser.add_argument("--only", nargs="+", choices=MEASUREMENTS, default=list(MEASUREMENTS))
    options = parser.parse_args()
    print(describe_machine())
    bench = Bench(options.seconds, options.explain)
    bench.viewer.layers.selection.active = bench.image
    print("| job | median, ms | 99 %, ms | longest, ms | over 100 ms | Cancel, s | load |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        catalogue.user_model_folder = lambda: Path(folder)
        for name in options.only:
            MEASUREMENTS[name](bench)
        bench.wait(lambda: not JobRunner._working)
    bench.viewer.close()


def nothing(bench: Bench) -> None:
    """Measure the interface without any job."""
    bench.dock(SeparateCells).hide()
    bench.series("nothing", [lambda: None] * 30)


def separate(bench: Bench) -> None:
    """Separate cells of the whole image with an inpainter."""
    widget = bench.dock(SeparateCells)
    widget.form.image.choose(bench.image)
    bench.job("separate cells", widget.run, widget.controller, widget.cancel)
    bench.close(widget)


def one_pass(bench: Bench) -> None:
    """Separate cells of the whole image with a student, to the end."""
    widget = bench.dock(SeparateCells)
    widget.form.image.choose(bench.image)
    widget.form.model.choose("nuclei-student")
    bench.job("separate cells, student", widget.run, widget.controller, widget.cancel)
    bench.close(widget)


def train(bench: Bench) -> None:
    """Train an inpainter on the image."""
    widget = bench.dock(TrainInpainter)
    bench.job("train inpainter", widget.start, widget.controller, widget.controller.cancel)
    bench.close(widget)


def foreground(bench: Bench) -> None:
    """Learn a foreground from strokes."""
    widget = bench.dock(FindForeground)
    widget.form.image.choose(bench.image)
    paint = widget.paint()
    for cell in range(1, 11):
        rows, columns = np.nonzero(bench.truth[:TILE, :TILE] == cell)
        paint.paint((round(rows.mean()), round(columns.mean())), 2)
    bench.job("train foreground", widget.train, widget.controller, widget.controller.cancel)
    bench.close(widget)


def whole(bench: Bench) -> None:
    """Label the frames of a time-lapse with a student."""
    movie = np.stack([np.roll(bench.image.data, 40 * frame, axis=1) for frame in range(FRAMES)])
    layer = bench.viewer.add_image(movie, name="movie")
    settings = bench.dock(SeparateCells)
    settings.form.model.choose("nuclei-student")
    widget = bench.dock(WholeData)
    widget.form.image.choose(layer)
    bench.job("whole data, student", widget.apply, widget.controller, widget.cancel)
    settings.hide()
    bench.close(widget)


def correct(bench: Bench) -> None:
    """Merge, delete, lock and undo on labels of the whole image."""
    labels = np.zeros((SIDE, SIDE), np.int32)
    for number in range((SIDE // TILE) ** 2):
        rows, columns = (TILE * place for place in divmod(number, SIDE // TILE))
        tile = bench.truth[:TILE, :TILE].astype(np.int32)
        tile[tile > 0] += number * int(tile.max())
        labels[rows : rows + TILE, columns : columns + TILE] = tile
    bench.viewer.layers.selection.active = bench.viewer.add_labels(labels, name="cells")
    widget = bench.dock(CorrectLabels)
    controller = widget.controller
    calls: list[Callable[[], None]] = []
    for segment in range(1, 400, 20):
        calls += [
            lambda n=segment: controller.pick(n),
            lambda n=segment: controller.merge_with(n + 1),
            controller.undo,
            controller.redo,
            controller.toggle_lock,
            controller.toggle_lock,
            controller.delete_picked,
        ]
    bench.series("corrections", calls)
    bench.close(widget)


MEASUREMENTS: dict[str, Callable[[Bench], None]] = {
    "nothing": nothing,
    "separate": separate,
    "student": one_pass,
    "train": train,
    "foreground": foreground,
    "whole": whole,
    "correct": correct,
}


if __name__ == "__main__":
    main()

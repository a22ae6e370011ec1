"""The program or a viewer ends in the middle of a job: nothing hangs, crashes or goes on."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from fake_engine import FakeEngine
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication

from napari_inpaintaff.widgets.correct_labels import CorrectLabels
from napari_inpaintaff.widgets.runner import JobRunner
from napari_inpaintaff.widgets.separate_cells import SeparateCells

REAL_JOB = """
import sys, threading, time
from pathlib import Path
import napari, numpy as np
from qtpy.QtCore import QThreadPool, QTimer
from napari_inpaintaff.images import simulate_dense_nuclei
from napari_inpaintaff.inpainting import catalogue
from napari_inpaintaff.widgets.find_foreground import FindForeground
from napari_inpaintaff.widgets.runner import JobRunner
from napari_inpaintaff.widgets.separate_cells import SeparateCells
from napari_inpaintaff.widgets.train_inpainter import TrainInpainter
from napari_inpaintaff.widgets.whole_data import WholeData

kind, folder = sys.argv[1], Path(sys.argv[2])
catalogue.user_model_folder = lambda: folder
viewer = napari.Viewer(show=True)
image = viewer.add_image(np.stack([simulate_dense_nuclei()[0]] * 4), name="nuclei")
separate = SeparateCells(viewer)
docks = {"separate": lambda: separate, "train": lambda: TrainInpainter(viewer)}
docks |= {"foreground": lambda: FindForeground(viewer), "whole": lambda: WholeData(viewer)}
dock = docks[kind]()
viewer.window.add_dock_widget(separate, name="Separate cells")
if dock is not separate:
    viewer.window.add_dock_widget(dock, name=kind)
if kind == "foreground":
    dock.paint().data[0, 20:200:40, 20:200] = 2
start = {"separate": "run", "train": "start", "foreground": "train", "whole": "apply"}
seen = []
dock.controller._runner.updated.connect(seen.extend)

def end_soon():
    # In the middle: it has said more than that it begins.
    if len(seen) < 3:
        QTimer.singleShot(20, end_soon)
        return
    assert dock.controller.is_running
    viewer.close()
    napari.Viewer.close_all()

def begin():
    getattr(dock, start[kind])()
    end_soon()

QTimer.singleShot(0, begin)
napari.run()
pool = QThreadPool.globalInstance()
deadline = time.monotonic() + 60
while (pool.activeThreadCount() or JobRunner._working) and time.monotonic() < deadline:
    napari.qt.get_qapp().processEvents()
assert not JobRunner._working
others = [t for t in threading.enumerate() if t is not threading.main_thread() and not t.daemon]
print("ended with", pool.activeThreadCount(), "workers and", len(others), "threads")
"""

NO_EVENT_LOOP = """
import sys, time
from qtpy.QtCore import QCoreApplication
from napari_inpaintaff.widgets.runner import JobRunner

application = QCoreApplication([])

def steps():
    for _ in range(600):
        time.sleep(0.1)
        print(".", end="")
        yield None

runner = JobRunner()
runner.start(steps(), name="a slow job")
if sys.argv[1] == "disposed":
    runner.dispose()
"""


def run_program(code: str, *arguments: str) -> str:
    """Run a program to its end and return what it printed; it must not crash."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-W", "ignore", "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("train", marks=pytest.mark.slow),
        pytest.param("foreground", marks=pytest.mark.slow),
        "whole",
    ],
)
def test_napari_is_closed_in_the_middle_of_a_job(kind, tmp_path):
    output = run_program(REAL_JOB, kind, str(tmp_path / "models"))
    assert "ended with 0 workers and 0 threads" in output


@pytest.mark.parametrize("runner", ["alive", "disposed"])
def test_a_program_without_an_event_loop_ends_its_jobs(runner):
    assert run_program(NO_EVENT_LOOP, runner).count(".") < 20


def test_two_viewers_do_not_disturb_each_other(make_napari_viewer, qtbot):
    viewers, engines, docks = [], [], []
    for _ in range(2):
        viewer, engine = make_napari_viewer(), FakeEngine()
        image = np.zeros((64, 48), np.uint16)
        image[8:48, 8:40] = 100
        viewer.add_image(image, name="nuclei")
        dock = SeparateCells(viewer, engine=engine)
        viewer.window.add_dock_widget(dock, name="Separate cells")
        viewers.append(viewer)
        engines.append(engine)
        docks.append(dock)
    with qtbot.waitSignal(docks[1].controller.ended, timeout=60_000):
        docks[1].controls.run_button.click()
    assert [layer.name for layer in viewers[0].layers] == ["nuclei"]

    # While one is at work, the other corrects, takes back and labels anew.
    engines[0].hold()
    # napari lists a job with the window that was clicked last, and ends it with that one.
    window = viewers[0].window._qt_window
    QApplication.sendEvent(window, QEvent(QEvent.Type.WindowActivate))
    docks[0].controls.run_button.click()
    engines[0].release(2)
    qtbot.waitUntil(lambda: len(viewers[0].layers) == 2, timeout=60_000)
    cells = viewers[1].layers["nuclei cells"]
    correct = CorrectLabels(viewers[1])
    viewers[1].window.add_dock_widget(correct, name="Correct labels")
    before = cells.data.copy()
    correct.controller.pick(2)
    correct.controller.merge_with(3)
    assert set(np.unique(cells.data)) == set(np.unique(before)) - {3}
    correct.controller.undo()
    np.testing.assert_array_equal(cells.data, before)
    docks[1].form.alpha.setValue(0.7)
    qtbot.waitUntil(lambda: "nuclei cells [1]" in viewers[1].layers, timeout=60_000)
    assert viewers[1].layers["nuclei cells [1]"].data.max() == 1

    # Closing one does not end what the other does.
    viewers[1].close()
    assert docks[0].controller.is_running
    with qtbot.waitSignal(docks[0].controller.ended, timeout=60_000) as ending:
        engines[0].release()
    assert ending.args[0].startswith("5 cells")
    np.testing.assert_array_equal(viewers[0].layers["nuclei cells"].data, before)
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=60_000)

"""The runner: exactly one ending, always followed by finished, on the interface's thread."""

from __future__ import annotations

import threading
import time
import warnings

import pytest
from napari.utils.notifications import NotificationSeverity
from qtpy.QtCore import QThreadPool

from napari_inpaintaff.foreground import ConstantImageWarning
from napari_inpaintaff.widgets.runner import FLUSH_INTERVAL_MS, BusyError, JobRunner


class Record:
    """Keeps what a runner emits, and in which thread."""

    def __init__(self, runner):
        self.events = []
        self.threads = set()
        for name in ("updated", "succeeded", "failed", "cancelled", "finished"):
            getattr(runner, name).connect(self._keep(name))

    def _keep(self, name):
        def keep(*args):
            self.threads.add(threading.current_thread())
            self.events.append((name, *args))

        return keep

    @property
    def names(self):
        return [event[0] for event in self.events]


@pytest.fixture(autouse=True)
def _no_job_left(qtbot):
    yield
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=180_000)


def count(steps, *, error=None, ran_in=None):
    for step in range(steps):
        if ran_in is not None:
            ran_in.append(threading.current_thread())
        yield step
    if error is not None:
        raise error
    return "done"


def run(qtbot, runner, steps):
    with qtbot.waitSignal(runner.finished, timeout=180_000):
        runner.start(steps, name="counting")


def test_success_is_delivered_in_the_interface_thread(qtbot):
    runner, ran_in = JobRunner(), []
    record = Record(runner)
    run(qtbot, runner, count(3, ran_in=ran_in))
    assert record.events == [("updated", (2,)), ("succeeded", "done"), ("finished",)]
    assert record.threads == {threading.main_thread()}
    assert threading.main_thread() not in ran_in
    assert not runner.is_running


@pytest.mark.parametrize("error", [RuntimeError("CUDA"), ValueError("x"), MemoryError()])
def test_no_error_vanishes(qtbot, error):
    runner = JobRunner()
    record = Record(runner)
    run(qtbot, runner, count(1, error=error))
    assert record.events == [("updated", (0,)), ("failed", error), ("finished",)]


def test_a_listener_that_fails_does_not_hold_up_the_end(qtbot):
    runner = JobRunner()

    def fail(result):
        raise ValueError("listener")

    runner.succeeded.connect(fail)
    with qtbot.captureExceptions() as caught:
        run(qtbot, runner, count(1))
    assert [str(exception[1]) for exception in caught] == ["listener"]


def test_a_runner_is_busy_until_its_job_was_reported(qtbot):
    runner = JobRunner()
    gate = threading.Event()

    def wait():
        gate.wait(180)
        yield

    runner.start(wait(), name="waiting")
    with pytest.raises(BusyError):
        runner.start(count(1), name="counting")
    with qtbot.waitSignal(runner.finished, timeout=180_000):
        gate.set()
    run(qtbot, runner, count(1))


def test_light_jobs_run_beside_a_heavy_one_even_on_one_processor(qtbot):
    QThreadPool.globalInstance().setMaxThreadCount(1)
    heavy, other, light = JobRunner(heavy=True), JobRunner(heavy=True), JobRunner()
    gate = threading.Event()

    def wait():
        gate.wait(180)
        yield

    heavy.start(wait(), name="heavy")
    with pytest.raises(BusyError):
        other.start(count(1), name="other heavy one")
    run(qtbot, light, count(1))
    with qtbot.waitSignal(heavy.finished, timeout=180_000):
        gate.set()
    run(qtbot, other, count(1))


def test_a_disposed_runner_says_nothing_and_frees_the_heavy_slot(qtbot):
    runner = JobRunner(heavy=True)
    record = Record(runner)
    held, gate = threading.Event(), threading.Event()
    closed = []

    def wait():
        try:
            held.set()
            gate.wait(180)
            yield "update"
            yield "never asked for"
        finally:
            closed.append(threading.current_thread())

    runner.start(wait(), name="waiting")
    qtbot.waitUntil(held.is_set, timeout=180_000)
    runner.dispose()
    del runner
    gate.set()
    qtbot.waitUntil(lambda: bool(closed), timeout=180_000)
    qtbot.wait(2 * FLUSH_INTERVAL_MS)
    assert record.events == []
    assert closed != [threading.main_thread()]
    run(qtbot, JobRunner(heavy=True), count(1))


def test_updates_are_coalesced_by_key_and_the_last_one_shows(qtbot):
    runner = JobRunner(coalesce=lambda update: update % 2)
    record = Record(runner)
    start = time.monotonic()
    run(qtbot, runner, count(10_001))
    updates = [event[1] for event in record.events if event[0] == "updated"]
    assert updates[-1][-1] == 10_000
    assert all(len(batch) <= 2 for batch in updates)
    assert len(updates) <= 20 * (time.monotonic() - start) + 2


def test_warnings_for_the_user_become_notifications_once(qtbot, notifications):
    def warn():
        for _ in range(3):
            warnings.warn("the image is constant", ConstantImageWarning, stacklevel=1)
            warnings.warn("the array is not writable", UserWarning, stacklevel=1)
            yield

    runner = JobRunner()
    run(qtbot, runner, warn())
    qtbot.wait(50)
    shown = [n.message for n in notifications if n.severity is NotificationSeverity.WARNING]
    assert shown == ["the image is constant"]


def test_a_paused_job_takes_no_step_and_goes_on(qtbot):
    runner, done = JobRunner(), []
    gate = threading.Semaphore(0)

    def wait():
        for step in range(4):
            gate.acquire(timeout=180)
            done.append(step)
            yield step

    runner.start(wait(), name="waiting")
    gate.release()
    qtbot.waitUntil(lambda: len(done) == 1, timeout=180_000)
    runner.pause()
    gate.release(3)
    # The step that had begun is finished.
    qtbot.waitUntil(lambda: len(done) == 2, timeout=180_000)
    qtbot.wait(100)
    assert len(done) == 2
    with qtbot.waitSignal(runner.finished, timeout=180_000):
        runner.resume()
    assert done == [0, 1, 2, 3]


def test_who_is_busy_is_named(qtbot):
    first, second = JobRunner(heavy=True), JobRunner(heavy=True)
    gate = threading.Event()

    def wait():
        gate.wait(180)
        yield

    first.start(wait(), name="Training cells")
    with pytest.raises(BusyError, match='"Training cells" is still running'):
        second.start(count(1), name="counting")
    with qtbot.waitSignal(first.finished, timeout=180_000):
        gate.set()

"""Run a job in a worker thread and deliver what it says on the interface's thread.

Three things that plain napari workers get wrong are put right here. A
RuntimeError inside a generator worker (every torch error is one) vanishes there,
together with ``finished``; a worker that quits leaves its generator suspended;
and every yield becomes an event, however fast they come. Here a function worker
drives a `Job`, which closes its generator and returns its outcome as a value, and
a timer on the interface's side collects the newest updates.
"""

from __future__ import annotations

import atexit
import logging
import threading
import warnings
from collections.abc import Callable, Generator, Hashable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

from napari.qt.threading import FunctionWorker, create_worker
from napari.utils.notifications import show_warning
from qtpy.QtCore import QObject, QThreadPool, QTimer, Signal

from napari_inpaintaff.errors import InpaintAffError
from napari_inpaintaff.jobs import Cancelled, Job

#: Updates reach the interface at most this often (20 per second).
FLUSH_INTERVAL_MS = 50

logger = logging.getLogger(__name__)


#: A heavy job, light ones beside it, and somebody else's worker.
_LEAST_THREADS = 4
#: At the end of the program, jobs get so long to reach their next step.
_LAST_WAIT_MS = 30_000


class BusyError(InpaintAffError):
    """Another heavy job is running in this process."""


class _Run:
    """One start of a runner: its job, and the updates not yet delivered."""

    def __init__(
        self,
        steps: Generator[Any, None, Any],
        coalesce: Callable[[Any], Hashable],
        name: str,
    ) -> None:
        self.job: Job[Any, Any] = Job(steps, on_update=self._receive, name=name)
        self._coalesce = coalesce
        self._pending: dict[Hashable, Any] = {}
        self._lock = threading.Lock()

    def _receive(self, update: Any) -> None:
        key = self._coalesce(update)
        with self._lock:
            # Taken out first, so that the newest update comes last.
            self._pending.pop(key, None)
            self._pending[key] = update

    def take_pending(self) -> tuple[Any, ...]:
        """Hand over the newest update of every kind, oldest first."""
        with self._lock:
            updates = tuple(self._pending.values())
            self._pending.clear()
        return updates


@dataclass(frozen=True)
class _Outcome:
    """How a run ended; errors travel as values so that none can get lost."""

    run: _Run
    result: Any = None
    error: BaseException | None = None
    cancelled: bool = False


class _Task:
    """What the worker thread does. napari shows its repr when a window closes."""

    def __init__(self, run: _Run) -> None:
        self.run = run

    def __call__(self) -> _Outcome:
        try:
            return _Outcome(self.run, result=self.run.job.run())
        except Cancelled:
            return _Outcome(self.run, cancelled=True)
        except BaseException as error:
            return _Outcome(self.run, error=error)

    def __repr__(self) -> str:
        return self.run.job.name


class _JobWorker(FunctionWorker):
    """A worker whose `quit` (napari calls it when a window closes) cancels the job."""

    def __init__(self, task: _Task) -> None:
        super().__init__(task)
        self._task = task

    def quit(self) -> None:
        # Not the base class's flag: that would withhold the outcome.
        self._task.run.job.cancel()


class JobRunner(QObject):
    """Runs one job at a time and reports on the interface's thread.

    Every run ends with exactly one of `succeeded`, `failed` and `cancelled`,
    followed by `finished`; the last updates come before them. After `dispose`
    nothing is reported any more.

    Parameters
    ----------
    heavy : bool, default False
        Whether the jobs are heavy. Only one heavy job runs in a process.
    coalesce : callable, default type
        Updates with equal keys replace each other when they come faster than
        they can be shown.
    """

    #: (updates,): a tuple, oldest first.
    updated = Signal(object)
    succeeded = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    finished = Signal()

    _heavy_job: ClassVar[Job[Any, Any] | None] = None
    #: Keeps runners alive while their thread works, whoever else lets go of them.
    _working: ClassVar[set[JobRunner]] = set()

    def __init__(self, *, heavy: bool = False, coalesce: Callable[[Any], Hashable] = type) -> None:
        super().__init__()
        self._heavy = heavy
        self._coalesce = coalesce
        self._run: _Run | None = None
        self._warned: set[str] = set()
        self._timer = QTimer(self)
        self._timer.setInterval(FLUSH_INTERVAL_MS)
        self._timer.timeout.connect(self._flush)

    @property
    def is_running(self) -> bool:
        """Whether a job was started and has not yet been reported as finished."""
        return self._run is not None

    def start(self, steps: Generator[Any, None, Any], *, name: str) -> None:
        """Start a job.

        Parameters
        ----------
        steps : generator
            Yields updates and returns the result; runs in a worker thread.
        name : str
            What the job does, for people.

        Raises
        ------
        BusyError
            When this runner, or for a heavy job any runner, is at work.
        """
        busy = self._run.job if self._run is not None else None
        if self._heavy and self._other_heavy_job_runs():
            busy = busy or JobRunner._heavy_job
        if busy is not None:
            raise BusyError(
                f'"{busy.name}" is still running. Wait until it is finished, or cancel it.'
            )
        run = _Run(steps, self._coalesce, name)
        self._run = run
        self._warned.clear()
        if self._heavy:
            JobRunner._heavy_job = run.job
        worker = self._worker(_Task(run))
        worker.returned.connect(self._on_returned)
        worker.warned.connect(self._on_warned)
        JobRunner._working.add(self)
        _make_room_for_workers()
        self._timer.start()
        worker.start()

    def cancel(self) -> None:
        """Ask the job to end before its next step."""
        if self._run is not None:
            self._run.job.cancel()

    def pause(self) -> None:
        """Hold the job before its next step."""
        if self._run is not None:
            self._run.job.pause()

    def resume(self) -> None:
        """Let the job go on after `pause`."""
        if self._run is not None:
            self._run.job.resume()

    def dispose(self) -> None:
        """Cancel the job and report nothing any more, not even its end."""
        run, self._run = self._run, None
        if run is not None:
            run.job.cancel()
        # When the application ends, Qt may have deleted the timer before.
        with suppress(RuntimeError):
            self._timer.stop()

    def _worker(self, task: _Task) -> Any:
        if not self._heavy:
            return _JobWorker(task)
        # napari asks before it closes a window while such a worker runs.
        return create_worker(
            task, _worker_class=_JobWorker, _start_thread=False, _ignore_errors=True
        )

    @staticmethod
    def _other_heavy_job_runs() -> bool:
        job = JobRunner._heavy_job
        return job is not None and not job.state.is_over

    def _flush(self) -> None:
        if self._run is None:
            return
        updates = self._run.take_pending()
        if updates:
            self.updated.emit(updates)

    def _on_returned(self, outcome: _Outcome) -> None:
        JobRunner._working.discard(self)
        if outcome.run is not self._run:
            return
        self._timer.stop()
        self._flush()
        self._run = None
        try:
            if outcome.cancelled:
                self.cancelled.emit()
            elif outcome.error is not None:
                self.failed.emit(outcome.error)
            else:
                self.succeeded.emit(outcome.result)
        finally:
            self.finished.emit()

    def _on_warned(self, warning: tuple[Any, ...]) -> None:
        # superqt catches the warnings of the whole process while a worker runs
        # and drops them; those for users must still reach them, once each.
        message, category = str(warning[0]), warning[1]
        if message in self._warned:
            return
        self._warned.add(message)
        ours = category.__module__.split(".")[0] == __name__.split(".")[0]
        if ours and self._run is not None:
            show_warning(message)
        else:
            logger.warning(warnings.formatwarning(message, category, warning[2], warning[3]))


def _make_room_for_workers() -> None:
    """Let workers run beside each other on machines with few processors too.

    All workers of the process share one pool with as many threads as processors. On
    a single one, labels would wait until the heavy job is over.
    """
    pool = QThreadPool.globalInstance()
    if pool.maxThreadCount() < _LEAST_THREADS:
        pool.setMaxThreadCount(_LEAST_THREADS)


@atexit.register
def _end_jobs() -> None:
    """End all jobs before Qt's objects are deleted, which a worker would go on to use.

    napari does so when its event loop ends; a script or a notebook may end without that.
    """
    if not JobRunner._working:
        return
    for runner in tuple(JobRunner._working):
        runner.cancel()
    QThreadPool.globalInstance().waitForDone(_LAST_WAIT_MS)

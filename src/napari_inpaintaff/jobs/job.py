"""Drive a generator of updates: run, pause, cancel.

The long functions of this package are generators: they yield updates and return
their result. A `Job` asks such a generator for one update after the other, in
the thread that calls `Job.run`; any other thread may pause or cancel it::

    idle ── run ──► running ◄── pause / resume ──► paused
                      │  └──── cancel ──► cancelling ◄── cancel ──┘
                      ▼                        ▼
            finished or failed             cancelled

Nothing is interrupted in the middle of a step: pause and cancel act when the
generator yields, and cancel also where a long step calls `checkpoint`. The generator
is closed in the thread that ran it, whatever happens, so that its ``finally`` blocks
run there and at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextvars import ContextVar
from enum import Enum
from typing import Any, Generic, TypeVar

UpdateT = TypeVar("UpdateT")
ResultT = TypeVar("ResultT")


class Cancelled(Exception):
    """A job ended because somebody cancelled it."""


class JobState(Enum):
    """Where a job stands."""

    IDLE = "idle"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether the job has come to an end, good or bad."""
        return self in (JobState.FINISHED, JobState.CANCELLED, JobState.FAILED)


class Job(Generic[UpdateT, ResultT]):
    """One run of a generator of updates.

    Parameters
    ----------
    steps : generator
        Yields updates and returns the result. The job owns it from now on and
        closes it at the end.
    on_update : callable, optional
        Called with every update, in the thread of `run`.
    name : str
        What the job does, for people.
    """

    def __init__(
        self,
        steps: Generator[UpdateT, None, ResultT],
        *,
        on_update: Callable[[UpdateT], None] | None = None,
        name: str = "job",
    ) -> None:
        self.name = name
        self._steps = steps
        self._on_update = on_update
        self._changed = threading.Condition()
        self._state = JobState.IDLE

    @property
    def state(self) -> JobState:
        """The present state; another thread may change it at any time."""
        return self._state

    def cancel(self) -> None:
        """End the job before its next step. Without effect when it is over.

        A job that has not started yet never will.
        """
        with self._changed:
            if self._state is JobState.IDLE:
                self._state = JobState.CANCELLED
                self._steps.close()
            elif self._state in (JobState.RUNNING, JobState.PAUSED):
                self._state = JobState.CANCELLING
            self._changed.notify_all()

    def pause(self) -> None:
        """Hold the job before its next step. Only a running job can pause."""
        with self._changed:
            if self._state is JobState.RUNNING:
                self._state = JobState.PAUSED
                self._changed.notify_all()

    def resume(self) -> None:
        """Go on after `pause`."""
        with self._changed:
            if self._state is JobState.PAUSED:
                self._state = JobState.RUNNING
                self._changed.notify_all()

    def run(self) -> ResultT:
        """Do the work in this thread and return the result.

        Returns
        -------
        object
            What the generator returned.

        Raises
        ------
        Cancelled
            When `cancel` was called before the result was there.
        RuntimeError
            When the job was run before.
        Exception
            Whatever the generator or ``on_update`` raised, unchanged.
        """
        with self._changed:
            if self._state is JobState.CANCELLED:
                raise Cancelled(self.name)
            if self._state is not JobState.IDLE:
                raise RuntimeError(f"{self.name} cannot run: it is {self._state.value}")
            self._state = JobState.RUNNING
        ending = JobState.FAILED
        outer = _running.set((*_running.get(), self))
        try:
            result = self._drive()
            ending = JobState.FINISHED
        except Cancelled:
            ending = JobState.CANCELLED
            raise
        finally:
            _running.reset(outer)
            with self._changed:
                self._state = ending
                self._changed.notify_all()
        return result

    def _drive(self) -> ResultT:
        try:
            while True:
                self._wait_for_permission()
                try:
                    update = next(self._steps)
                except StopIteration as end:
                    # A cancel that came during the last step still counts: the
                    # user was promised that nothing will come of this job.
                    self._wait_for_permission()
                    result: ResultT = end.value
                    return result
                if self._on_update is not None:
                    self._on_update(update)
        finally:
            self._steps.close()

    def _wait_for_permission(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._state is not JobState.PAUSED)
        self.end_if_cancelled()

    def end_if_cancelled(self) -> None:
        """Raise `Cancelled` if somebody cancelled the job."""
        if self._state is JobState.CANCELLING:
            raise Cancelled(self.name)


#: The jobs that this thread is in the middle of, the outermost first.
_running: ContextVar[tuple[Job[Any, Any], ...]] = ContextVar("running", default=())


def checkpoint() -> None:
    """End the work here if a job that it is part of was cancelled.

    For plain functions that take long; outside a job it does nothing.

    Raises
    ------
    Cancelled
        Through the function that calls this, up to the job.
    """
    for job in _running.get():
        job.end_if_cancelled()

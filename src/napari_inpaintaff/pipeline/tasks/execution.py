"""Doing the tasks that are not done yet."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from napari_inpaintaff.errors import DeviceError
from napari_inpaintaff.pipeline.tasks.task import Task

#: Tasks that wait in a pool: more would only be in the way of a cancel.
_AHEAD = 1024


@dataclass(frozen=True)
class TaskProgress:
    """How far a list of tasks is.

    Attributes
    ----------
    done, total : float and int
        Tasks; of the one that runs here its finished part counts, too.
    message : str
        What is being done, for people; empty to keep what was said before.
    """

    done: float
    total: int
    message: str = ""


def execute(
    tasks: Sequence[Task], executor: Executor | None, *, before: int = 0, total: int | None = None
) -> Generator[TaskProgress, None, int]:
    """Do the tasks that are not done, in any order if there are several workers.

    Parameters
    ----------
    tasks : sequence of Task
        None of them needs another one.
    executor : Executor or None
        Of `Pool.open`; None does one after the other here.
    before, total : int, optional
        Tasks of earlier lists that are done, and of all lists together.

    Yields
    ------
    TaskProgress
        Before and after every task. Not asking for the next one cancels what has not begun.

    Returns
    -------
    int
        How many had to be done.

    Raises
    ------
    DeviceError
        If a process was killed.
    Exception
        Whatever a task raised.
    """
    total = before + len(tasks) if total is None else total
    if not tasks:
        return 0
    yield TaskProgress(before, total, "Looking for finished work…")
    todo = [task for task in tasks if not task.is_done()]
    done = before + len(tasks) - len(todo)
    if executor is None or len(todo) == 1:
        for number, task in enumerate(todo):
            yield TaskProgress(done + number, total, _sentence(task))
            with closing(task.updates()) as updates:
                for update in updates:
                    share = update.done / update.total if getattr(update, "total", 0) else 0.0
                    yield TaskProgress(done + number + min(1.0, share), total)
        yield TaskProgress(done + len(todo), total)
    elif todo:
        yield from _share(todo, executor, done, total)
    return len(todo)


def _share(
    todo: Sequence[Task], executor: Executor, done: int, total: int
) -> Generator[TaskProgress, None, None]:
    waiting = iter(todo)
    running: dict[Future[Any], Task] = {}
    # Whoever opened the executor ends what has not begun: see `Pool.open`.
    while True:
        while len(running) < _AHEAD and (task := next(waiting, None)) is not None:
            running[executor.submit(_run, task)] = task
        if not running:
            return
        yield TaskProgress(done, total, _sentence(next(iter(running.values()))))
        finished, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in finished:
            del running[future]
            _check(future)
            done += 1


def _check(future: Future[Any]) -> None:
    """Raise what a task raised."""
    try:
        future.result()
    except BrokenProcessPool as error:
        raise DeviceError(
            "a process was killed, most likely for want of memory: take fewer workers; the same "
            "call goes on where this one ended"
        ) from error
    except Exception as error:
        # Named, not imported: dask.distributed need not be there.
        if type(error).__name__ in ("KilledWorker", "CancelledError", "CommClosedError"):
            raise DeviceError(
                "workers of the cluster died or are gone, most likely for want of memory or time; "
                "the same call goes on where this one ended"
            ) from error
        raise


def _sentence(task: Task) -> str:
    return f"{task.title[0].upper()}{task.title[1:]}…"


def _run(task: Task) -> None:
    task.run()

"""The run: all tasks in their order, several at a time, and the results at the end."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass, replace
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path

from napari_inpaintaff.errors import DeviceError, ImageError, OutputError
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.pipeline.reproduction.experiments import plan_data_set
from napari_inpaintaff.pipeline.reproduction.report import failures, write_results
from napari_inpaintaff.pipeline.reproduction.settings import Reproduction
from napari_inpaintaff.pipeline.reproduction.splits import DataFrames, find_frames
from napari_inpaintaff.pipeline.reproduction.store import make_folder
from napari_inpaintaff.pipeline.reproduction.task import Task

#: Finished work lies in this folder of the output.
WORK = "work"


@dataclass(frozen=True)
class Results:
    """What a run has written.

    Attributes
    ----------
    files : tuple of Path
        Markdown, CSV and figures, the Markdown first.
    computed, kept : int
        Tasks that were done now, and those whose results were there from an earlier run.
    failed : tuple of str
        What could not be done, and why.
    """

    files: tuple[Path, ...]
    computed: int
    kept: int
    failed: tuple[str, ...] = ()


def iterate_reproduction(
    root: str | Path, folder: str | Path, settings: Reproduction | None = None
) -> Generator[Progress, None, Results]:
    """Run the papers' experiments on data in the layout of the Cell Tracking Challenge.

    What is finished is kept in the folder by a fingerprint of all that it depends on: after an
    interruption the same call goes on, and another one with other settings computes only what
    is different.

    Parameters
    ----------
    root : str or Path
        Folder with the data sets: ``Fluo-N2DL-HeLa``, ``PhC-C2DL-PSC``.
    folder : str or Path
        To write to; it is made if it is not there.
    settings : Reproduction, optional
        What to run, and how thoroughly.

    Yields
    ------
    Progress
        Before and after every task. Not asking for the next one cancels the run.

    Returns
    -------
    Results
        The files.

    Raises
    ------
    ImageError
        If nothing of the data is there, or a frame cannot be read.
    ParameterError
        If a name or value cannot work.
    ModelFileError
        If a model cannot be loaded.
    OutputError
        If the folder cannot be written to.
    """
    settings = Reproduction() if settings is None else settings
    root, folder = Path(root), Path(folder)
    if folder.is_file():
        raise OutputError(f"{folder} is a file; name a folder to write to")
    found = find_frames(root, settings.split, settings.data_sets)
    testable = [
        frames.limited(most=settings.most_frames, crop=settings.crop)
        for frames in found
        if frames.test
    ]
    _check_images(testable, settings)
    plans = [plan_data_set(frames, settings, folder / WORK) for frames in testable]
    make_folder(folder)
    # Phase by phase over all data sets, so that no process waits for the other data set.
    phases: list[list[Task]] = []
    for number in range(max(len(plan.phases) for plan in plans)):
        phases.append([task for plan in plans for task in plan.phases[number]])
    total = sum(map(len, phases))
    computed = done = 0
    for phase in phases:
        with closing(_execute(phase, settings.workers, done, total)) as updates:
            computed += yield from updates
        done += len(phase)
    yield Progress(total, total, "Drawing tables and figures…")
    files = write_results(folder, plans, found, settings)
    return Results(tuple(files), computed, total - computed, tuple(failures(plans)))


def _check_images(data_sets: Sequence[DataFrames], settings: Reproduction) -> None:
    """Raise what is wrong with the images and their truth, before any long work."""
    for frames in data_sets:
        for frame in (*frames.train, *frames.validate, *frames.test):
            replace(frame, crop=None).read()
        given = settings.inpainters.get(frames.name, frames.split.inpainter)
        if given is None and not frames.unlabelled:
            raise ImageError(
                f"{frames.name} has no model, and there is no image left to train one on: name one"
            )


def _execute(
    tasks: Sequence[Task], workers: int, done: int, total: int
) -> Generator[Progress, None, int]:
    """Do the tasks that are not done; return how many there were."""
    if not tasks:
        return 0
    yield Progress(done, total, "Looking for finished work…")
    todo = [task for task in tasks if not task.is_done()]
    done += len(tasks) - len(todo)
    if workers == 1 or len(todo) == 1:
        for task in todo:
            yield Progress(done, total, _sentence(task))
            task.run()
            done += 1
            yield Progress(done, total)
    elif todo:
        yield from _share(todo, workers, done, total)
    return len(todo)


def _share(
    todo: Sequence[Task], workers: int, done: int, total: int
) -> Generator[Progress, None, None]:
    """Do tasks in several processes, each with its part of the cores."""
    workers = min(workers, len(todo))
    threads = max(1, _cores() // workers)
    others = set(active_children())
    # Spawned: a fork of a process that has used threads (torch, BLAS) may hang.
    pool = ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_begin, initargs=(threads,)
    )
    try:
        running: set[Future[None]] = {pool.submit(_run, task) for task in todo}
        yield Progress(done, total, f"{_sentence(todo[0])} ({workers} processes)")
        while running:
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                _check(future)
                done += 1
            waiting = todo[min(len(todo) - 1, len(todo) - len(running))]
            yield Progress(done, total, f"{_sentence(waiting)} ({workers} processes)")
    except BaseException:
        # Nobody waits for tasks whose results are not wanted any more: files are atomic.
        pool.shutdown(wait=False, cancel_futures=True)
        for process in set(active_children()) - others:
            process.terminate()
        raise
    pool.shutdown()


def _check(future: Future[None]) -> None:
    """Raise what a task raised."""
    try:
        future.result()
    except BrokenProcessPool as error:
        raise DeviceError(
            "a process was killed, most likely for want of memory: take fewer workers; the same "
            "call goes on where this one ended"
        ) from error


def _sentence(task: Task) -> str:
    return f"{task.title[0].upper()}{task.title[1:]}…"


def _begin(threads: int) -> None:
    """Prepare a process that works for another one."""
    import torch

    torch.set_num_threads(threads)
    # Ctrl-C reaches all processes of a terminal; a traceback of each would say nothing.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when the one that it works for was killed."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run(task: Task) -> None:
    task.run()


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows
        return os.cpu_count() or 1

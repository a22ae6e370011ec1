"""Where tasks run: here, in threads, in processes, or on a cluster."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import active_children, get_context, parent_process
from typing import Any

from napari_inpaintaff.errors import DeviceError, InstallationError, ParameterError

#: Addresses of schedulers of dask.distributed.
_ADDRESS = re.compile(r"(tcp|tls|ws|wss|ucx|inproc)://\S+")
#: How often a cluster tries a task again whose worker has died.
_RETRIES = 3
_SECONDS_TO_CONNECT = 20
#: What a worker with a GPU is started with: ``dask worker ... --resources "GPU=1"``.
_GPU = "GPU"


@dataclass(frozen=True)
class Pool:
    """Who does the tasks.

    Attributes
    ----------
    scheduler : str
        ``serial``: one after the other, here. ``threads`` and ``processes``: several at the same
        time on this computer. The address of a `dask.distributed` scheduler
        (``tcp://HOST:PORT``): on its workers, which must see the same files.
    workers : int
        Threads or processes; 0 takes as many as suit the processor. A cluster has its own
        number.

    Raises
    ------
    ParameterError
        If the scheduler is unknown, or the number negative.
    """

    scheduler: str = "serial"
    workers: int = 0

    def __post_init__(self) -> None:
        known = ("serial", "threads", "processes")
        if self.scheduler not in known and not _ADDRESS.fullmatch(self.scheduler):
            raise ParameterError(
                f"unknown scheduler {self.scheduler!r}: use {', '.join(known)}, or the address of "
                "a dask scheduler such as tcp://192.168.0.1:8786"
            )
        if self.workers < 0:
            raise ParameterError(f"workers must be 0 or more, got {self.workers}")

    @property
    def is_local(self) -> bool:
        """Whether the work is done on this computer."""
        return _ADDRESS.fullmatch(self.scheduler) is None

    @property
    def count(self) -> int:
        """How many tasks this computer does at the same time."""
        if self.scheduler in ("threads", "processes"):
            return self.workers or max(1, min(8, cores() // 2))
        return 1 if self.is_local else 0

    @contextmanager
    def open(self) -> Iterator[Executor | None]:
        """Start the workers, and end them whatever happens.

        Yields
        ------
        Executor or None
            None: tasks are done one after the other by the caller. On an error or a cancel
            tasks that have not begun are given up; threads are waited for, processes ended.

        Raises
        ------
        InstallationError
            If `dask.distributed` is needed and missing.
        DeviceError
            If nobody answers at the address.
        """
        if self.scheduler == "serial" or (self.scheduler == "processes" and self.count == 1):
            yield None
        elif self.scheduler == "threads":
            with _threads(self.count) as executor:
                yield executor
        elif self.scheduler == "processes":
            with _processes(self.count) as executor:
                yield executor
        else:
            with _cluster(self.scheduler) as executor:
                yield executor


#: Everything in the process and the thread of the caller.
SERIAL = Pool()


@contextmanager
def _threads(count: int) -> Iterator[Executor]:
    executor = ThreadPoolExecutor(count)
    try:
        yield executor
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _processes(count: int) -> Iterator[Executor]:
    """Start processes that share the cores."""
    threads = max(1, cores() // count)
    others = set(active_children())
    # Spawned: a fork of a process that has used threads (torch, BLAS) may hang.
    executor = ProcessPoolExecutor(
        count, mp_context=get_context("spawn"), initializer=_begin, initargs=(threads,)
    )
    try:
        yield executor
    except BaseException:
        # Nobody waits for tasks whose results are not wanted any more: files are atomic.
        executor.shutdown(wait=False, cancel_futures=True)
        for process in set(active_children()) - others:
            process.terminate()
        raise
    executor.shutdown()


@contextmanager
def _cluster(address: str) -> Iterator[Executor]:
    """Connect to a cluster; where its workers have GPUs, one task at a time has each of them."""
    try:
        from distributed import Client
    except ImportError as error:
        raise InstallationError(
            "a cluster needs dask.distributed: pip install 'napari-inpaintaff[cluster]'"
        ) from error
    try:
        client = Client(address, timeout=_SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise DeviceError(f"no dask scheduler answers at {address}") from error
    with client:
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        if not workers:
            raise DeviceError(f"the dask scheduler at {address} has no workers yet: start some")
        options: dict[str, Any] = {"pure": False, "retries": _RETRIES}
        if any(worker.get("resources", {}).get(_GPU) for worker in workers):
            options["resources"] = {_GPU: 1}
        executor = client.get_executor(**options)
        try:
            yield executor
        except BaseException:
            executor.shutdown(wait=False)  # which cancels what is not finished
            raise
        executor.shutdown()


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


def cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows
        return os.cpu_count() or 1

"""Tasks are done in threads, processes and on a real cluster, and never twice."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from napari_inpaintaff.errors import DeviceError, ParameterError
from napari_inpaintaff.pipeline.tasks import SERIAL, Pool, Task, execute


@dataclass(frozen=True)
class Mark(Task):
    """Leaves its process number in a file; waits for another file, if one is named."""

    folder: Path
    number: int
    fails: bool = False
    kills: bool = False

    @property
    def title(self) -> str:
        return f"mark {self.number}"

    def is_done(self) -> bool:
        return self.file.exists()

    def run(self) -> None:
        if self.fails:
            raise ParameterError("mark 3 does not suit")
        if self.kills:
            first = self.folder / "killed"
            if not first.exists():
                first.write_text("")
                os.kill(os.getpid(), signal.SIGKILL)
        with self.file.open("a") as file:
            file.write(f"{os.getpid()} {threading.get_ident()}\n")

    @property
    def file(self) -> Path:
        return self.folder / f"{self.number}.txt"


def do(tasks, pool=SERIAL):
    updates = []
    with pool.open() as executor, closing(execute(tasks, executor)) as steps:
        while True:
            try:
                updates.append(next(steps))
            except StopIteration as end:
                return end.value, updates


@pytest.mark.parametrize(
    "pool", [SERIAL, Pool("threads", 3), Pool("processes", 2)], ids=lambda pool: pool.scheduler
)
def test_every_task_is_done_once_and_those_that_are_done_are_left(tmp_path, pool):
    tasks = [Mark(tmp_path, number) for number in range(7)]
    tasks[2].run()
    count, updates = do(tasks, pool)
    assert count == 6
    assert all(len(task.file.read_text().splitlines()) == 1 for task in tasks)
    done = [update.done for update in updates]
    assert done == sorted(done)
    assert {update.total for update in updates} == {7}
    processes = {int(task.file.read_text().split()[0]) for task in tasks if task.number != 2}
    assert (os.getpid() in processes) == (pool.scheduler != "processes")
    assert do(tasks, pool)[0] == 0


@pytest.mark.parametrize("pool", [SERIAL, Pool("threads", 2), Pool("processes", 2)])
def test_what_a_task_raises_reaches_the_caller(tmp_path, pool):
    tasks = [Mark(tmp_path, number, fails=number == 3) for number in range(9)]
    with pytest.raises(ParameterError, match="does not suit"):
        do(tasks, pool)


def test_a_process_that_is_killed_is_reported_in_a_sentence(tmp_path):
    tasks = [Mark(tmp_path, number, kills=number == 1) for number in range(3)]
    with pytest.raises(DeviceError, match="fewer workers"):
        do(tasks, Pool("processes", 2))


def test_a_cancelled_list_begins_nothing_more(tmp_path):
    tasks = [Mark(tmp_path, number) for number in range(4)]
    with SERIAL.open() as executor, closing(execute(tasks, executor)) as steps:
        while not tasks[1].is_done():
            next(steps)
    assert [task.is_done() for task in tasks] == [True, True, False, False]


@pytest.mark.parametrize("name", ["", "gpu", "tcp:", "localhost:8786"])
def test_unknown_schedulers_are_refused(name):
    with pytest.raises(ParameterError, match="unknown scheduler"):
        Pool(name)


def test_an_address_where_nobody_answers_is_reported(monkeypatch):
    monkeypatch.setattr("napari_inpaintaff.pipeline.tasks.pools._SECONDS_TO_CONNECT", 1)
    with (
        pytest.raises(DeviceError, match="no dask scheduler answers"),
        Pool("tcp://127.0.0.1:9").open(),
    ):
        pass


@pytest.fixture
def cluster():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=3, threads_per_worker=1, processes=True, dashboard_address=None
    ) as found:
        yield found


def test_workers_of_a_cluster_do_the_tasks_and_one_may_die(tmp_path, cluster):
    tasks = [Mark(tmp_path, number, kills=number == 4) for number in range(12)]
    count, _ = do(tasks, Pool(cluster.scheduler_address))
    assert count == 12
    assert (tmp_path / "killed").exists()
    assert all(task.is_done() for task in tasks)
    assert os.getpid() not in {int(task.file.read_text().split()[0]) for task in tasks}

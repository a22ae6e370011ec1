"""A job drives a generator and always closes it, in the thread that ran it."""

from __future__ import annotations

import threading
from collections.abc import Generator

import pytest

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.jobs import Cancelled, Job, JobState, Progress, seconds_left

TIMEOUT = 60


class Steps:
    """A generator that can be held at every step and remembers how it ended."""

    def __init__(self, count: int, *, fail_at: int | None = None, held: bool = False) -> None:
        self.count = count
        self.fail_at = fail_at
        self.done = 0
        self.closed_in: threading.Thread | None = None
        self.started = threading.Event()
        self.gate = threading.Semaphore(0 if held else 10_000)

    def __call__(self) -> Generator[Progress, None, str]:
        try:
            for step in range(self.count):
                self.started.set()
                assert self.gate.acquire(timeout=TIMEOUT)
                if step == self.fail_at:
                    raise RuntimeError("CUDA out of memory")
                self.done = step + 1
                yield Progress(step + 1, self.count)
            return "result"
        finally:
            self.closed_in = threading.current_thread()


class Thread(threading.Thread):
    """Runs a job and keeps what came out."""

    def __init__(self, job: Job[Progress, str]) -> None:
        super().__init__(daemon=True)
        self.job = job
        self.outcome: object = None

    def run(self) -> None:
        try:
            self.outcome = self.job.run()
        except BaseException as error:
            self.outcome = error

    def finish(self) -> object:
        self.join(TIMEOUT)
        assert not self.is_alive()
        return self.outcome


def test_a_job_returns_the_result_and_passes_on_every_update():
    seen: list[Progress] = []
    steps = Steps(3)
    job = Job(steps(), on_update=seen.append)
    assert job.state is JobState.IDLE
    assert job.run() == "result"
    assert job.state is JobState.FINISHED
    assert [update.done for update in seen] == [1, 2, 3]
    assert steps.closed_in is threading.current_thread()


def test_a_job_runs_once():
    job = Job(Steps(1)())
    job.run()
    with pytest.raises(RuntimeError, match="it is finished"):
        job.run()


def test_errors_come_out_unchanged_and_the_generator_is_closed():
    steps = Steps(3, fail_at=1)
    job = Job(steps())
    with pytest.raises(RuntimeError, match="CUDA out of memory"):
        job.run()
    assert job.state is JobState.FAILED
    assert steps.closed_in is not None


def test_an_error_of_the_listener_closes_the_generator():
    def listener(update: Progress) -> None:
        raise ValueError("the listener is broken")

    steps = Steps(3)
    job = Job(steps(), on_update=listener)
    with pytest.raises(ValueError, match="the listener is broken"):
        job.run()
    assert job.state is JobState.FAILED
    assert steps.done == 1
    assert steps.closed_in is not None


def test_cancel_from_another_thread_acts_before_the_next_step():
    steps = Steps(100, held=True)
    job = Job(steps())
    thread = Thread(job)
    thread.start()
    steps.gate.release()
    assert steps.started.wait(TIMEOUT)
    job.cancel()
    steps.gate.release()
    assert isinstance(thread.finish(), Cancelled)
    assert job.state is JobState.CANCELLED
    assert steps.done <= 2
    assert steps.closed_in is thread


def test_cancel_during_the_last_step_withholds_the_result():
    jobs: list[Job[Progress, str]] = []

    def last_step() -> Generator[Progress, None, str]:
        yield Progress(0, 1)
        jobs[0].cancel()
        return "too late"

    jobs.append(Job(last_step()))
    with pytest.raises(Cancelled):
        jobs[0].run()
    assert jobs[0].state is JobState.CANCELLED


def test_a_job_cancelled_before_its_start_never_starts():
    steps = Steps(3)
    job = Job(steps())
    job.cancel()
    assert job.state is JobState.CANCELLED
    with pytest.raises(Cancelled):
        job.run()
    assert not steps.started.is_set()


def test_pause_holds_and_resume_goes_on():
    steps = Steps(50, held=True)
    paused_at: list[int] = []
    job: Job[Progress, str] = Job(steps(), on_update=lambda update: paused_at.append(update.done))
    thread = Thread(job)
    thread.start()
    assert steps.started.wait(TIMEOUT)
    job.pause()
    assert job.state is JobState.PAUSED
    steps.gate.release(50)
    thread.join(0.2)
    assert thread.is_alive()
    assert steps.done <= 1
    job.resume()
    assert thread.finish() == "result"
    assert paused_at == list(range(1, 51))


def test_a_paused_job_can_be_cancelled():
    steps = Steps(50, held=True)
    job = Job(steps())
    thread = Thread(job)
    thread.start()
    assert steps.started.wait(TIMEOUT)
    job.pause()
    steps.gate.release(50)
    job.cancel()
    assert isinstance(thread.finish(), Cancelled)
    assert steps.closed_in is thread


def test_requests_to_a_finished_job_change_nothing():
    job = Job(Steps(1)())
    job.run()
    job.pause()
    job.cancel()
    job.resume()
    assert job.state is JobState.FINISHED
    assert job.state.is_over


def test_progress_knows_its_fraction():
    assert Progress(1, 4).fraction == 0.25
    assert Progress(3, 0).fraction is None
    assert Progress(5, 4).fraction == 1.0
    with pytest.raises(ParameterError, match="-1"):
        Progress(-1, 4)


def test_seconds_left_assumes_equal_steps():
    assert seconds_left(1, 4, 2.0) == 6.0
    assert seconds_left(0, 4, 2.0) is None
    assert seconds_left(3, 0, 2.0) is None
    assert seconds_left(5, 4, 2.0) == 0.0

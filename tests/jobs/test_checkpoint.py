"""Cancel acts in the middle of a long step where the step allows it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator

import numpy as np
import pytest

from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS
from napari_inpaintaff.foreground import fit_outlines
from napari_inpaintaff.jobs import Cancelled, Job, JobState, checkpoint
from napari_inpaintaff.partition import PartitionParameters, partition
from napari_inpaintaff.separation import affinities_from_labels


def one_step(work: Callable[[], object]) -> Generator[None, None, object]:
    yield
    return work()


def test_outside_a_job_nothing_happens() -> None:
    checkpoint()


def test_a_cancelled_job_ends_at_the_next_checkpoint() -> None:
    reached = threading.Event()

    def endless() -> None:
        while True:
            reached.set()
            checkpoint()

    job = Job(one_step(endless))
    canceller = threading.Thread(target=lambda: (reached.wait(60), job.cancel()))
    canceller.start()
    with pytest.raises(Cancelled):
        job.run()
    canceller.join()
    assert job.state is JobState.CANCELLED
    checkpoint()


def test_a_job_inside_a_cancelled_one_ends_with_it() -> None:
    outer: Job[None, object] = Job(one_step(lambda: inner.run()))

    def work() -> None:
        outer.cancel()
        checkpoint()
        pytest.fail("the work went on")

    inner = Job(one_step(work))
    with pytest.raises(Cancelled):
        outer.run()
    assert (outer.state, inner.state) == (JobState.CANCELLED, JobState.CANCELLED)


@pytest.mark.parametrize("method", ["mutex_watershed", "region_merging", "outlines"])
def test_labels_are_not_built_to_their_end(method: str) -> None:
    truth = np.kron(np.arange(1, 10).reshape(3, 3), np.ones((12, 12), np.int64))
    affinities = affinities_from_labels(truth, PUBLISHED_OFFSETS)

    def work() -> object:
        job.cancel()
        if method == "outlines":
            return fit_outlines(truth, truth > 4)
        return partition(affinities, parameters=PartitionParameters(method))

    finished = []
    job = Job(one_step(lambda: finished.append(work())))
    with pytest.raises(Cancelled):
        job.run()
    assert finished == []

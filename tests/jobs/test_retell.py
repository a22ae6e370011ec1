"""Updates in other words: the same number, order and result, and nothing is left open."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from napari_inpaintaff.jobs import Job, retell


def count(closed: list[str]) -> Generator[int, None, str]:
    try:
        yield from range(3)
    finally:
        closed.append("closed")
    return "done"


def test_every_update_is_told_and_the_result_returned() -> None:
    told = []
    job = Job(retell(count([]), lambda number: f"step {number}"), on_update=told.append)
    assert job.run() == "done"
    assert told == ["step 0", "step 1", "step 2"]


def test_a_run_that_is_left_is_closed() -> None:
    closed: list[str] = []
    steps = retell(count(closed), str)
    assert next(steps) == "0"
    assert not closed
    steps.close()
    assert closed == ["closed"]


def test_a_run_whose_telling_fails_is_closed() -> None:
    closed: list[str] = []
    steps = retell(count(closed), lambda number: 1 / number)
    with pytest.raises(ZeroDivisionError):
        next(steps)
    assert closed == ["closed"]

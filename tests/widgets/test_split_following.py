"""Which of many splits are shown, and in what order."""

from __future__ import annotations

import numpy as np
import pytest
from fake_engine import FakeSplit
from hypothesis import given
from hypothesis import strategies as st

from napari_inpaintaff.widgets import split_following
from napari_inpaintaff.widgets.split_following import (
    LONGEST_QUEUE,
    PATIENCE,
    GainHistory,
    NewestSplits,
    SplitQueue,
    SplitSpeed,
    split_order,
)

ITERATIONS = 12


def split(origin=(0, 0), *, depth=0, iteration=1, number=1, ended=False, gain=0.0):
    state = np.ones((8, 8), dtype=np.int8)
    band = np.zeros((8, 8), dtype=bool)
    counts = (iteration, depth, 0, 1, ITERATIONS, 1, number, ended)
    return FakeSplit(origin, 1.0, state, band, gain, *counts)


def evolution(number, first=1):
    """All steps of a split; the last iteration is measured once more."""
    steps = [split(iteration=n, number=number) for n in range(first, ITERATIONS + 1)]
    return [*steps, split(iteration=ITERATIONS, number=number, ended=True)]


def shown(order):
    return list(iter(order.next, None))


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(split_following, "time", clock)
    return clock


def test_one_patch_is_followed_for_a_while_then_the_shallowest_split(clock):
    order = NewestSplits()

    def choose(*updates):
        order.note(updates)
        return order.next()

    deep, first, second = split((0, 0), depth=3), split((0, 9)), split((9, 0))
    assert choose(deep, first) is first
    again = split((0, 9), depth=2, iteration=5)
    assert choose(again, second) is again
    clock.now += 2
    assert choose(again, second) is second
    assert choose() is None


def test_every_step_of_one_split_is_shown_between_the_steps_of_others():
    first, other, then = evolution(1), evolution(2), evolution(3)
    order = SplitQueue()
    for mine, foreign in zip(first, other, strict=True):
        order.note([mine, foreign])
    order.note(then)
    assert shown(order) == [*first, *then]


def test_the_first_each_fifth_and_the_last_step_are_shown():
    order = split_order(SplitSpeed.FIFTH)
    order.note(evolution(1))
    assert [(step.iteration, step.ended) for step in shown(order)] == [
        (1, False),
        (5, False),
        (10, False),
        (12, True),
    ]


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 3)), max_size=300))
def test_the_queue_stays_short_and_shows_whole_splits(arrivals):
    """Some workers go on with their splits in any order, while some steps are drawn."""
    order, steps, numbers = SplitQueue(), {}, iter(range(10_000))
    seen = []
    for worker, drawn in arrivals:
        if not steps.get(worker):
            steps[worker] = evolution(next(numbers))
        order.note([steps[worker].pop(0)])
        assert len(order._waiting) < LONGEST_QUEUE + ITERATIONS + 1
        seen += [step for _ in range(drawn) if (step := order.next()) is not None]
    seen += order.rest()
    assert order.next() is None
    by_split = {}
    for step in seen:
        by_split.setdefault(step.split, []).append(step.iteration)
    for iterations in by_split.values():
        assert iterations == [*range(iterations[0], ITERATIONS + 1), ITERATIONS][: len(iterations)]


def test_no_split_is_begun_while_many_steps_wait():
    order = SplitQueue()
    for number in range(20):
        order.note(evolution(number))
    waiting = shown(order)
    assert LONGEST_QUEUE <= len(waiting) < LONGEST_QUEUE + ITERATIONS + 1
    assert [step.split for step in waiting] == sorted(step.split for step in waiting)
    assert waiting[-1].ended


def test_a_split_that_rests_is_given_up_for_another():
    order = SplitQueue()
    order.note(evolution(1)[:4])
    assert len(shown(order)) == 4
    later = [step for number in (2, 3, 4) for step in evolution(number, first=3)]
    order.note(later[:PATIENCE])
    assert order.next() is None
    order.note(later[PATIENCE:])
    assert shown(order) == later[PATIENCE:][: ITERATIONS + 1]


def test_the_curve_ends_where_the_picture_stands_and_the_past_is_forgotten():
    history = GainHistory()
    steps = [split(iteration=n, number=7, gain=float(n)) for n in (1, 2, 3, 4)]
    history.note(steps)
    assert history.curve(steps[2]) == [(1, 1.0), (2, 2.0), (3, 3.0)]
    history.note(split(number=n) for n in range(100, 400))
    assert history.curve(steps[3]) == [(4, 4.0)]
    assert len(history._gains) < 100

"""The optimisation loop: budgets, averaged weights, resuming, trouble."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from napari_inpaintaff.errors import DeviceError, ModelFileError, ParameterError
from napari_inpaintaff.networks import Optimisation, OptimiserStep, Schedule, optimise
from napari_inpaintaff.networks import training as training_module

pytestmark = pytest.mark.usefixtures("one_thread")


class Clock:
    """Goes on by a fixed time at every step."""

    def __init__(self, seconds_per_step: float) -> None:
        self.now = 0.0
        self.seconds_per_step = seconds_per_step

    def timed(self, draw_loss: Callable[[], Tensor]) -> Callable[[], Tensor]:
        """Make a function that lets time pass."""

        def timed_draw() -> Tensor:
            self.now += self.seconds_per_step
            return draw_loss()

        return timed_draw

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = SimpleNamespace(monotonic=lambda: self.now)
        monkeypatch.setattr(training_module, "time", clock)


def run(
    network: nn.Module, draw_loss: Callable[[], Tensor], schedule: Schedule
) -> tuple[list[OptimiserStep], nn.Module]:
    optimisation = Optimisation(network)
    steps = list(optimise(optimisation, lambda step: draw_loss(), schedule))
    return steps, optimisation.averaged


def towards_three() -> tuple[nn.Linear, Callable[[], Tensor]]:
    torch.manual_seed(0)
    network = nn.Linear(1, 1)
    return network, lambda: (network(torch.ones(1, 1)) - 3).abs().sum()


def test_loss_falls_and_the_average_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(0.0).install(monkeypatch)
    network, draw_loss = towards_three()
    steps, averaged = run(network, draw_loss, Schedule(steps=200, learning_rate=0.1, average=0.9))
    assert [step.step for step in steps] == list(range(20, 201, 20))
    assert steps[-1].progress == 1.0
    assert steps[-1].loss < 0.1 * steps[0].loss
    assert averaged is not network
    assert not averaged.training
    assert averaged(torch.ones(1, 1)).item() == pytest.approx(3, abs=0.05)


def test_slow_steps_are_reported_every_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(0.6)
    clock.install(monkeypatch)
    network, draw_loss = towards_three()
    steps, _ = run(network, clock.timed(draw_loss), Schedule(steps=8))
    assert [step.step for step in steps] == [2, 4, 6, 8]


def test_minutes_end_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(2.0)
    clock.install(monkeypatch)
    network, draw_loss = towards_three()
    steps, _ = run(network, clock.timed(draw_loss), Schedule(steps=None, minutes=1))
    assert steps[-1].step == 30
    assert steps[-1].seconds == 60
    assert [s.progress for s in steps] == sorted(s.progress for s in steps)


def test_whichever_budget_ends_first() -> None:
    both = Schedule(steps=10, minutes=1)
    assert both.progress(5, 6) == 0.5
    assert both.progress(1, 30) == 0.5
    assert both.progress(20, 0) == 1.0


def test_running_statistics_follow() -> None:
    network = nn.Sequential(nn.BatchNorm1d(1))
    _, averaged = run(
        network, lambda: network(5 + torch.rand(8, 1)).square().sum(), Schedule(steps=60)
    )
    assert averaged[0].running_mean.item() == pytest.approx(5.5, abs=0.3)
    assert averaged[0].num_batches_tracked == 60


def test_a_diverged_training_is_told() -> None:
    network, draw_loss = towards_three()
    with pytest.raises(ParameterError, match=r"diverged after 20 steps.*below 0\.002"):
        run(network, lambda: draw_loss() * torch.nan, Schedule(steps=40))


def test_closing_early_leaves_gradients_on() -> None:
    network, draw_loss = towards_three()
    updates = optimise(Optimisation(network), lambda step: draw_loss(), Schedule(steps=1000))
    next(updates)
    updates.close()
    assert torch.is_grad_enabled()
    assert next(updates, None) is None
    draw_loss().backward()


def test_time_between_two_reports_counts_only_if_it_is_added(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(2.0)
    clock.install(monkeypatch)
    network, draw_loss = towards_three()
    timed = clock.timed(draw_loss)
    optimisation = Optimisation(network)
    schedule = Schedule(steps=None, minutes=1)
    for step in optimise(optimisation, lambda step: timed(), schedule):
        clock.now += 1000  # a pause
        optimisation.seconds += 10  # a measurement
        last = step
    assert last.step == 6
    assert last.seconds == 62


def test_stop_ends_at_once_and_is_reported() -> None:
    network, draw_loss = towards_three()
    optimisation = Optimisation(network)
    schedule = Schedule(steps=1000)
    steps = list(
        optimise(
            optimisation,
            lambda step: draw_loss(),
            schedule,
            stop=lambda: optimisation.step == 33,
        )
    )
    assert [step.step for step in steps] == [20, 33]
    assert steps[-1].progress == pytest.approx(0.033)


class Normed(nn.Module):
    """Has weights in two layouts, running statistics, and a counter."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.conv = nn.Conv2d(2, 3, 3)
        self.norm = nn.BatchNorm2d(3)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def draw(self, step: int) -> Tensor:
        batch = torch.rand(4, 2, 8, 8, generator=torch.Generator().manual_seed(step))
        return (self.norm(self.conv(batch)).square() - batch[:, :1, 1:-1, 1:-1]).abs().mean()


@given(stop_at=st.integers(0, 12))
@settings(max_examples=8, deadline=None)
def test_a_resumed_training_is_the_same_bit_for_bit(stop_at: int) -> None:
    schedule = Schedule(steps=12, learning_rate=0.01, average=0.9)
    whole = Optimisation(Normed())
    list(optimise(whole, whole.network.draw, schedule))  # type: ignore[arg-type]

    first = Optimisation(Normed())
    draw = first.network.draw
    list(optimise(first, draw, schedule, stop=lambda: first.step == stop_at))  # type: ignore[arg-type]
    second = Optimisation(Normed())
    second.restore(first.arrays())
    assert second.step == stop_at
    list(optimise(second, second.network.draw, schedule))  # type: ignore[arg-type]

    expected = whole.arrays()
    for name, value in second.arrays().items():
        assert name == "seconds" or np.array_equal(value, expected[name]), name
    assert second.network.norm.num_batches_tracked == 12  # type: ignore[union-attr]


def test_a_foreign_checkpoint_is_refused() -> None:
    for arrays in (Optimisation(nn.Linear(1, 2)).arrays(), {}):
        with pytest.raises(ModelFileError, match="another network"):
            Optimisation(nn.Linear(1, 1)).restore(arrays)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
)
def test_out_of_memory_makes_batches_smaller(error: Exception) -> None:
    network, draw_loss = towards_three()
    batch, seen = 8, []

    def draw(step: int) -> Tensor:
        seen.append((step, batch))
        if batch > 2:
            raise error
        return draw_loss()

    def shrink() -> bool:
        nonlocal batch
        batch //= 2
        return True

    steps = list(optimise(Optimisation(network), draw, Schedule(steps=3), shrink=shrink))
    assert seen == [(0, 8), (0, 4), (0, 2), (1, 2), (2, 2)]
    assert steps[-1].step == 3


def test_too_little_memory_for_anything() -> None:
    network, _ = towards_three()

    def draw(step: int) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(DeviceError, match="does not fit into the memory"):
        next(optimise(Optimisation(network), draw, Schedule(steps=3)))


def test_other_errors_are_not_taken_for_memory() -> None:
    network, _ = towards_three()

    def draw(step: int) -> Tensor:
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes"):
        next(optimise(Optimisation(network), draw, Schedule(steps=3)))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"steps": None}, "number of steps or of minutes"),
        ({"steps": 0}, "got 0"),
        ({"minutes": -1.0}, r"got -1\.0"),
        ({"minutes": float("nan")}, "got nan"),
        ({"learning_rate": 0.0}, "learning rate"),
        ({"average": 1.0}, "averaged weights"),
    ],
)
def test_impossible_schedules(values: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Schedule(**values)  # type: ignore[arg-type]

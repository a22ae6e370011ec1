"""The optimisation loop: budgets, averaged weights, trouble."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.networks import Schedule
from napari_inpaintaff.networks import training as training_module
from napari_inpaintaff.networks.training import OptimiserStep, optimise


class Clock:
    """Goes on by a fixed time at every step."""

    def __init__(self, seconds_per_step: float) -> None:
        self.now = 0.0
        self.seconds_per_step = seconds_per_step

    def timed(self, draw_loss: Callable[[], Tensor]) -> Callable[[], Tensor]:
        def timed_draw() -> Tensor:
            self.now += self.seconds_per_step
            return draw_loss()

        return timed_draw

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = SimpleNamespace(monotonic=lambda: self.now)
        monkeypatch.setattr(training_module, "time", clock)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny networks gain nothing from threads, which wait for each other on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def run(
    network: nn.Module, draw_loss: Callable[[], Tensor], schedule: Schedule
) -> tuple[list[OptimiserStep], nn.Module]:
    steps = []
    updates = optimise(network, draw_loss, schedule)
    while True:
        try:
            steps.append(next(updates))
        except StopIteration as end:
            return steps, end.value


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
    updates = optimise(network, draw_loss, Schedule(steps=1000))
    next(updates)
    updates.close()
    assert torch.is_grad_enabled()
    assert next(updates, None) is None
    draw_loss().backward()


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

"""Stopping, aborting, killing and resuming a training; disks that are full."""

from __future__ import annotations

import errno
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from napari_inpaintaff.cli import model_making, training
from napari_inpaintaff.cli.stopping import stop_on_signals
from napari_inpaintaff.inpainting import (
    Inpainter,
    InpainterMetadata,
    TrainingUpdate,
    checkpoint_path,
)
from napari_inpaintaff.networks.model_file import read_model_file, weights_sha256

POSIX_ONLY = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no signals between processes and no terminals"
)

STEPS = "60"
#: Trains with a checkpoint after every report, and never finishes.
ENDLESS = """
import sys, time
from pathlib import Path
from napari_inpaintaff.images import gather_planes
from napari_inpaintaff.inpainting import (
    Inpainter, InpainterTraining, budget, checkpoint_path, train_inpainter
)

image, start, model, steps = sys.argv[1:]
start = Inpainter.load(start, device="cpu")
updates = train_inpainter(
    gather_planes([image]).planes,
    InpainterTraining(
        start.metadata.architecture, budget(steps=int(steps), fine_tuning=True)
    ),
    device="cpu",
    start_from=start,
    checkpoint=checkpoint_path(model),
    checkpoint_seconds=0.0,
)
for update in updates:
    if getattr(update, "progress", 0) == 1:
        time.sleep(600)
"""


def weights(model: Path) -> str:
    return weights_sha256(read_model_file(model, "inpainter").weights)


@pytest.fixture
def at_step(monkeypatch) -> Callable[[int, Callable[[], object]], None]:
    """Do something when a training has reported a step."""

    def at_step(step: int, action: Callable[[], object]) -> None:
        read = training._Display._read
        done = []

        def read_and_act(self, update):
            if isinstance(update, TrainingUpdate) and update.step >= step and not done:
                done.append(True)
                action()
            return read(self, update)

        monkeypatch.setattr(training._Display, "_read", read_and_act)

    return at_step


@pytest.fixture
def handlers() -> Iterator[None]:
    """Check that the handlers of signals are what they were."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    yield
    assert [signal.getsignal(number) for number in numbers] == before


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_asks_to_stop_and_the_second_aborts(number, capsys):
    with stop_on_signals() as stop:
        assert not stop()
        signal.raise_signal(number)
        assert stop()
        assert stop()
        assert capsys.readouterr().err.count("Ctrl-C again aborts") == 1
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)


@pytest.mark.usefixtures("handlers")
def test_signal_before_there_is_anything_to_keep_aborts():
    with pytest.raises(KeyboardInterrupt), stop_on_signals():
        signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("handlers")
def test_stopped_training_is_kept_and_resumes_bit_for_bit(train, image, model, at_step, tmp_path):
    options = (image, "--from", model, "--steps", 30)
    whole, uninterrupted = train(*options, output=tmp_path / "whole.safetensors")
    assert whole.code == 0

    at_step(1, lambda: signal.raise_signal(signal.SIGTERM))
    outcome, path = train(*options)
    assert outcome.code == 0
    assert "stopping, what was trained is kept" in outcome.err
    kept = Inpainter.load(path, device="cpu").metadata.training
    assert kept["stopped"]
    assert 1 <= kept["steps"] < 30
    last = outcome.out.splitlines()[-1]
    assert last == (
        f"stopped early: the same command with --resume goes on from {checkpoint_path(path)}"
    )
    assert path.with_name("my-cells-report.png").is_file()

    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    refused, _ = train(*options)
    assert (refused.code, refused.out, len(refused.lines)) == (2, "", 1)
    assert "--resume" in refused.err
    assert str(checkpoint_path(path)) in refused.err
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before

    resumed, path = train(*options, "--resume")
    assert resumed.code == 0
    assert weights(path) == weights(uninterrupted)
    record = InpainterMetadata.read(path).training
    assert (record["steps"], record["stopped"]) == (30, False)
    assert not checkpoint_path(path).exists()


@pytest.mark.usefixtures("handlers")
def test_second_signal_aborts_and_leaves_what_was_there(train, image, model, at_step):
    def interrupt_twice() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    at_step(1, interrupt_twice)
    earlier = image.with_name("my-cells.safetensors")
    earlier.write_bytes(b"an earlier model")
    outcome, path = train(image, "--from", model, "--minutes", 5)
    assert (outcome.code, outcome.out) == (130, "")
    assert outcome.complaints[-1] == "inpaintaff: interrupted"
    assert path.read_bytes() == b"an earlier model"
    assert {file.name for file in image.parent.iterdir()} == {"cells.tif", "my-cells.safetensors"}


def test_resuming_with_other_settings_is_refused(train, image, model, at_step):
    at_step(1, lambda: signal.raise_signal(signal.SIGINT))
    outcome, path = train(image, "--from", model, "--minutes", 5)
    assert outcome.code == 0
    for options in (("--seed", 1), ("--normalisation", "linear"), ("--denoise",)):
        refused, _ = train(image, "--from", model, "--minutes", 5, "--resume", *options)
        assert (refused.code, refused.out, len(refused.complaints)) == (2, "", 1)
        assert "other settings" in refused.err
    checkpoint_path(path).write_bytes(b"half of it")
    refused, _ = train(image, "--from", model, "--minutes", 5, "--resume")
    assert refused.code == 2
    assert checkpoint_path(path).name in refused.err


@POSIX_ONLY
def test_ctrl_c_in_a_terminal(image, model, tmp_path):
    """A real process with a real terminal: the bar is shown, Ctrl-C keeps the best."""
    import pty

    path = tmp_path / "my-cells.safetensors"
    command = [sys.executable, "-m", "napari_inpaintaff", "train-inpainter", image, "-o", path]
    master, terminal = pty.openpty()
    with subprocess.Popen(
        [*map(str, command), "--minutes", "9", "--device", "cpu", "--from", str(model)],
        stdout=subprocess.PIPE,
        stderr=terminal,
        text=True,
    ) as process:
        os.close(terminal)
        seen = ""
        try:
            while "step" not in seen:
                seen += os.read(master, 10_000).decode(errors="replace")
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=120)
        finally:
            process.kill()
            os.close(master)
    assert re.search(r"train: +0%\|.*step \d+, loss -?\d\.\d+, .*[89] min left", seen)
    assert process.returncode == 0
    assert Inpainter.load(path, device="cpu").metadata.training["stopped"]
    assert checkpoint_path(path).is_file()
    assert "--resume" in out.splitlines()[-1]


@POSIX_ONLY
def test_killed_training_has_an_intact_checkpoint_and_resumes(train, image, model, tmp_path):
    """SIGKILL at a random moment, with a checkpoint written at every opportunity."""
    path = tmp_path / "my-cells.safetensors"
    checkpoint = checkpoint_path(path)
    command = [sys.executable, "-c", ENDLESS, image, model, path, STEPS]
    # Only with as many threads the same numbers come out.
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    with subprocess.Popen([*map(str, command)], env=environment) as process:
        try:
            deadline = time.monotonic() + 120
            while not checkpoint.exists() and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(random.uniform(0, 0.5))
        finally:
            process.kill()
    step = int(read_model_file(checkpoint, "training-checkpoint").weights["optimisation.step"])
    assert 0 < step <= int(STEPS)
    options = (image, "--from", model, "--steps", STEPS)
    resumed, path = train(*options, "--resume")
    assert resumed.code == 0, resumed.err
    assert not checkpoint.exists()
    whole, uninterrupted = train(*options, output=tmp_path / "whole.safetensors")
    assert whole.code == 0
    assert weights(path) == weights(uninterrupted)


def fill_the_disk(monkeypatch: pytest.MonkeyPatch, folder: Path, ending: str = "") -> None:
    """Let files in a folder, or those of one ending, find no space."""
    write_bytes = Path.write_bytes

    def write(path: Path, data: bytes) -> int:
        if path.parent == folder and ending in path.name:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write_bytes(path, data)

    monkeypatch.setattr(Path, "write_bytes", write)


def test_model_is_saved_elsewhere_when_the_disk_is_full(train, image, model, tmp_path, monkeypatch):
    outcome, path = train(image, "--from", model, "--steps", 1)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    fill_the_disk(monkeypatch, tmp_path)
    other = tmp_path / "other-disk"
    other.mkdir()
    monkeypatch.setattr(model_making.tempfile, "mkdtemp", lambda prefix: str(other))
    outcome, path = train(image, "--from", model, "--steps", 2)
    assert (outcome.code, outcome.out) == (2, "")
    (line,) = outcome.complaints
    assert line == (
        f"inpaintaff: error: {path} cannot be written: the disk is full; "
        f"the model was saved as {other / path.name} instead"
    )
    assert Inpainter.load(other / path.name, device="cpu").metadata.training["steps"] == 2
    assert {file: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()} == before


def test_nothing_is_spoilt_when_every_disk_is_full(train, image, model, tmp_path, monkeypatch):
    earlier = tmp_path / "my-cells.safetensors"
    earlier.write_bytes(b"an earlier model")
    fill_the_disk(monkeypatch, tmp_path)
    monkeypatch.setattr(model_making.tempfile, "mkdtemp", lambda prefix: str(tmp_path))
    outcome, path = train(image, "--from", model, "--steps", 1)
    assert (outcome.code, outcome.out, len(outcome.complaints)) == (2, "", 1)
    assert outcome.err.endswith(f"{path} cannot be written: the disk is full\n")
    assert earlier.read_bytes() == b"an earlier model"
    assert {file.name for file in tmp_path.iterdir()} == {"cells.tif", "my-cells.safetensors"}


def test_disk_full_at_a_checkpoint_keeps_the_one_before(
    train, image, model, tmp_path, monkeypatch, at_step
):
    at_step(1, lambda: signal.raise_signal(signal.SIGINT))
    outcome, path = train(image, "--from", model, "--minutes", 5)
    assert outcome.code == 0
    before = checkpoint_path(path).read_bytes()
    fill_the_disk(monkeypatch, tmp_path, "checkpoint")
    at_step(1, lambda: signal.raise_signal(signal.SIGINT))
    outcome, path = train(image, "--from", model, "--minutes", 5, "--resume")
    assert outcome.code == 0
    assert f"{checkpoint_path(path)} cannot be written: the disk is full" in outcome.err
    assert checkpoint_path(path).read_bytes() == before
    assert Inpainter.load(path, device="cpu").metadata.training["stopped"]

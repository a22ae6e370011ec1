"""Trainings that are stopped, killed and resumed."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_world import finish, one_thread, short_training, smooth_textures

from napari_inpaintaff.errors import ModelFileError, OutputError, ParameterError
from napari_inpaintaff.inpainting import (
    Inpainter,
    InpainterTraining,
    TrainingUpdate,
    checkpoint_path,
    train_inpainter,
)
from napari_inpaintaff.inpainting import checkpoint as checkpoint_module
from napari_inpaintaff.networks import Schedule


def stopped_after(steps: int, training: InpainterTraining, **options: Any) -> Inpainter:
    """Run a training that somebody stops after some steps of the inpainter."""
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > steps

    return finish(train_inpainter(smooth_textures(), training, stop=stop, **options))[1]


def same_weights(first: Inpainter, second: Inpainter) -> bool:
    ours = first.weights | (first.denoiser.weights if first.denoiser else {})
    theirs = second.weights | (second.denoiser.weights if second.denoiser else {})
    return all(np.array_equal(value, theirs[name]) for name, value in ours.items())


def test_the_checkpoint_lies_beside_the_model() -> None:
    path = checkpoint_path(Path("models") / "cells.safetensors")
    assert path == Path("models") / "cells.checkpoint.safetensors"


@pytest.mark.parametrize("denoise", [False, True])
def test_a_resumed_training_gives_the_same_model_bit_for_bit(denoise: bool, tmp_path: Path) -> None:
    training = short_training(24, denoise=denoise)
    images = smooth_textures()
    uninterrupted, whole = finish(train_inpainter(images, training))

    checkpoint = tmp_path / "cells.checkpoint.safetensors"
    # With a denoiser the first 6 steps are its own.
    kept = stopped_after(15, training, checkpoint=checkpoint)
    assert kept.metadata.training["stopped"] is True
    assert kept.metadata.training["steps"] == (9 if denoise else 15)
    again = train_inpainter(images, training, checkpoint=checkpoint, resume=True)
    updates, resumed = finish(again)
    assert updates[-1].progress == 1.0
    assert updates[-1].loss == uninterrupted[-1].loss
    assert same_weights(resumed, whole)
    assert [p.step for p in updates[-1].history][-1] == (18 if denoise else 24)


def test_a_denoiser_that_was_interrupted_is_resumed(tmp_path: Path) -> None:
    training = short_training(24, denoise=True)
    checkpoint = tmp_path / "cells.checkpoint.safetensors"
    with pytest.raises(ParameterError, match="before the inpainter had begun"):
        stopped_after(4, training, checkpoint=checkpoint)
    _, resumed = finish(
        train_inpainter(smooth_textures(), training, checkpoint=checkpoint, resume=True)
    )
    _, whole = finish(train_inpainter(smooth_textures(), training))
    assert resumed.denoiser is not None
    assert same_weights(resumed, whole)


def test_stop_keeps_the_best_weights_so_far() -> None:
    """The rate is far too high in the end: the weights before were better."""
    schedule = Schedule(steps=1000, learning_rate=1e-2, average=0.9)
    training = replace(short_training(1), schedule=schedule)
    updates, kept = [], None
    run = train_inpainter(smooth_textures(), training, stop=lambda: len(updates) >= 4)
    while kept is None:
        try:
            update = next(run)
            if isinstance(update, TrainingUpdate):
                updates.append(update)
        except StopIteration as end:
            kept = end.value
    scores = [point.quality.nll or 0.0 for point in updates[-1].history]
    record = kept.metadata.training
    assert record["stopped"] is True
    assert record["near_hole_nll"] == pytest.approx(
        min(s for s in scores if s is not None), abs=0.1
    )


def test_an_interrupted_training_may_be_made_longer(tmp_path: Path) -> None:
    checkpoint = tmp_path / "cells.checkpoint.safetensors"
    stopped_after(5, short_training(10), checkpoint=checkpoint)
    longer = train_inpainter(
        smooth_textures(), short_training(20), checkpoint=checkpoint, resume=True
    )
    assert finish(longer)[1].metadata.training["steps"] == 20


def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "cells.checkpoint.safetensors"
    stopped_after(2, short_training(10), checkpoint=checkpoint)
    before = checkpoint.read_bytes()

    def resume(images: list[Any], training: InpainterTraining, path: Path | None) -> None:
        next(train_inpainter(images, training, checkpoint=path, resume=True))

    with pytest.raises(ParameterError, match="other images or with other settings"):
        resume(smooth_textures(5), short_training(10), checkpoint)
    with pytest.raises(ParameterError, match="other images or with other settings"):
        resume(smooth_textures(), short_training(10, seed=1), checkpoint)
    with pytest.raises(ModelFileError, match="no model file"):
        resume(smooth_textures(), short_training(10), tmp_path / "other.safetensors")
    with pytest.raises(ParameterError, match="name its file"):
        resume(smooth_textures(), short_training(10), None)
    checkpoint.write_bytes(before[:-10])
    with pytest.raises(ModelFileError, match="damaged"):
        resume(smooth_textures(), short_training(10), checkpoint)


def test_a_full_disk_costs_the_checkpoint_but_not_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoint = tmp_path / "cells.checkpoint.safetensors"
    training = short_training(25)
    stopped_after(5, training, checkpoint=checkpoint)
    before = checkpoint.read_bytes()

    def full(*_: object) -> None:
        raise OutputError("the disk is full")

    monkeypatch.setattr(checkpoint_module, "write_model_file", full)
    updates = train_inpainter(
        smooth_textures(), training, checkpoint=checkpoint, checkpoint_seconds=0.0, resume=True
    )
    assert finish(updates)[1].metadata.training["steps"] == 25
    assert "goes on without a new checkpoint: the disk is full" in caplog.text
    assert checkpoint.read_bytes() == before


_KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, {folder!r})
from small_world import finish, one_thread, short_training, smooth_textures
from napari_inpaintaff.inpainting import train_inpainter
checkpoint = Path(sys.argv[1])
with one_thread():
    finish(train_inpainter(
        smooth_textures(), short_training(60), checkpoint=checkpoint,
        checkpoint_seconds=0.0, resume=checkpoint.exists(),
    ))
"""


def test_killed_at_any_moment_it_goes_on_and_gives_the_same_model(tmp_path: Path) -> None:
    checkpoint = tmp_path / "cells.checkpoint.safetensors"
    code = _KILLED.format(folder=str(Path(__file__).parent))
    for patience in (0.0, 0.13, 0.29):
        process = subprocess.Popen([sys.executable, "-c", code, str(checkpoint)])
        newest = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        # From the first checkpoint of this run on, which comes when torch has been loaded.
        while process.poll() is None:
            if checkpoint.exists() and checkpoint.stat().st_mtime_ns != newest:
                break
            time.sleep(0.01)
        time.sleep(patience)
        process.kill()
        process.wait()
    with one_thread():
        training = short_training(60)
        resumed = train_inpainter(
            smooth_textures(), training, checkpoint=checkpoint, resume=checkpoint.exists()
        )
        _, expected = finish(train_inpainter(smooth_textures(), training))
        assert same_weights(finish(resumed)[1], expected)

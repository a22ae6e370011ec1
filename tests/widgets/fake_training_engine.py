"""A stand-in for the training: fast, countable, and held or broken on demand."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images import PlaneCollection, SkippedImage, planes_of
from napari_inpaintaff.inpainting import (
    ARCHITECTURES,
    InpainterMetadata,
    InpaintingExamples,
    NearHoleError,
    TrainingPoint,
    TrainingUpdate,
)
from napari_inpaintaff.inpainting.checkpoint import CHECKPOINT_KIND
from napari_inpaintaff.inpainting.metadata import MODEL_KIND
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks.model_file import ModelFile, write_model_file
from napari_inpaintaff.widgets.training_engine import CoreTrainingEngine, Trained
from napari_inpaintaff.widgets.training_files import training_files
from napari_inpaintaff.widgets.training_settings import TrainingControl, TrainingRequest

TIMEOUT = 180
SIZE = 16


def quality_after(step: int) -> NearHoleError:
    """From as bad as a constant to four times better."""
    return NearHoleError(1.0 / step, 0.5, 1.0, 1.0, 0.6, 0.8)


def point_after(step: int) -> TrainingPoint:
    return TrainingPoint(step, 6.0 * step, 2.0 / step, quality_after(step))


def examples_after(step: int, count: int = 2) -> InpaintingExamples:
    image = np.tile(np.arange(SIZE, dtype=np.float32), (count, SIZE, 1))
    known = np.zeros(image.shape, dtype=bool)
    known[:, :, : SIZE // 2] = True
    asked = np.zeros(image.shape, dtype=bool)
    asked[:, :, SIZE // 2 : SIZE // 2 + 4] = True
    return InpaintingExamples(image, known, asked, image * (1 - 1 / step))


def update_after(step: int, steps: int, *, phase: str = "inpainter") -> TrainingUpdate:
    measured = phase == "inpainter"
    return TrainingUpdate(
        phase=phase,
        step=step,
        loss=2.0 / step,
        progress=step / steps,
        seconds=6.0 * step,
        seconds_left=6.0 * (steps - step),
        crops_per_second=100.0,
        history=tuple(point_after(s) for s in range(1, step + 1)) if measured else (),
        examples=examples_after(step) if measured else None,
    )


def write_model(path: Path) -> Path:
    metadata = InpainterMetadata(path.stem, ARCHITECTURES["small"], diameter=31.0)
    return write_model_file(path, ModelFile(MODEL_KIND, metadata.to_json(), {}))


def write_checkpoint(path: Path, step: int) -> None:
    history = [asdict(point_after(s)) for s in range(1, step + 1)]
    write_model_file(path, ModelFile(CHECKPOINT_KIND, {"history": history}, {}))


class FakeTrainingEngine(CoreTrainingEngine):
    """Takes some steps, each of which can be held by `hold()` and let go by `release()`.

    Files are real: models, checkpoints, settings.
    """

    def __init__(self, *, steps: int = 6, denoising: int = 0) -> None:
        self.steps = steps
        self.denoising = denoising
        self.steps_done = 0
        self.requests: list[TrainingRequest] = []
        self.means: list[float] = []
        self.closed = 0
        self.warm = False
        self.skipped = 0
        self.error: BaseException | None = None
        self.keep_error: BaseException | None = None
        self.in_step = threading.Event()
        self.looked: list[tuple[tuple[Path, ...], int | None]] = []
        self._gate = threading.Semaphore(10_000)

    def hold(self) -> None:
        self._gate = threading.Semaphore(0)

    def release(self, count: int = 10_000) -> None:
        self._gate.release(count)

    def warm_up(self) -> None:
        self.warm = True

    def look_through(self, files: Sequence[Path], channel: int | str | None) -> PlaneCollection:
        """Two planes in every file whose name does not begin with ``bad``."""
        self.looked.append((tuple(files), channel))
        good = [file for file in files if not file.name.startswith("bad")]
        bad = [SkippedImage(str(f), "it is damaged") for f in files if f not in good]
        if not good:
            raise ImageError(f"no image can be used: {bad[0].path_or_name}: {bad[0].reason}")
        planes = tuple(planes_of(np.eye(8), f"{f.name} [{t}]")[0] for f in good for t in (0, 1))
        return PlaneCollection(planes, tuple(bad), len(good))

    def train(
        self, request: TrainingRequest, control: TrainingControl
    ) -> Generator[Any, None, Trained]:
        self.requests.append(request)
        stopped = False
        try:
            with training_files(request, control) as checkpoint:
                yield Progress(0, 0, "Looking through the images…")
                planes = [p for x in request.layers for p in planes_of(x.data, x.name)]
                self.means = [float(plane.read().mean()) for plane in planes]
                for step in range(1, self.denoising + self.steps + 1):
                    self.in_step.set()
                    assert self._gate.acquire(timeout=TIMEOUT)
                    if self.error is not None and step == 2:
                        raise self.error
                    if stopped := control.stop.is_set():
                        break
                    self.steps_done += 1
                    write_checkpoint(checkpoint, step)
                    yield self._update(step)
                yield Progress(1, 1, "Saving the model…")
        finally:
            self.closed += 1
        quality = quality_after(max(1, self.steps_done))
        name = request.settings.name
        return Trained(name, write_model, quality, len(planes), self.skipped, stopped)

    def keep(self, trained: Trained, path: Path) -> Path:
        if self.keep_error is not None:
            raise self.keep_error
        return super().keep(trained, path)

    def _update(self, step: int) -> TrainingUpdate:
        if step <= self.denoising:
            return update_after(step, self.denoising + self.steps, phase="denoiser")
        return update_after(step - self.denoising, self.steps)

"""A stand-in for the distillation: fast, countable, and held or broken on demand."""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

from napari_inpaintaff.images import planes_of
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks import UNetArchitecture
from napari_inpaintaff.networks.model_file import ModelFile, write_model_file
from napari_inpaintaff.separation import DistillationUpdate, StudentMetadata
from napari_inpaintaff.separation.student_metadata import STUDENT_KIND
from napari_inpaintaff.widgets.distill_engine import CoreDistillEngine, Distilled
from napari_inpaintaff.widgets.distill_settings import DistillRequest

TIMEOUT = 180
PATCHES, STEPS = 4, 5
ALPHA = 1.07


class FakeDistillEngine(CoreDistillEngine):
    """Takes `PATCHES` patches and `STEPS` steps, held by `hold()` and let go by `release()`.

    The files of the students are real, but for their weights.
    """

    def __init__(self) -> None:
        self.requests: list[DistillRequest] = []
        self.means: list[float] = []
        self.done = 0
        self.closed = 0
        self.agreement: float | None = 0.93
        self.error: BaseException | None = None
        self.keep_error: BaseException | None = None
        self.in_step = threading.Event()
        self._gate = threading.Semaphore(10_000)

    def hold(self) -> None:
        self._gate = threading.Semaphore(0)

    def release(self, count: int = 10_000) -> None:
        self._gate.release(count)

    def distill(
        self, request: DistillRequest, stop: threading.Event
    ) -> Generator[Any, None, Distilled]:
        self.requests.append(request)
        try:
            yield Progress(0, 0, "Loading the network…")
            planes = planes_of(request.images.data, request.images.name)
            self.means = [float(plane.read().mean()) for plane in planes]
            for patch in range(1, PATCHES + 1):
                self._wait()
                yield Progress(patch, PATCHES, "IGM labels of patches")
            for step in range(1, STEPS + 1):
                self._wait()
                if self.error is not None:
                    raise self.error
                if stop.is_set():
                    break
                yield DistillationUpdate(
                    step, 1.0 / step, step / STEPS, step, STEPS - step, 0.5 + step / 10
                )
            else:
                yield Progress(3, 4, "Choosing alpha…")
                self._wait()
            yield Progress(1, 1, "Saving the student…")
        finally:
            self.closed += 1
        settings = request.settings
        return Distilled(
            settings.name, settings.teacher, write_student, self.agreement, stop.is_set()
        )

    def keep(self, distilled: Distilled, path: Path) -> Path:
        if self.keep_error is not None:
            raise self.keep_error
        return super().keep(distilled, path)

    def _wait(self) -> None:
        self.in_step.set()
        assert self._gate.acquire(timeout=TIMEOUT)
        self.done += 1


def write_student(path: Path) -> Path:
    architecture = UNetArchitecture("plain", (8, 8), outputs=12, stem=2)
    metadata = StudentMetadata(path.stem, architecture, alpha=ALPHA, image_diameter=18.0)
    return write_model_file(path, ModelFile(STUDENT_KIND, metadata.to_json(), {}))

"""A stand-in for the training of a foreground: fast, countable, and held or broken on demand."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_inpaintaff.foreground import FGNET_ARCHITECTURES, FGNetMetadata, FGNetUpdate
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks.model_file import ModelFile, write_model_file
from napari_inpaintaff.widgets.foreground_engine import (
    CoreForegroundEngine,
    LivePlane,
    TrainedForeground,
)
from napari_inpaintaff.widgets.foreground_labels import FoundPaint, find_paint
from napari_inpaintaff.widgets.foreground_settings import ForegroundRequest
from napari_inpaintaff.widgets.model_cards import ModelCard
from napari_inpaintaff.widgets.planes import Plane

TIMEOUT = 180


def write_fgnet(path: Path) -> Path:
    metadata = FGNetMetadata(path.stem, FGNET_ARCHITECTURES["small"])
    return write_model_file(path, ModelFile("fgnet", metadata.to_json(), {}))


class FakeForegroundEngine(CoreForegroundEngine):
    """Takes some steps, each of which can be held by `hold()` and let go by `release()`.

    The map of step n is n percent everywhere, and 10 n percent in the painted cells. The final
    one is 0.4 where the image is bright and 0.8 where it is brightest. Model files are real.
    """

    def __init__(self, *, steps: int = 6) -> None:
        self.steps = steps
        self.steps_done = 0
        self.requests: list[ForegroundRequest] = []
        self.found: list[FoundPaint] = []
        self.applied: list[tuple[Any, tuple[int, ...]]] = []
        self.closed = 0
        self.warm = False
        self.hold_planes = False
        self.error: BaseException | None = None
        self.keep_error: BaseException | None = None
        self._gate = threading.Semaphore(10_000)

    def hold(self) -> None:
        self._gate = threading.Semaphore(0)

    def release(self, count: int = 10_000) -> None:
        self._gate.release(count)

    def starts(self) -> Sequence[ModelCard]:
        return [
            ModelCard("nuclei-small", 25.0, "Small."),
            ModelCard("phase", 30.0, "Phase contrast.", normalisation="linear"),
        ]

    def warm_up(self) -> None:
        self.warm = True

    def train(
        self, request: ForegroundRequest, stop: threading.Event
    ) -> Generator[Any, None, TrainedForeground]:
        self.requests.append(request)
        stopped = False
        try:
            yield Progress(0, 0, "Reading the labels…")
            found = find_paint(request.labels, request.plane, request.settings.diameter)
            self.found.append(found)
            first = found.planes[0]
            for step in range(1, self.steps + 1):
                assert self._gate.acquire(timeout=TIMEOUT)
                if self.error is not None and step == 2:
                    raise self.error
                if stopped := stop.is_set():
                    break
                self.steps_done += 1
                cells = first.targets == 1
                probability = np.where(cells, 0.1 * step, 0.01 * step).astype(np.float32)
                yield LivePlane(
                    first.index,
                    FGNetUpdate(
                        step,
                        1 / step,
                        step / self.steps,
                        6.0 * step,
                        6.0 * (self.steps - step),
                        probability,
                    ),
                )
            network = f"network {len(self.requests)}"
            probability = yield from self.apply(network, request.plane, 25.0)
        finally:
            self.closed += 1
        return TrainedForeground(
            request.settings.name,
            network,
            write_fgnet,
            probability,
            request.plane.index,
            found.description,
            found.only_cells,
            stopped,
        )

    def apply(
        self, network: Any, plane: Plane, diameter: float
    ) -> Generator[Progress, None, np.ndarray]:
        yield Progress(0, 0, "Finding the foreground of the plane…")
        if self.hold_planes:
            assert self._gate.acquire(timeout=TIMEOUT)
            yield Progress(1, 2, "Finding the foreground…")
        self.applied.append((network, plane.index))
        image = plane.read()
        probability = np.where(image > 0, 0.4, 0).astype(np.float32)
        probability[image == image.max()] = 0.8
        return probability

    def keep(self, trained: TrainedForeground, path: Path) -> Path:
        if self.keep_error is not None:
            raise self.keep_error
        return super().keep(trained, path)

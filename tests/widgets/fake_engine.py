"""A stand-in for the core: fast, countable, and held or broken on demand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS, Affinities
from napari_inpaintaff.errors import ImageError, ModelFileError
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.widgets.engine import Labelling, Separation, SeparationDraft
from napari_inpaintaff.widgets.model_cards import ModelCard
from napari_inpaintaff.widgets.planes import Plane
from napari_inpaintaff.widgets.settings import Foreground, LabelSettings, SeparationRequest

PATCH = 16
SPLIT = 3
TIMEOUT = 180
DRAFT = "draft"
STUDENT, STUDENT_ALPHA = "nuclei-student", 1.13
AFFNET, AFFNET_ALPHA = "my-affnet", 0.95


@dataclass(frozen=True)
class FakeSplit:
    origin: tuple[int, int]
    zoom: float
    state: NDArray[np.int8]
    band: NDArray[np.bool_]
    gain: float
    iteration: int
    depth: int
    done: int
    total: int
    iterations: int = SPLIT
    patch: int = 1
    split: int = 1
    ended: bool = False


class FakeEngine:
    """Cuts the foreground into columns of `width` pixels.

    With alpha below 0.9 the columns stay together. Batches can be held by
    `hold()` and let go one by one by `release(count)`. After the batches in `drafts` there
    is a draft, whose columns are twice as wide. The student yields neither splits nor drafts.
    A split takes three batches, and each patch is split once.
    """

    def __init__(self, *, batches: int = 6, width: int = 8) -> None:
        self.batches = batches
        self.list_more: Callable[[], Sequence[ModelCard]] = list
        self.drafts: tuple[int, ...] = ()
        self.width = width
        self.separations = 0
        self.batches_done = 0
        self.labellings: list[tuple[Foreground, LabelSettings]] = []
        self.previous: list[Separation | None] = []
        self.requests: list[SeparationRequest] = []
        self.closed = 0
        self.warm = False
        self.error: BaseException | None = None
        self.label_error: BaseException | None = None
        self.in_batch = threading.Event()
        self._gate = threading.Semaphore(10_000)

    def hold(self) -> None:
        self._gate = threading.Semaphore(0)

    def release(self, count: int = 10_000) -> None:
        self._gate.release(count)

    def models(self) -> Sequence[ModelCard]:
        return [
            ModelCard("nuclei-small", 25.0, "Small and fast."),
            ModelCard("nuclei-pconv", 30.0, "Partial convolutions."),
            ModelCard(STUDENT, 25.0, "One pass.", alpha=STUDENT_ALPHA),
            ModelCard(AFFNET, 25.0, "From labels.", alpha=AFFNET_ALPHA, labelled=True),
            *self.list_more(),
        ]

    def warm_up(self) -> None:
        self.warm = True

    def read_card(self, path: Path) -> ModelCard:
        if not path.exists():
            raise ModelFileError(f"{path} does not exist.")
        return ModelCard(str(path), 40.0, "From a file.")

    def separate(
        self, request: SeparationRequest, previous: Separation | None
    ) -> Generator[Any, None, Separation]:
        self.separations += 1
        self.requests.append(request)
        self.previous.append(previous)
        try:
            yield Progress(0, 0, "Loading the network…")
            image = request.plane.read()
            for batch in range(self.batches):
                self.in_batch.set()
                assert self._gate.acquire(timeout=TIMEOUT)
                if self.error is not None and batch == 2:
                    raise self.error
                self.batches_done += 1
                if request.network.model == STUDENT:
                    yield Progress(batch + 1, self.batches, "Predicting affinities…")
                    continue
                yield self._split(request, batch)
                if batch + 1 in self.drafts:
                    yield self._draft(request, image, batch + 1)
            known = np.zeros(image.shape, dtype=bool)
            wanted = ndimage.binary_dilation(foreground_mask(image, request.foreground), None, 2)
            known[request.region] = wanted[request.region]
            if previous is not None:
                known |= previous.known
            return Separation(
                image, request.network, request.region, self._affinities(image.shape), known
            )
        finally:
            self.closed += 1

    def label(
        self, separation: Separation, foreground: Foreground, settings: LabelSettings
    ) -> Labelling:
        self.labellings.append((foreground, settings))
        if self.label_error is not None:
            raise self.label_error
        mask = foreground_mask(separation.image, foreground)
        if mask.shape != separation.image.shape:
            raise ImageError("choose a mask of the same size")
        width = 2 * self.width if separation.model == DRAFT else self.width
        inside = np.zeros(mask.shape, dtype=bool)
        inside[separation.region] = True
        missing = int((mask & inside & ~separation.known).sum())
        columns = np.arange(mask.shape[1]) // width + 1
        if settings.alpha < 0.9:
            columns[:] = 1
        labels = np.where(mask & inside & separation.known, columns, 0)
        return Labelling(labels.astype(np.uint32), missing)

    def _split(self, request: SeparationRequest, batch: int) -> FakeSplit:
        rows, columns = request.region
        state = np.ones((PATCH, PATCH), dtype=np.int8)
        state[:, 4 + batch % 8 :] = 2
        band = np.zeros(state.shape, dtype=bool)
        band[:, 2 + batch % 8 : 7 + batch % 8] = True
        return FakeSplit(
            origin=(rows.start, columns.start + (batch // SPLIT) * 4),
            zoom=1.0,
            state=state,
            band=band,
            gain=batch - 1.0,
            iteration=batch % SPLIT + 1,
            depth=0,
            done=batch + 1,
            total=self.batches,
            iterations=SPLIT,
            patch=batch // SPLIT + 1,
            split=batch // SPLIT + 1,
            ended=batch % SPLIT == SPLIT - 1,
        )

    def _draft(self, request: SeparationRequest, image: NDArray[Any], done: int) -> SeparationDraft:
        affinities = self._affinities(image.shape)
        known = np.ones(image.shape, dtype=bool)
        separation = Separation(
            image, request.network, request.region, affinities, known, model=DRAFT
        )
        return SeparationDraft(lambda: separation, done, self.batches)

    def _affinities(self, shape: tuple[int, int]) -> Affinities:
        values = np.ones((len(PUBLISHED_OFFSETS), *shape), dtype=np.float32)
        values[1, :, :: self.width] = 0.0
        return Affinities(values, PUBLISHED_OFFSETS, np.ones_like(values))


def foreground_mask(image: NDArray[Any], foreground: Foreground) -> NDArray[np.bool_]:
    if isinstance(foreground, Plane):
        return foreground.read() != 0
    if foreground == "none":
        return np.ones(image.shape, dtype=bool)
    return image > image.mean()

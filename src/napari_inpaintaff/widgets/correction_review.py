"""Which segment to look at next, computed beside the interface."""

from __future__ import annotations

from collections.abc import Collection, Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.partition.corrections import (
    review_order,
    segment_uncertainty,
    size_outliers,
)
from napari_inpaintaff.widgets.evidence import Evidence
from napari_inpaintaff.widgets.notices import notify_failure
from napari_inpaintaff.widgets.runner import JobRunner


def review_steps(
    labels: NDArray[np.integer[Any]], evidence: Evidence | None
) -> Generator[Progress, None, list[int]]:
    """List the segments, the least certain first, as a job of one step."""
    yield Progress(0, 0, "Looking for doubtful segments…")
    if evidence is not None and evidence.affinities.shape == labels.shape:
        return review_order(segment_uncertainty(labels, evidence.affinities))
    return review_order(size_outliers(labels))


class ReviewList(QObject):
    """The segments of a plane in the order of review, and the place in it."""

    #: The order is known now.
    ready = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._order: list[int] | None = None
        self._place = -1
        self._runner = JobRunner()
        self._runner.succeeded.connect(self._on_succeeded)
        self._runner.failed.connect(notify_failure)

    @property
    def is_known(self) -> bool:
        """Whether there is an order."""
        return self._order is not None

    def forget(self) -> None:
        """Find the order anew when it is needed next."""
        self._runner.cancel()
        self._order, self._place = None, -1

    def find(self, labels: NDArray[np.integer[Any]], evidence: Evidence | None) -> None:
        """Begin to find the order; nothing happens while that is going on."""
        if not self._runner.is_running:
            steps = review_steps(labels.copy(), evidence)
            self._runner.start(steps, name="Ordering segments for review")

    def step(self, by: int, present: Collection[int], done: Collection[int]) -> int:
        """Go to the next segment that is there and not done, round the end; 0 without any."""
        order = self._order or []
        for _ in order:
            first = 0 if by > 0 else len(order) - 1
            self._place = (self._place + by) % len(order) if self._place >= 0 else first
            segment = order[self._place]
            if segment in present and segment not in done:
                return segment
        return 0

    def describe(self) -> str:
        """Say where in the list we are."""
        return f"{self._place + 1} of {len(self._order or [])}"

    def dispose(self) -> None:
        """Report nothing any more."""
        self._runner.dispose()

    def _on_succeeded(self, order: list[int]) -> None:
        self._order, self._place = order, -1
        self.ready.emit()

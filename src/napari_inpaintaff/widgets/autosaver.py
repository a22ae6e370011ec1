"""Strokes and corrections are saved a little after they were made, in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Labels, Layer
from qtpy.QtCore import QObject

from napari_inpaintaff.errors import InpaintAffError
from napari_inpaintaff.images import pixel_fingerprint
from napari_inpaintaff.images.pixels import Pixels
from napari_inpaintaff.jobs import Job, Progress
from napari_inpaintaff.session import (
    AutosaveRun,
    LabelsRecord,
    Session,
    autosave,
    autosave_run,
)
from napari_inpaintaff.widgets.notices import notify_failure
from napari_inpaintaff.widgets.proxies import itself
from napari_inpaintaff.widgets.runner import JobRunner
from napari_inpaintaff.widgets.timers import single_shot

#: So much may be lost.
SAVE_DELAY_MS = 1500
#: Saving takes at most this part of the time.
_SHARE = 0.1
#: A window is not closed before what is being saved is on disk, but for so long.
_PATIENCE_SECONDS = 10.0

#: Where the layers that changed are saved, and how often they changed.
_paths: WeakKeyDictionary[Layer, Path] = WeakKeyDictionary()
_changes: WeakKeyDictionary[Layer, int] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Captured:
    """A session whose fingerprints are computed when it is written, in a worker thread.

    Attributes
    ----------
    session : Session
        Without fingerprints.
    images : tuple of Pixels
        Pixels of its images.
    origin : callable, optional
        Computes what the labels were before they were corrected.
    """

    session: Session
    images: tuple[Pixels, ...]
    origin: Callable[[], Pixels] | None = None

    def complete(self) -> Session:
        """Compute the fingerprints."""
        images = tuple(
            replace(image, fingerprint=pixel_fingerprint(pixels, image.name))
            for image, pixels in zip(self.session.images, self.images, strict=True)
        )
        labels = self.session.labels
        if self.origin is not None:
            labels = tuple(replace(one, origin=pixel_fingerprint(self.origin())) for one in labels)
        return replace(self.session, images=images, labels=labels)


class Autosaver(QObject):
    """Saves the layers that it is told of, one after the other.

    Parameters
    ----------
    capture : callable
        Records a layer; None when there is nothing in it that could be lost.
    """

    def __init__(self, capture: Callable[[Labels], Captured | None]) -> None:
        super().__init__()
        self._capture = capture
        self._changed: list[Labels] = []
        self._told = False
        self._timer = single_shot(self, SAVE_DELAY_MS, self.save)
        self._disposed = False
        self._done = threading.Event()
        self._runner = JobRunner()
        self._runner.succeeded.connect(self._on_saved)
        self._runner.failed.connect(self._on_failed)
        self._runner.finished.connect(self._go_on)

    @property
    def is_waiting(self) -> bool:
        """Whether something is not on disk yet."""
        return bool(self._changed) or self._runner.is_running

    def touch(self, layer: Labels) -> None:
        """Note that a layer was changed."""
        layer = itself(layer)
        _changes[layer] = _changes.get(layer, 0) + 1
        if not any(layer is other for other in self._changed):
            self._changed.append(layer)
        self._go_on()

    def save(self) -> None:
        """Save the next layer now."""
        if self._runner.is_running or not self._changed:
            return
        layer = self._changed.pop(0)
        captured = self._capture(layer)
        run = this_run()
        if captured is None:
            forget_autosave(layer)
            self._go_on()
            return
        path = _paths.setdefault(layer, run.new_path())
        self._done = threading.Event()
        steps = _saving(run, path, captured, self._done)
        self._runner.start(steps, name=f"Saving {layer.name}")

    def dispose(self) -> None:
        """Save what is left; nothing is reported any more."""
        self._timer.stop()
        self._disposed = True
        # The process may end with the last window: what is not on disk then is lost.
        if self._runner.is_running:
            self._done.wait(_PATIENCE_SECONDS)
        for layer in self._changed:
            self._save_now(layer)
        self._changed.clear()

    def _save_now(self, layer: Labels) -> None:
        captured, run = self._capture(layer), this_run()
        if captured is None:
            return
        try:
            path = _paths.setdefault(layer, run.new_path())
            Job(_saving(run, path, captured, threading.Event())).run()
        except InpaintAffError as error:
            notify_failure(error)

    def _go_on(self) -> None:
        busy = self._runner.is_running or self._timer.isActive()
        if self._changed and not busy and not self._disposed:
            self._timer.start()

    def _on_saved(self, seconds: float) -> None:
        self._told = False
        self._timer.setInterval(max(SAVE_DELAY_MS, round(1000 * seconds / _SHARE)))

    def _on_failed(self, error: Exception) -> None:
        # Every second would be too often.
        if not self._told:
            self._told = True
            notify_failure(error)


def _saving(
    run: AutosaveRun, path: Path, captured: Captured, done: threading.Event
) -> Generator[Progress, None, float]:
    start = time.perf_counter()
    try:
        yield Progress(0, 0, "Saving…")
        if all(_is_empty(labels) for labels in captured.session.labels):
            run.forget(path)
        else:
            run.write(path, captured.complete())
    finally:
        done.set()
    return time.perf_counter() - start


def _is_empty(labels: LabelsRecord) -> bool:
    """Whether strokes were all erased."""
    if labels.role != "paint":
        return False
    return not any(np.any(labels.data[index]) for index in np.ndindex(labels.data.shape[:-2]))


def this_run() -> AutosaveRun:
    """Return where this process saves."""
    return autosave_run(autosave.autosave_folder())


def saved_paths() -> list[Path]:
    """Return the files of layers that are still there."""
    return list(_paths.values())


def adopt_autosave(layer: Layer, path: Path) -> None:
    """Save a layer where it was restored from, from now on.

    Raises
    ------
    OutputError
        If the file cannot be moved.
    """
    _paths[layer] = this_run().adopt(path)


def forget_autosave(layer: Layer) -> None:
    """Remove what was saved of a layer: it is safe elsewhere, or as it was at first."""
    path = _paths.pop(layer, None)
    if path is not None:
        this_run().forget(path)


def change_counts(layers: list[Layer]) -> dict[Layer, int]:
    """Count how often layers were changed."""
    return {itself(layer): _changes.get(layer, 0) for layer in layers}


def forget_unchanged(counts: dict[Layer, int]) -> None:
    """Remove what was saved of layers that did not change since `change_counts`."""
    for layer, count in counts.items():
        if _changes.get(layer, 0) == count:
            forget_autosave(layer)

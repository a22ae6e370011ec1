"""Corrections of the plane of a Labels layer that the viewer shows, with marks above it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.layers import Labels
from qtpy.QtCore import QObject, Signal

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.partition.corrections import Corrections, Edit, LabelState, Window
from napari_inpaintaff.widgets.corrected_layer import (
    CorrectedLayer,
    PlaneIndex,
    correction_refusal,
)
from napari_inpaintaff.widgets.correction_marks import CorrectionMarks
from napari_inpaintaff.widgets.evidence import Evidence, evidence_of
from napari_inpaintaff.widgets.notices import notify_failure
from napari_inpaintaff.widgets.planes import current_plane
from napari_inpaintaff.widgets.timers import single_shot

#: What a Labels layer says when its pixels may have changed.
_PIXEL_EVENTS = ("paint", "set_data", "data", "editable")


class CorrectionSession(QObject):
    """Makes edits of one layer, undoes them, and keeps layer and marks up to date.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layer is.
    layer : Labels
        The layer under correction.
    """

    #: Labels, locks or the picked segment may be different now.
    changed = Signal()
    #: The layer has got another array, or the viewer shows another plane.
    begun_anew = Signal()
    #: Something is to be said to the user.
    said = Signal(str)

    def __init__(self, viewer: Any, layer: Labels) -> None:
        super().__init__()
        self._viewer = viewer
        self.layer = layer
        self.index: PlaneIndex = ()
        self._corrected = CorrectedLayer(layer)
        self._marks: CorrectionMarks | None = None
        self._picked = 0
        self._sync_timer = single_shot(self, 0, self.sync)
        for name in _PIXEL_EVENTS:
            getattr(layer.events, name).connect(self._on_pixels)
        viewer.dims.events.point.connect(self._on_point_changed)
        self._choose_plane()

    @property
    def problem(self) -> str:
        """Why nothing can be corrected; empty when something can."""
        return correction_refusal(self.layer)

    @property
    def corrections(self) -> Corrections | None:
        """What was done to the plane that is shown; None when there is a problem."""
        return None if self.problem else self._corrected.plane(self.index)

    @property
    def evidence(self) -> Evidence | None:
        """Affinities of the layer; None when there are none that fit."""
        found = evidence_of(self.layer)
        fits = found is not None and found.affinities.shape == self.layer.data.shape[-2:]
        return found if fits else None

    @property
    def picked(self) -> int:
        """The segment that everything is done to; 0 for none."""
        return self._picked

    def pick(self, segment: int) -> None:
        """Pick a segment, or with 0 none."""
        corrections = self.corrections
        if corrections is None:
            return
        before = self._picked
        self._picked = segment if segment in corrections.state.segments else 0
        if self._picked:
            # What the user paints next belongs to it.
            self.layer.selected_label = self._picked
        self._mark_segments(before, self._picked)
        self.changed.emit()

    def check(self) -> None:
        """Raise ParameterError when nothing can be corrected."""
        if self.problem:
            raise ParameterError(self.problem)

    def do(self, make: Callable[[LabelState], Edit], *, index: PlaneIndex | None = None) -> bool:
        """Make an edit of a plane, by default the shown one, and say whether it was possible."""
        index = self.index if index is None else index

        def step(corrections: Corrections) -> Edit:
            return corrections.do(make(corrections.state))

        return self._step(step, index, "")

    def undo(self) -> None:
        """Take back the last correction or stroke of the brush."""
        self._step(Corrections.undo, self.index, "Undone: ")

    def redo(self) -> None:
        """Do again what was undone last."""
        self._step(Corrections.redo, self.index, "Done again: ")

    def replace(self, corrections: Corrections) -> None:
        """Show other corrections in the plane that is shown."""
        self.check()
        self.pick(0)
        self._corrected.replace(self.index, corrections)
        self._mark_all()
        self.begun_anew.emit()
        self.changed.emit()

    def sync(self, index: PlaneIndex | None = None) -> None:
        """Record what the user painted."""
        if not self.problem:
            index = self.index if index is None else index
            try:
                window, refused = self._corrected.sync(index)
            except Exception as error:
                self.said.emit(notify_failure(error))
                return
            if refused:
                self.said.emit("Locked segments cannot be painted over: they stay as they were.")
            if window is not None and index == self.index:
                self._mark(window)
            elif self._picked not in self._corrected.plane(self.index).state.segments:
                # The plane was read anew.
                self._picked = 0
        self.changed.emit()

    def dispose(self) -> None:
        """Let go of layer and viewer, and take the marks away."""
        for name in _PIXEL_EVENTS:
            getattr(self.layer.events, name).disconnect(self._on_pixels)
        self._viewer.dims.events.point.disconnect(self._on_point_changed)
        if self._marks is not None:
            self._marks.remove()

    def _step(
        self, step: Callable[[Corrections], Edit | None], index: PlaneIndex, said: str
    ) -> bool:
        try:
            self.check()
            self.sync(index)
            edit = step(self._corrected.plane(index))
        except Exception as error:
            self.said.emit(notify_failure(error))
            self.changed.emit()
            return False
        if edit is not None:
            self._corrected.write(index, edit.window)
            if index == self.index:
                self._mark(edit.window)
                self._mark_segments(*edit.locked, *edit.unlocked)
            self.said.emit(f"{said}{edit.name}.")
        self.changed.emit()
        return True

    def _choose_plane(self) -> None:
        if self.layer.data.ndim < 2:
            return
        # Before anybody hears of the other plane: there may be no such segment.
        self._picked = 0
        self.index = current_plane(self.layer, self._viewer.dims.point).index
        if self._marks is not None:
            self._marks.remove()
        self._marks = CorrectionMarks(self._viewer, self.layer, self.index)
        self.begun_anew.emit()
        self.sync()
        self._mark_all()

    def _mark_all(self) -> None:
        height, width = self.layer.data.shape[-2:]
        self._mark((slice(0, height), slice(0, width)))

    def _mark_segments(self, *segments: int) -> None:
        corrections = self.corrections
        if corrections is not None:
            present = corrections.state.segments
            self._mark(*(corrections.state.box(n) for n in segments if n in present))

    def _mark(self, *windows: Window) -> None:
        corrections = self.corrections
        if self._marks is None or corrections is None:
            return
        if self._picked not in corrections.state.segments:
            self._picked = 0
        self._marks.show(corrections.state, self._picked, windows)

    def _on_pixels(self, event: Any) -> None:
        if self._corrected.is_writing:
            return
        if event.type == "data":
            self._corrected.forget_untouched()
            self.begun_anew.emit()
        # Some events come before the pixels are there.
        self._sync_timer.start()

    def _on_point_changed(self, event: object = None) -> None:
        if self.layer.data.ndim < 3:
            return
        if current_plane(self.layer, self._viewer.dims.point).index != self.index:
            self._choose_plane()
            self.changed.emit()

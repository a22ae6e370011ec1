"""What happens between a key or a button of "Correct labels" and the labels of the layer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from napari.layers import Labels
from qtpy.QtCore import QObject, Signal

from napari_inpaintaff.errors import InpaintAffError, ParameterError
from napari_inpaintaff.partition.corrections import (
    CorrectionError,
    Corrections,
    Edit,
    LabelState,
    Window,
    delete,
    lock,
    merge,
    relink,
    split,
    unlock,
)
from napari_inpaintaff.widgets.corrected_layer import (
    CorrectedLayer,
    PlaneIndex,
    correction_refusal,
)
from napari_inpaintaff.widgets.correction_keys import LayerBindings
from napari_inpaintaff.widgets.correction_marks import CorrectionMarks
from napari_inpaintaff.widgets.correction_review import ReviewList
from napari_inpaintaff.widgets.correction_view import show_segment
from napari_inpaintaff.widgets.evidence import Evidence, evidence_of
from napari_inpaintaff.widgets.notices import notify_failure
from napari_inpaintaff.widgets.planes import current_plane
from napari_inpaintaff.widgets.stroke_desk import StrokeDesk
from napari_inpaintaff.widgets.stroke_layer import StrokeLayer, StrokePurpose
from napari_inpaintaff.widgets.timers import single_shot

#: What a Labels layer says when its pixels may have changed.
_PIXEL_EVENTS = ("paint", "set_data", "data", "editable")
NO_LAYER = "Choose a Labels layer first."


class CorrectionController(QObject):
    """Corrects the plane of a Labels layer that the viewer shows; knows no button.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layer is.
    """

    #: Anything that fields show may be different now.
    changed = Signal()
    #: Something is to be said to the user.
    said = Signal(str)

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._layer: CorrectedLayer | None = None
        self._index: PlaneIndex = ()
        self._marks: CorrectionMarks | None = None
        self._bindings: LayerBindings | None = None
        self._desk = StrokeDesk(viewer, self.apply_strokes)
        self._picked = 0
        self._merging = False
        self._review_step = 1
        self.review_list = ReviewList()
        self.review_list.ready.connect(self._go_on_with_review)
        self._sync_timer = single_shot(self, 0, self._sync)
        viewer.layers.events.removed.connect(self._on_layer_removed)
        viewer.dims.events.point.connect(self._on_point_changed)

    @property
    def layer(self) -> Labels | None:
        """The layer under correction."""
        return self._layer.layer if self._layer is not None else None

    @property
    def problem(self) -> str:
        """Why nothing can be corrected; empty when something can."""
        return NO_LAYER if self._layer is None else correction_refusal(self._layer.layer)

    @property
    def corrections(self) -> Corrections | None:
        """What was done to the plane that is shown; None when there is a problem."""
        if self._layer is None or self.problem:
            return None
        return self._layer.plane(self._index)

    @property
    def evidence(self) -> Evidence | None:
        """Affinities of the layer; None when there are none that fit."""
        layer = self.layer
        found = evidence_of(layer) if layer is not None else None
        if layer is None or found is None or found.affinities.shape != layer.data.shape[-2:]:
            return None
        return found

    @property
    def picked(self) -> int:
        """The segment that was clicked or reviewed last; 0 for none."""
        return self._picked

    @property
    def merging(self) -> bool:
        """Whether the next segment that is clicked is merged with the picked one."""
        return self._merging

    @property
    def strokes(self) -> StrokeLayer | None:
        """Seeds or strokes that are being painted."""
        return self._desk.current

    def set_layer(self, layer: Labels | None) -> None:
        """Correct another layer, or none."""
        if layer is self.layer:
            return
        self._let_go()
        if layer is not None:
            self._take(layer)
        self._choose_plane()
        self.changed.emit()

    def pick(self, segment: int) -> None:
        """Pick a segment, or with 0 none."""
        corrections = self.corrections
        if corrections is None:
            return
        before, self._picked = self._picked, segment if segment in corrections.state.segments else 0
        self._merging = self._merging and bool(self._picked)
        if self._picked and self.layer is not None:
            self.layer.selected_label = self._picked
        self._mark(*self._boxes(corrections.state, (before, self._picked)))
        self.changed.emit()

    def start_merging(self) -> None:
        """Merge the next segment that is clicked with the picked one; again to stop that."""
        if not self._picked and not self.problem:
            self.said.emit("Click a segment first, then press Merge, then click another.")
        self._merging = bool(self._picked) and not self._merging
        if self._merging:
            self.said.emit(f"Click the segment that belongs to segment {self._picked}.")
        self.changed.emit()

    def merge_with(self, segment: int) -> None:
        """Merge a segment with the picked one, which stays picked."""
        self._merging = False
        self._do(lambda state: merge(state, [self._wanted(), segment]))

    def delete_picked(self) -> None:
        """Make the picked segment background."""
        self._do(lambda state: delete(state, self._wanted()))

    def toggle_lock(self) -> None:
        """Lock the picked segment, or unlock it."""

        def make(state: LabelState) -> Edit:
            segment = self._wanted()
            return (unlock if segment in state.locked else lock)(state, [segment])

        self._do(make)

    def undo(self) -> None:
        """Take back the last correction or stroke of the brush."""
        self._time_travel(Corrections.undo, "Undone")

    def redo(self) -> None:
        """Do again what was undone last."""
        self._time_travel(Corrections.redo, "Done again")

    def start_strokes(self, purpose: StrokePurpose) -> None:
        """Let the user paint seeds or strokes."""
        try:
            layer = self._checked()
            if purpose is StrokePurpose.RELINK:
                self._affinities()
        except InpaintAffError as error:
            self.said.emit(notify_failure(error))
            return
        self._desk.begin(layer, self._index, purpose)
        what = {
            StrokePurpose.SPLIT: "Paint one seed into each part of a segment",
            StrokePurpose.RELINK: "Draw over what belongs together, one stroke for each cell",
        }
        self.said.emit(f"{what[purpose]}, then press Enter.")
        self.changed.emit()

    def apply_strokes(self) -> None:
        """Split or relink as the strokes say; they stay if that is not possible."""
        strokes = self.strokes
        if strokes is None:
            return
        making = self._splitting if strokes.purpose is StrokePurpose.SPLIT else self._relinking
        if self._do(making(strokes), index=strokes.index):
            self.discard_strokes()

    def discard_strokes(self) -> None:
        """Forget seeds or strokes."""
        self._desk.discard(self.layer)
        self.changed.emit()

    def review(self, by: int) -> None:
        """Go to the next (1) or previous (-1) segment of the review."""
        corrections = self.corrections
        if corrections is None:
            self.said.emit(self.problem)
            return
        self._review_step = by
        if self.review_list.is_known:
            self._go_on_with_review()
        else:
            self._sync()
            self.said.emit("Looking for doubtful segments…")
            self.review_list.find(corrections.state.labels, self.evidence)

    def checked_corrections(self) -> tuple[Corrections, PlaneIndex]:
        """Return what was done to the plane that is shown, for a file.

        Raises
        ------
        ParameterError
            When nothing can be corrected.
        """
        self._checked()
        self._sync()
        assert self._layer is not None
        return self._layer.plane(self._index), self._index

    def take_over(self, corrections: Corrections) -> None:
        """Show other corrections in the plane that is shown."""
        self._checked()
        assert self._layer is not None
        self.pick(0)
        self._layer.replace(self._index, corrections)
        self.review_list.forget()
        self._mark_all()
        self.changed.emit()

    def restore_strokes(self, purpose: StrokePurpose, strokes: Any) -> None:
        """Show seeds or strokes that were painted before."""
        self._desk.begin(self._checked(), self._index, purpose, strokes=strokes)
        self.changed.emit()

    def dispose(self) -> None:
        """Let go of viewer and layer; strokes that are not applied are left to the user."""
        self._let_go()
        self.review_list.dispose()
        self._desk.dispose()
        self._viewer.layers.events.removed.disconnect(self._on_layer_removed)
        self._viewer.dims.events.point.disconnect(self._on_point_changed)

    def _do(self, make: Callable[[LabelState], Edit], *, index: PlaneIndex | None = None) -> bool:
        """Make an edit and show it; say whether that was possible."""
        try:
            self._checked()
            index = self._index if index is None else index
            self._sync(index)
            assert self._layer is not None
            corrections = self._layer.plane(index)
            edit = corrections.do(make(corrections.state))
        except Exception as error:
            self.said.emit(notify_failure(error))
            self.changed.emit()
            return False
        self._show(edit, index)
        self.said.emit(f"{edit.name}.")
        return True

    def _time_travel(self, step: Callable[[Corrections], Edit | None], said: str) -> None:
        try:
            self._checked()
            self._sync()
            assert self._layer is not None
            edit = step(self._layer.plane(self._index))
        except Exception as error:
            self.said.emit(notify_failure(error))
            return
        if edit is not None:
            self._show(edit, self._index)
            self.said.emit(f"{said}: {edit.name}.")

    def _show(self, edit: Edit, index: PlaneIndex) -> None:
        assert self._layer is not None
        self._layer.write(index, edit.window)
        if index == self._index:
            state = self._layer.plane(index).state
            if self._picked not in state.segments:
                self._picked = 0
            self._mark(edit.window, *self._boxes(state, (*edit.locked, *edit.unlocked)))
        self.changed.emit()

    def _sync(self, index: PlaneIndex | None = None) -> None:
        """Record what the user painted."""
        if self._layer is None or self.problem:
            self.changed.emit()
            return
        index = self._index if index is None else index
        try:
            window, refused = self._layer.sync(index)
        except InpaintAffError as error:
            self.said.emit(notify_failure(error))
            return
        if refused:
            self.said.emit("Locked segments cannot be painted over: they stay as they were.")
        if window is not None and index == self._index:
            if self._picked not in self._layer.plane(index).state.segments:
                self._picked = 0
            self._mark(window)
        self.changed.emit()

    def _checked(self) -> Labels:
        if self._layer is None or self.problem:
            raise ParameterError(self.problem)
        return self._layer.layer

    def _wanted(self) -> int:
        if not self._picked:
            raise CorrectionError("Click a segment first.")
        return self._picked

    def _affinities(self) -> Evidence:
        if self.evidence is None:
            raise ParameterError(
                'Relinking needs affinities: only labels that "Separate cells" made have them.'
            )
        return self.evidence

    def _splitting(self, strokes: StrokeLayer) -> Callable[[LabelState], Edit]:
        found = self.evidence.affinities if self.evidence is not None else None
        return partial(split, seeds=strokes.strokes, affinities=found)

    def _relinking(self, strokes: StrokeLayer) -> Callable[[LabelState], Edit]:
        def make(state: LabelState) -> Edit:
            found = self._affinities()
            return relink(
                state,
                strokes.strokes,
                found.affinities,
                alpha=found.alpha,
                minimum_size=found.minimum_size,
            )

        return make

    def _go_on_with_review(self) -> None:
        corrections = self.corrections
        if corrections is None or self.layer is None:
            return
        state = corrections.state
        segment = self.review_list.step(self._review_step, state.segments, state.locked)
        if not segment:
            self.said.emit("Nothing is left to review: every segment is locked or gone.")
            return
        self.pick(segment)
        show_segment(self._viewer, self.layer, self._index, state.box(segment))
        self.said.emit(f"Segment {segment}, number {self.review_list.describe()} in review.")

    def _take(self, layer: Labels) -> None:
        self._layer = CorrectedLayer(layer)
        self._bindings = LayerBindings(
            layer,
            {
                "merge": self.start_merging,
                "lock": self.toggle_lock,
                "delete": self.delete_picked,
                "split": partial(self.start_strokes, StrokePurpose.SPLIT),
                "relink": partial(self.start_strokes, StrokePurpose.RELINK),
                "next": partial(self.review, 1),
                "previous": partial(self.review, -1),
                "undo": self.undo,
                "redo": self.redo,
            },
            self._on_click,
        )
        for name in _PIXEL_EVENTS:
            getattr(layer.events, name).connect(self._on_pixels)

    def _let_go(self) -> None:
        if self._layer is None:
            return
        layer = self._layer.layer
        for name in _PIXEL_EVENTS:
            getattr(layer.events, name).disconnect(self._on_pixels)
        if self._bindings is not None:
            self._bindings.release()
        self._desk.let_go()
        if self._marks is not None:
            self._marks.remove()
        self._layer = self._marks = self._bindings = None
        self._picked, self._merging = 0, False
        self.review_list.forget()

    def _choose_plane(self) -> None:
        """Turn to the plane that the viewer shows."""
        layer = self.layer
        if layer is None or layer.data.ndim < 2:
            return
        self._index = current_plane(layer, self._viewer.dims.point).index
        if self._marks is not None:
            self._marks.remove()
        self._marks = CorrectionMarks(self._viewer, layer, self._index)
        self._picked, self._merging = 0, False
        self.review_list.forget()
        self._sync()
        self._mark_all()

    def _mark_all(self) -> None:
        layer = self.layer
        if layer is not None:
            height, width = layer.data.shape[-2:]
            self._mark((slice(0, height), slice(0, width)))

    def _mark(self, *windows: Window) -> None:
        corrections = self.corrections
        if self._marks is not None and corrections is not None:
            self._marks.show(corrections.state, self._picked, windows)

    @staticmethod
    def _boxes(state: LabelState, segments: tuple[int, ...]) -> list[Window]:
        return [state.box(segment) for segment in segments if segment in state.segments]

    def _on_click(self, segment: int, shift: bool) -> None:
        if segment and self._picked and (shift or self._merging):
            self.merge_with(segment)
        else:
            self.pick(segment)

    def _on_pixels(self, event: Any) -> None:
        if self._layer is None or self._layer.is_writing:
            return
        if event.type == "data":
            self._layer.forget_untouched()
            self.review_list.forget()
        # Some events come before the pixels are there.
        self._sync_timer.start()

    def _on_point_changed(self, event: object = None) -> None:
        layer = self.layer
        if layer is None or layer.data.ndim < 3:
            return
        if current_plane(layer, self._viewer.dims.point).index != self._index:
            self._choose_plane()
            self.changed.emit()

    def _on_layer_removed(self, event: Any) -> None:
        if self.layer is not None and event.value is self.layer:
            name = event.value.name
            self.set_layer(None)
            self.said.emit(f"{name} was removed. Choose another layer, or undo is lost with it.")
        else:
            # It may have been the strokes.
            self.changed.emit()

"""What happens between a key or a button of "Correct labels" and an edit of the labels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_inpaintaff.errors import InpaintAffError, ParameterError
from napari_inpaintaff.partition.corrections import (
    CorrectionError,
    Corrections,
    Edit,
    LabelState,
    delete,
    lock,
    merge,
    relink,
    split,
    unlock,
)
from napari_inpaintaff.widgets.correction_keys import LayerBindings
from napari_inpaintaff.widgets.correction_review import ReviewList
from napari_inpaintaff.widgets.correction_session import CorrectionSession
from napari_inpaintaff.widgets.correction_view import show_segment
from napari_inpaintaff.widgets.evidence import Evidence
from napari_inpaintaff.widgets.notices import notify_failure
from napari_inpaintaff.widgets.stroke_desk import StrokeDesk
from napari_inpaintaff.widgets.stroke_layer import StrokeLayer, StrokePurpose

NO_LAYER = "Choose a Labels layer first."
NOT_PICKED = "Click a segment first."
NO_AFFINITIES = 'Relinking needs affinities: only labels that "Separate cells" made have them.'
_WHAT_TO_PAINT = {
    StrokePurpose.SPLIT: "Paint one seed into each part of a segment, then press Enter.",
    StrokePurpose.RELINK: "Draw over what belongs together, one stroke for each cell, then press "
    "Enter.",
}


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
        self._session: CorrectionSession | None = None
        self._bindings: LayerBindings | None = None
        self._merging = False
        self._review_step = 1
        self._desk = StrokeDesk(viewer, self.apply_strokes)
        self._review = ReviewList()
        self._review.ready.connect(self._go_on_with_review)
        viewer.layers.events.removed.connect(self._on_layer_removed)

    @property
    def layer(self) -> Labels | None:
        """The layer under correction."""
        return self._session.layer if self._session is not None else None

    @property
    def problem(self) -> str:
        """Why nothing can be corrected; empty when something can."""
        return self._session.problem if self._session is not None else NO_LAYER

    @property
    def corrections(self) -> Corrections | None:
        """What was done to the plane that is shown; None when there is a problem."""
        return self._session.corrections if self._session is not None else None

    @property
    def evidence(self) -> Evidence | None:
        """Affinities of the layer; None when there are none that fit."""
        return self._session.evidence if self._session is not None else None

    @property
    def picked(self) -> int:
        """The segment that was clicked or reviewed last; 0 for none."""
        return self._session.picked if self._session is not None else 0

    @property
    def merging(self) -> bool:
        """Whether the next segment that is clicked is merged with the picked one."""
        return self._merging and bool(self.picked)

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
            self._session = CorrectionSession(self._viewer, layer)
            self._session.changed.connect(self.changed)
            self._session.said.connect(self.said)
            self._session.begun_anew.connect(self._review.forget)
            self._bindings = LayerBindings(layer, self._actions(), self._on_click)
        self.changed.emit()

    def session(self) -> CorrectionSession:
        """Return what corrects the layer.

        Raises
        ------
        ParameterError
            When nothing can be corrected.
        """
        if self._session is None:
            raise ParameterError(NO_LAYER)
        self._session.check()
        return self._session

    def pick(self, segment: int) -> None:
        """Pick a segment, or with 0 none."""
        self._merging = False
        if self._session is not None:
            self._session.pick(segment)

    def start_merging(self) -> None:
        """Merge the next segment that is clicked with the picked one; again to stop that."""
        self._merging = bool(self.picked) and not self._merging
        if self._merging:
            self.said.emit(f"Click the segment that belongs to segment {self.picked}.")
        elif not self.picked:
            self.said.emit(self.problem or NOT_PICKED)
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
        if self._session is not None:
            self._session.undo()

    def redo(self) -> None:
        """Do again what was undone last."""
        if self._session is not None:
            self._session.redo()

    def start_strokes(
        self, purpose: StrokePurpose, strokes: NDArray[np.integer[Any]] | None = None
    ) -> None:
        """Let the user paint seeds or strokes, or go on with those that are given."""
        try:
            session = self.session()
            if purpose is StrokePurpose.RELINK and session.evidence is None:
                raise ParameterError(NO_AFFINITIES)
        except InpaintAffError as error:
            self.said.emit(notify_failure(error))
            return
        self._desk.begin(session.layer, session.index, purpose, strokes=strokes)
        self.said.emit(_WHAT_TO_PAINT[purpose])
        self.changed.emit()

    def apply_strokes(self) -> None:
        """Split or relink as the strokes say; they stay if that is not possible."""
        strokes = self.strokes
        if strokes is None:
            return
        painted, evidence = strokes.strokes, self.evidence

        def make(state: LabelState) -> Edit:
            if strokes.purpose is StrokePurpose.SPLIT:
                known = None if evidence is None else evidence.affinities
                return split(state, painted, affinities=known)
            if evidence is None:
                raise ParameterError(NO_AFFINITIES)
            return relink(
                state,
                painted,
                evidence.affinities,
                alpha=evidence.alpha,
                minimum_size=evidence.minimum_size,
            )

        if self._session is not None and self._session.do(make, index=strokes.index):
            self.discard_strokes()

    def discard_strokes(self) -> None:
        """Forget seeds or strokes."""
        self._desk.discard(self.layer)
        self.changed.emit()

    def review(self, by: int) -> None:
        """Go to the next (1) or previous (-1) segment of the review."""
        session, corrections = self._session, self.corrections
        if session is None or corrections is None:
            self.said.emit(self.problem)
            return
        self._review_step = by
        if self._review.is_known:
            self._go_on_with_review()
        else:
            session.sync()
            self.said.emit("Looking for doubtful segments…")
            self._review.find(corrections.state.labels, session.evidence)

    def dispose(self) -> None:
        """Let go of viewer and layer; strokes that are not applied are left to the user."""
        self._let_go()
        self._review.dispose()
        self._desk.dispose()
        self._viewer.layers.events.removed.disconnect(self._on_layer_removed)

    def _do(self, make: Callable[[LabelState], Edit]) -> None:
        if self._session is None:
            self.said.emit(NO_LAYER)
        else:
            self._session.do(make)

    def _wanted(self) -> int:
        if not self.picked:
            raise CorrectionError(NOT_PICKED)
        return self.picked

    def _go_on_with_review(self) -> None:
        session, corrections = self._session, self.corrections
        if session is None or corrections is None:
            return
        state = corrections.state
        segment = self._review.step(self._review_step, state.segments, state.locked)
        if not segment:
            self.said.emit("Nothing is left to review: every segment is locked or gone.")
            return
        self.pick(segment)
        show_segment(self._viewer, session.layer, session.index, state.box(segment))
        self.said.emit(f"Segment {segment}, number {self._review.describe()} in review.")

    def _actions(self) -> dict[str, Callable[[], None]]:
        return {
            "merge": self.start_merging,
            "lock": self.toggle_lock,
            "delete": self.delete_picked,
            "split": partial(self.start_strokes, StrokePurpose.SPLIT),
            "relink": partial(self.start_strokes, StrokePurpose.RELINK),
            "next": partial(self.review, 1),
            "previous": partial(self.review, -1),
            "undo": self.undo,
            "redo": self.redo,
        }

    def _let_go(self) -> None:
        self._desk.let_go()
        if self._bindings is not None:
            self._bindings.release()
        if self._session is not None:
            self._session.dispose()
        self._session = self._bindings = None
        self._merging = False
        self._review.forget()

    def _on_click(self, segment: int, shift: bool) -> None:
        if segment and self.picked and (shift or self.merging):
            self.merge_with(segment)
        else:
            self.pick(segment)

    def _on_layer_removed(self, event: Any) -> None:
        layer = self.layer
        if layer is not None and event.value is layer:
            self.set_layer(None)
            self.said.emit(f"{layer.name} was removed. Choose another layer to correct.")
        else:
            # It may have been the strokes.
            self.changed.emit()

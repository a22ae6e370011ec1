"""The dock widget "Correct labels"."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_inpaintaff.errors import InpaintAffError
from napari_inpaintaff.widgets.correction_controller import (
    NO_AFFINITIES,
    NOT_PICKED,
    CorrectionController,
)
from napari_inpaintaff.widgets.correction_form import CorrectionForm, CorrectionView
from napari_inpaintaff.widgets.correction_state import restore_state, save_state
from napari_inpaintaff.widgets.kept_work import KeptCorrections
from napari_inpaintaff.widgets.next_steps import NextSteps
from napari_inpaintaff.widgets.notices import notify_failure
from napari_inpaintaff.widgets.restore_offer import RestoreOffer
from napari_inpaintaff.widgets.scrolling import scroll_all
from napari_inpaintaff.widgets.stroke_layer import StrokePurpose
from napari_inpaintaff.widgets.tabs import tab_with_others

STATE_FILTER = "Corrections (*.npz)"
NO_STROKES = "Paint seeds or strokes first."

#: What may come next, and what it is for.
_NEXT = {"Export": "Count and measure the cells, and save them for other programs."}


class CorrectLabels(QWidget):
    """Correct the labels of a layer: merge, split, relink, lock, delete, review.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Filled in by napari.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self.controller = CorrectionController(napari_viewer)
        self.form = CorrectionForm(napari_viewer)
        self.offer = RestoreOffer()
        self.kept = KeptCorrections(
            napari_viewer, self.controller, self.offer, self.form.labels.choose
        )
        self._lay_out()
        self._connect()
        self._choose_active()
        self._refresh()

    def save(self, path: Path) -> None:
        """Save the state of the plane that is shown; errors become notifications."""
        try:
            save_state(self.controller, path)
        except InpaintAffError as error:
            self.form.show_text(notify_failure(error))
            return
        self.form.show_text(f"Saved as {path.name}.")

    def restore(self, path: Path) -> None:
        """Show a saved state; errors become notifications."""
        try:
            layer = restore_state(self._viewer, self.controller, path)
        except InpaintAffError as error:
            self.form.show_text(notify_failure(error))
            return
        self.form.labels.choose(layer)
        self.form.show_text(f"{path.name} is restored in {layer.name}.")

    def _actions(self) -> dict[str, Callable[[], None]]:
        controller = self.controller
        return {
            "merge": controller.start_merging,
            "delete": controller.delete_picked,
            "lock": controller.toggle_lock,
            "split": lambda: controller.start_strokes(StrokePurpose.SPLIT),
            "relink": lambda: controller.start_strokes(StrokePurpose.RELINK),
            "apply": controller.apply_strokes,
            "discard": controller.discard_strokes,
            "previous": lambda: controller.review(-1),
            "next": lambda: controller.review(1),
            "undo": controller.undo,
            "redo": controller.redo,
            "save": self._ask_and_save,
            "restore": self._ask_and_restore,
        }

    def _ask_and_save(self) -> None:
        layer = self.controller.layer
        proposed = f"{layer.name} corrections.npz" if layer is not None else "corrections.npz"
        name, _ = QFileDialog.getSaveFileName(self, "Save the state", proposed, STATE_FILTER)
        if name:
            self.save(Path(name).with_suffix(".npz"))

    def _ask_and_restore(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Restore a state", "", STATE_FILTER)
        if name:
            self.restore(Path(name))

    def _choose_active(self) -> None:
        active = self._viewer.layers.selection.active
        if isinstance(active, Labels):
            self.form.labels.choose(active)
        elif len(self.form.labels.layers) == 1:
            self.form.labels.choose(self.form.labels.layers[0])
        self._on_chosen()

    def _on_chosen(self) -> None:
        layer = self.form.layer
        self.controller.set_layer(layer)
        if layer is not None:
            # Keys and clicks reach the active layer only.
            self._viewer.layers.selection.active = layer
            self.form.show_text("Click a segment, or press Next to review them.")

    def _lay_out(self) -> None:
        tab_with_others(self)
        self.next = NextSteps(self._viewer, _NEXT)
        scroll_all(self, self.offer, self.form, self.next)

    def _connect(self) -> None:
        controller, form, kept = self.controller, self.form, self.kept
        form.labels.chosen.connect(self._on_chosen)
        form.pressed.connect(self._on_pressed)
        controller.changed.connect(self._refresh)
        controller.said.connect(form.show_text)

        # As in "Separate cells": nothing here holds this widget.
        def dispose() -> None:
            kept.dispose()
            controller.dispose()
            form.dispose()

        self.destroyed.connect(dispose)

    def _on_pressed(self, name: str) -> None:
        self._actions()[name]()

    def _refresh(self) -> None:
        self.form.show_view(view_of(self.controller))


def view_of(controller: CorrectionController) -> CorrectionView:
    """Say what can be done now, and why the rest cannot.

    Parameters
    ----------
    controller : CorrectionController

    Returns
    -------
    CorrectionView
    """
    problem, corrections = controller.problem, controller.corrections
    refusals: dict[str, str] = {}
    if problem or corrections is None:
        for name in ("merge", "delete", "lock", "split", "relink", "apply", "discard"):
            refusals[name] = problem
        for name in ("previous", "next", "undo", "redo", "save", "restore"):
            refusals[name] = problem
        return CorrectionView(refusals, problem, "", "", merging=False)
    picked, state, history = controller.picked, corrections.state, corrections.history
    locked = picked in state.locked
    known = controller.evidence is not None
    if not picked:
        refusals |= dict.fromkeys(("merge", "delete", "lock"), NOT_PICKED)
    elif locked:
        text = f"Segment {picked} is locked. Unlock it first."
        refusals |= dict.fromkeys(("merge", "delete"), text)
    if controller.strokes is None:
        refusals |= dict.fromkeys(("apply", "discard"), NO_STROKES)
    refusals["relink"] = "" if known else NO_AFFINITIES
    refusals["undo"] = "" if history.to_undo else "There is nothing to undo."
    refusals["redo"] = "" if history.to_redo else "There is nothing to redo."
    if picked:
        box = state.box(picked)
        area = int(np.count_nonzero(state.labels[box] == picked))
        about = f"Segment {picked}, {area} px{', locked' if locked else ''}."
    else:
        about = f"{len(state.segments)} segments, {len(state.locked)} locked. Click one."
    return CorrectionView(
        refusals,
        about,
        "Seeds split along the affinities."
        if known
        else "No affinities: seeds split at the waist.",
        "The least certain first, by the affinities."
        if known
        else "The most unusual sizes first: there are no affinities.",
        merging=controller.merging,
    )

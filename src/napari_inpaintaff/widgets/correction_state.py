"""Save what was done to a plane, and restore it without overwriting anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Labels

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.partition.corrections import (
    SavedCorrections,
    read_corrections,
    write_corrections,
)
from napari_inpaintaff.widgets.correction_controller import CorrectionController
from napari_inpaintaff.widgets.evidence import (
    announce_result,
    evidence_of,
    is_result,
    remember_evidence,
    source_of_result,
)
from napari_inpaintaff.widgets.planes import result_array, result_placement
from napari_inpaintaff.widgets.stroke_layer import StrokePurpose


def save_state(controller: CorrectionController, path: Path) -> None:
    """Write labels, locks, history and painted strokes of the plane that is shown.

    Raises
    ------
    InpaintAffError
        When nothing can be corrected, or the file cannot be written.
    """
    session = controller.session()
    session.sync()
    corrections = session.corrections
    assert corrections is not None
    strokes = controller.strokes
    if strokes is None or strokes.index != session.index:
        saved = SavedCorrections(corrections)
    else:
        saved = SavedCorrections(corrections, strokes.strokes, strokes.purpose.name.lower())
    write_corrections(path, saved)


def restore_state(viewer: Any, controller: CorrectionController, path: Path) -> Labels:
    """Show a saved state in the layer under correction, or in a new one beside it.

    The layer itself is used when nothing was done to it yet and it holds the very labels
    that were saved.

    Returns
    -------
    Labels
        The layer that shows it.

    Raises
    ------
    InpaintAffError
        When nothing can be corrected, or the file is no such state or one of another image.
    """
    session = controller.session()
    session.sync()
    present, before, index = session.corrections, session.layer, session.index
    assert present is not None
    saved = read_corrections(path)
    labels = saved.corrections.state.labels
    if labels.shape != present.state.labels.shape:
        raise ImageError(
            f"{path.name} belongs to labels of {labels.shape} pixels, "
            f"those of {before.name} have {present.state.labels.shape}."
        )
    layer = before
    if not (present.untouched and _holds(present.state.labels, saved)):
        layer = Labels(
            result_array(labels.copy(), index),
            name=f"{before.name} restored",
            opacity=before.opacity,
            **result_placement(before, index),
        )
        viewer.add_layer(layer)
        if is_result(before):
            announce_result(layer, source_of_result(before))
        remember_evidence(layer, evidence_of(before))
        controller.set_layer(layer)
    controller.session().replace(saved.corrections)
    if saved.strokes is not None:
        controller.start_strokes(StrokePurpose[saved.purpose.upper()], saved.strokes)
    return layer


def _holds(labels: np.ndarray[Any, Any], saved: SavedCorrections) -> bool:
    """Whether labels are those of a saved state, at its end or at its beginning."""
    state = saved.corrections.state
    if labels.dtype != state.labels.dtype:
        return False
    first = state.labels.copy()
    history = saved.corrections.history
    for edit in reversed(history.edits[: history.position]):
        first[edit.window] = edit.old
    return np.array_equal(labels, state.labels) or np.array_equal(labels, first)

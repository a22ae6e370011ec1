"""The dock widgets whose fields belong into a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qtpy.QtWidgets import QWidget

from napari_inpaintaff.widgets.correct_labels import CorrectLabels
from napari_inpaintaff.widgets.find_foreground import FindForeground
from napari_inpaintaff.widgets.form_values import Fields
from napari_inpaintaff.widgets.region_picker import RegionPicker
from napari_inpaintaff.widgets.separate_cells import SeparateCells


@dataclass(frozen=True)
class SessionDock:
    """How a dock widget is found and read.

    Attributes
    ----------
    kind : type
        Of the widget.
    fields : callable
        Names its fields, in the order in which they depend on each other.
    region : callable
        Returns what its region is chosen with; None if it has no region.
    """

    kind: type[QWidget]
    fields: Callable[[Any], Fields]
    region: Callable[[Any], RegionPicker | None]


def open_docks(viewer: Any) -> dict[str, QWidget]:
    """Find the open dock widgets of `SESSION_DOCKS`, by name."""
    window = getattr(viewer, "window", None)
    if window is None:
        return {}
    found: dict[str, QWidget] = {}
    for widget in window.dock_widgets.values():
        for name, dock in SESSION_DOCKS.items():
            if isinstance(widget, dock.kind):
                found.setdefault(name, widget)
    return found


def _separation_fields(dock: SeparateCells) -> Fields:
    form = dock.form
    return {
        "image": form.image,
        # It proposes a diameter and more.
        "model": form.model,
        "quality": form.quality,
        "region": form.region,
        "foreground": form.foreground,
        "diameter": form.diameter,
        "outlines": form.outlines,
        "evidence": form.evidence,
        "alpha": form.alpha,
        "minimum_size": form.minimum_size,
        "seed": form.seed,
        "device": form.device,
    }


def _foreground_fields(dock: FindForeground) -> Fields:
    form = dock.form
    return {
        "image": form.image,
        "labels": form.labels,
        "diameter": form.diameter,
        "region": form.region,
        "name": form.name.edit,
        "length": form.length,
        "start_from": form.start_from,
        # Begins with what suits the model.
        "kind": form.kind,
        "meaning": form.meaning,
        "seed": form.seed,
        "device": form.device,
        "threshold": dock.threshold.slider,
    }


def _correction_fields(dock: CorrectLabels) -> Fields:
    return {"labels": dock.form.labels}


#: By their names in the menu Plugins.
SESSION_DOCKS: dict[str, SessionDock] = {
    "Separate cells": SessionDock(SeparateCells, _separation_fields, lambda dock: dock.form.region),
    "Foreground": SessionDock(FindForeground, _foreground_fields, lambda dock: dock.form.region),
    "Correct labels": SessionDock(CorrectLabels, _correction_fields, lambda dock: None),
}

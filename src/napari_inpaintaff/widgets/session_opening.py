"""A session in a viewer again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari.layers import Image, Labels, Layer

from napari_inpaintaff.partition.corrections import SavedCorrections
from napari_inpaintaff.session import Session
from napari_inpaintaff.widgets.correct_labels import CorrectLabels
from napari_inpaintaff.widgets.docks import open_dock
from napari_inpaintaff.widgets.form_values import set_field_values
from napari_inpaintaff.widgets.kept_work import show_plane
from napari_inpaintaff.widgets.layer_records import add_labels, add_region
from napari_inpaintaff.widgets.session_docks import SESSION_DOCKS
from napari_inpaintaff.widgets.session_images import SessionImages
from napari_inpaintaff.widgets.stroke_layer import StrokePurpose

_CORRECT = "Correct labels"


def show_session(viewer: Any, session: Session, path: Path) -> list[str]:
    """Add the layers of a session to a viewer and set the fields of the dock widgets.

    What is open stays open.

    Parameters
    ----------
    viewer : napari.Viewer
        With a window.
    session : Session
    path : Path
        Of its file.

    Returns
    -------
    list of str
        A sentence for everything that could not be restored.

    Raises
    ------
    ImageError
        If corrections are damaged.
    """
    found = SessionImages(viewer, path.parent)
    images = [found.find(record) for record in session.images]
    found.remove_unused()
    labels: list[Labels] = []
    strokes: list[tuple[Labels, tuple[int, ...], SavedCorrections]] = []
    for record in session.labels:
        source = None if record.image is None else images[record.image]
        layer, planes = add_labels(viewer, record, source)
        labels.append(layer)
        strokes += [(layer, i, saved) for i, saved in planes.items() if saved.strokes is not None]
    notes = [*found.notes, *_set_forms(viewer, session, images, labels)]
    for layer, index, saved in strokes:
        _begin_strokes(viewer, layer, index, saved)
    return notes


def _set_forms(
    viewer: Any, session: Session, images: list[Image | None], labels: list[Labels]
) -> list[str]:
    def layer_of(key: str) -> Layer | None:
        kind, _, number = key.partition(" ")
        layers: list[Any] = {"image": images, "labels": labels}.get(kind, [])
        return layers[int(number)] if number.isdecimal() and int(number) < len(layers) else None

    notes = []
    for name, dock in SESSION_DOCKS.items():
        if name not in session.forms:
            continue
        widget = open_dock(viewer, name)
        picker = dock.region(widget)
        for record in session.regions:
            if record.form == name and picker is not None:
                picker.adopt(add_region(viewer, record))
        notes += set_field_values(dock.fields(widget), session.forms[name], layer_of)
    return notes


def _begin_strokes(
    viewer: Any, layer: Labels, index: tuple[int, ...], saved: SavedCorrections
) -> None:
    widget = open_dock(viewer, _CORRECT)
    assert isinstance(widget, CorrectLabels)
    widget.form.labels.choose(layer)
    show_plane(viewer, layer, index)
    widget.controller.start_strokes(StrokePurpose[saved.purpose.upper()], saved.strokes)

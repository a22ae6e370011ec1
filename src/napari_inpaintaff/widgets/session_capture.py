"""A viewer as a session."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime
from pathlib import Path
from typing import Any

from napari.layers import Image, Labels, Layer

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.session import RegionRecord, Session, write_session
from napari_inpaintaff.widgets.autosaver import Captured
from napari_inpaintaff.widgets.correct_labels import CorrectLabels
from napari_inpaintaff.widgets.form_values import field_values
from napari_inpaintaff.widgets.layer_choice import is_image
from napari_inpaintaff.widgets.layer_records import (
    image_of,
    image_record,
    is_recorded,
    labels_record,
    region_record,
)
from napari_inpaintaff.widgets.planes import pixels_of
from napari_inpaintaff.widgets.proxies import itself
from napari_inpaintaff.widgets.session_docks import SESSION_DOCKS, open_docks
from napari_inpaintaff.widgets.stroke_layer import StrokeLayer

NOTHING_TO_SAVE = "There is nothing to save: open an image or labels first."


def recorded_layers(viewer: Any) -> tuple[list[Image], list[Labels]]:
    """List the images and labels that belong into a session, the lowest first."""
    layers = [itself(layer) for layer in viewer.layers]
    images = [layer for layer in layers if is_image(layer) and not layer.rgb]
    return images, [layer for layer in layers if is_recorded(layer)]


def capture(viewer: Any) -> Captured:
    """Record what is open in a viewer.

    Parameters
    ----------
    viewer : napari.Viewer

    Returns
    -------
    Captured
        To be completed and written in a worker thread.

    Raises
    ------
    ParameterError
        If nothing is open.
    """
    images, labels = recorded_layers(viewer)
    if not images and not labels:
        raise ParameterError(NOTHING_TO_SAVE)
    docks = open_docks(viewer)
    strokes = _strokes(docks.get("Correct labels"))
    records = []
    for layer in labels:
        source = image_of(viewer, layer)
        number = next((n for n, image in enumerate(images) if image is itself(source)), None)
        mine = strokes[1] if strokes is not None and strokes[0] is layer else None
        records.append(labels_record(layer, number, strokes=mine))

    def key_of(layer: Layer) -> str | None:
        for kind, layers in (("image", images), ("labels", labels)):
            for number, other in enumerate(layers):
                if other is itself(layer):
                    return f"{kind} {number}"
        return None

    forms, regions = {}, []
    for name, widget in docks.items():
        forms[name] = field_values(SESSION_DOCKS[name].fields(widget), key_of)
        regions += _regions(name, widget)
    session = Session(
        saved=datetime.now().astimezone(),
        images=tuple(image_record(image) for image in images),
        labels=tuple(records),
        regions=tuple(regions),
        forms=forms,
    )
    return Captured(session, tuple(pixels_of(image) for image in images))


def iterate_saving(path: Path, captured: Captured) -> Generator[Progress, None, Path]:
    """Write a session, in a worker thread."""
    yield Progress(0, 0, f"Saving {path.name}…")
    session = captured.complete()
    yield Progress(0, 0, f"Saving {path.name}…")
    return write_session(path, session)


def _strokes(dock: Any) -> tuple[Labels, StrokeLayer] | None:
    """Return the seeds that are being painted, and the labels that they are for."""
    if not isinstance(dock, CorrectLabels):
        return None
    layer, strokes = dock.controller.layer, dock.controller.strokes
    if layer is None or strokes is None or not strokes.strokes.any():
        return None
    return itself(layer), strokes


def _regions(name: str, widget: Any) -> list[RegionRecord]:
    picker = SESSION_DOCKS[name].region(widget)
    shapes = None if picker is None else picker.shapes
    return [] if shapes is None else [region_record(name, shapes)]

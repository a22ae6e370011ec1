"""What the dock widgets that paint and correct save on the way, and how they put it back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from qtpy.QtCore import QObject

from napari_inpaintaff.images.pixels import Pixels
from napari_inpaintaff.partition.corrections import Corrections
from napari_inpaintaff.session import Session
from napari_inpaintaff.widgets.autosaver import Autosaver, Captured
from napari_inpaintaff.widgets.corrected_layer import corrected_planes
from napari_inpaintaff.widgets.correction_controller import CorrectionController
from napari_inpaintaff.widgets.layer_choice import is_image
from napari_inpaintaff.widgets.layer_records import (
    add_labels,
    image_of,
    image_record,
    is_recorded,
    labels_record,
)
from napari_inpaintaff.widgets.pixel_events import FollowedPixels
from napari_inpaintaff.widgets.planes import pixels_of
from napari_inpaintaff.widgets.restore_offer import RestoreOffer, Restorer
from napari_inpaintaff.widgets.stroke_layer import StrokeLayer, StrokePurpose


class KeptStrokes(QObject):
    """Strokes of "Foreground": saved while they are painted, and offered after a crash.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are painted.
    offer : RestoreOffer
        Where to offer them.
    choose : callable
        Called with a restored layer.
    """

    def __init__(self, viewer: Any, offer: RestoreOffer, choose: Callable[[Labels], None]) -> None:
        super().__init__()
        self._viewer = viewer
        self._layer: Labels | None = None
        self._image: Image | None = None
        self.saver = Autosaver(self._captured)
        self.restorer = Restorer(offer, ("paint",), self._put_back)
        self.restorer.restored.connect(choose)
        self._pixels = FollowedPixels()
        self._pixels.changed.connect(self._on_painted)

    def follow(self, image: Image | None, layer: Labels | None) -> None:
        """Save the strokes in a layer from now on, and offer those of an image."""
        if layer is not self._layer:
            self._layer = layer
            self._pixels.follow(layer)
        if image is not self._image:
            self._image = image
            self.restorer.look([] if image is None else [image])

    def dispose(self) -> None:
        """Save what is left and let go."""
        self._pixels.follow(None)
        self.saver.dispose()
        self.restorer.dispose()

    def _on_painted(self) -> None:
        if self._layer is not None:
            self.saver.touch(self._layer)

    def _captured(self, layer: Labels) -> Captured:
        return captured(self._viewer, layer)

    def _put_back(self, session: Session) -> Labels:
        layer, _ = add_labels(self._viewer, restored_name(session), self._image)
        return layer


class KeptCorrections(QObject):
    """Corrections and seeds of "Correct labels"; as `KeptStrokes`.

    Parameters
    ----------
    viewer : napari.Viewer
        Where labels are corrected.
    controller : CorrectionController
        What corrects them.
    offer : RestoreOffer
        Where to offer them.
    choose : callable
        Called with a restored layer.
    """

    def __init__(
        self,
        viewer: Any,
        controller: CorrectionController,
        offer: RestoreOffer,
        choose: Callable[[Labels], None],
    ) -> None:
        super().__init__()
        self._viewer = viewer
        self._controller = controller
        self._choose = choose
        self.saver = Autosaver(self._captured)
        self.restorer = Restorer(offer, ("labels", "result"), self._put_back)
        self._pixels = FollowedPixels()
        self._pixels.changed.connect(self._on_changed)
        self._strokes: StrokeLayer | None = None
        self._state: object = None
        controller.changed.connect(self._on_changed)
        viewer.layers.events.inserted.connect(self._look)
        self._look()

    def dispose(self) -> None:
        """Save what is left and let go."""
        self._viewer.layers.events.inserted.disconnect(self._look)
        self._controller.changed.disconnect(self._on_changed)
        self._pixels.follow(None)
        self.saver.dispose()
        self.restorer.dispose()

    def _look(self, event: object = None) -> None:
        layers = self._viewer.layers
        self.restorer.look([layer for layer in layers if is_image(layer) or is_recorded(layer)])

    def _on_changed(self) -> None:
        strokes, layer = self._controller.strokes, self._controller.layer
        if strokes is not self._strokes:
            self._strokes = strokes
            self._pixels.follow(None if strokes is None else strokes.layer)
        if layer is None:
            return
        # Picking a segment is a change, too, but nothing to save.
        planes = corrected_planes(layer)
        state = (
            layer,
            [(index, *_version(plane)) for index, plane in planes.items()],
            None if strokes is None else int(np.count_nonzero(strokes.strokes)),
        )
        if state != self._state and (planes or strokes is not None or self._state is not None):
            self._state = state
            self.saver.touch(layer)

    def _captured(self, layer: Labels) -> Captured | None:
        strokes = self._controller.strokes if layer is self._controller.layer else None
        if strokes is not None and not strokes.strokes.any():
            strokes = None
        if not corrected_planes(layer) and strokes is None:
            return None
        return captured(self._viewer, layer, strokes=strokes)

    def _put_back(self, session: Session) -> Labels:
        record = restored_name(session)
        source = self._image(session)
        layer, planes = add_labels(self._viewer, record, source)
        self._choose(layer)
        for index, saved in planes.items():
            if saved.strokes is not None:
                show_plane(self._viewer, layer, index)
                purpose = StrokePurpose[saved.purpose.upper()]
                self._controller.start_strokes(purpose, saved.strokes)
        return layer

    def _image(self, session: Session) -> Image | None:
        shapes = {image.shape for image in session.images}
        images = [layer for layer in reversed(self._viewer.layers) if is_image(layer)]
        fitting = [image for image in images if tuple(pixels_of(image).shape) in shapes]
        return fitting[0] if fitting else None


def captured(viewer: Any, layer: Labels, *, strokes: StrokeLayer | None = None) -> Captured:
    """Record one layer of labels or strokes, without its affinities, which are large."""
    image = image_of(viewer, layer)
    record = labels_record(
        layer, None if image is None else 0, strokes=strokes, with_evidence=False
    )
    images = () if image is None else (image,)
    session = Session(
        datetime.now().astimezone(), tuple(image_record(one) for one in images), (record,)
    )
    pixels = tuple(pixels_of(one) for one in images)
    return Captured(session, pixels, None if images else _origin(layer))


def _version(plane: Corrections) -> tuple[int, ...]:
    """Tell states of a history apart."""
    history = plane.history
    return history.position, *(id(edit) for edit in history.edits)


def _origin(layer: Labels) -> Callable[[], Pixels]:
    """Undo all corrections in a copy, in a worker thread."""
    data = layer.data
    planes = {
        index: plane.history.edits[: plane.history.position]
        for index, plane in corrected_planes(layer).items()
    }

    def first() -> Pixels:
        labels = np.array(data)
        for index, edits in planes.items():
            for edit in reversed(edits):
                labels[index][edit.window] = edit.old
        return labels

    return first


def restored_name(session: Session) -> Any:
    """Return the labels of an autosaved session, with a name that says where they are from."""
    record = session.labels[0]
    name = record.name.removesuffix(" (restored)")
    return replace(record, name=f"{name} (restored)", visible=True)


def show_plane(viewer: Any, layer: Labels, index: tuple[int, ...]) -> None:
    """Let the viewer show a plane of a layer."""
    if index:
        world = layer.data_to_world((*index, 0, 0))
        offset = viewer.dims.ndim - layer.ndim
        for axis in range(len(index)):
            viewer.dims.set_point(offset + axis, float(world[axis]))

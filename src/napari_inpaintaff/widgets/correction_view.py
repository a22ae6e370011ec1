"""Move the camera to a segment."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Labels

from napari_inpaintaff.partition.corrections import Window
from napari_inpaintaff.widgets.corrected_layer import PlaneIndex

#: A segment takes this part of the canvas, and is left alone from half to four times of it.
_SHARE = 0.12


def show_segment(viewer: Any, layer: Labels, index: PlaneIndex, box: Window) -> None:
    """Bring a segment to the middle of the canvas, at a size that it can be judged at.

    Nothing happens while the viewer shows other axes than the last two, or 3D.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose camera to move.
    layer : Labels
        The layer with the segment.
    index : tuple of int
        Position of its plane along the leading axes.
    box : Window
        Its bounding box.
    """
    displayed = tuple(viewer.dims.displayed)
    if viewer.dims.ndisplay != 2 or displayed != (viewer.dims.ndim - 2, viewer.dims.ndim - 1):
        return
    corners = [
        np.asarray(layer.data_to_world((*index, row, column)))[-2:]
        for row in (box[0].start, box[0].stop)
        for column in (box[1].start, box[1].stop)
    ]
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    viewer.scene.camera.center = (*viewer.scene.camera.center[:-2], *((low + high) / 2))
    canvas = min(viewer.canvas.size)
    share = float(max(high - low)) * viewer.scene.camera.zoom / canvas
    if not _SHARE / 2 < share < 4 * _SHARE:
        viewer.scene.camera.zoom = _SHARE * canvas / float(max(high - low))

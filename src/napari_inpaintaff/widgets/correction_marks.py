"""Show which segments are locked and which one is picked, in a layer above the labels."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.partition.corrections import LabelState, Window
from napari_inpaintaff.widgets.corrected_layer import PlaneIndex, set_window
from napari_inpaintaff.widgets.own_layers import add_own_layer
from napari_inpaintaff.widgets.planes import result_array, result_placement

LOCKED, PICKED = 1, 2
_COLOURS = {None: "transparent", 0: "transparent", LOCKED: "#ffe14d", PICKED: "#ffffff"}

#: Distance of the lines through locked segments, and width of outlines, in pixels.
_HATCH = 6
_OUTLINE = 2


def mark_picture(
    labels: NDArray[np.integer[Any]],
    locked: Collection[int],
    picked: int,
    *,
    origin: tuple[int, int] = (0, 0),
) -> NDArray[np.uint8]:
    """Draw outlines and hatches.

    Parameters
    ----------
    labels : ndarray of integers, shape (Y, X)
        A label image or a part of one.
    locked : collection of int
        These get an outline and diagonal lines.
    picked : int
        This one gets an outline; 0 for none.
    origin : (int, int)
        (y, x) of the part's first pixel, so that the lines of all parts meet.

    Returns
    -------
    ndarray of uint8, shape (Y, X)
        0, `LOCKED` or `PICKED`.
    """
    edge = np.zeros(labels.shape, bool)
    for axis in (0, 1):
        differs = np.diff(labels, axis=axis) != 0
        here, there = (slice(None, -1), slice(1, None))
        for part in (here, there):
            edge[(slice(None),) * axis + (part,)] |= differs
    edge = ndimage.binary_dilation(edge, iterations=_OUTLINE - 1)
    picture = np.zeros(labels.shape, np.uint8)
    if locked:
        rows, columns = np.ogrid[: labels.shape[0], : labels.shape[1]]
        hatch = (rows + origin[0] + columns + origin[1]) % _HATCH == 0
        picture[np.isin(labels, list(locked)) & (edge | hatch)] = LOCKED
    if picked:
        picture[(labels == picked) & edge] = PICKED
    return picture


class CorrectionMarks:
    """The layer with the marks of one plane; made when there is something to mark.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to show it.
    layer : Labels
        The layer under correction.
    index : tuple of int
        Position of the plane along its leading axes.
    """

    def __init__(self, viewer: Any, layer: Labels, index: PlaneIndex) -> None:
        self._viewer = viewer
        self._labels = layer
        self.index = index
        self._layer: Labels | None = None

    @property
    def layer(self) -> Labels | None:
        """Where they are shown; None when there is nothing to mark."""
        if self._layer is not None and self._layer not in self._viewer.layers:
            self._layer = None
        return self._layer

    def show(self, state: LabelState, picked: int, windows: Collection[Window]) -> None:
        """Bring windows of the plane up to date."""
        if self.layer is None:
            if not picked and not state.locked:
                return
            whole = (slice(0, state.labels.shape[0]), slice(0, state.labels.shape[1]))
            self._layer, windows = self._add(state.labels.shape), [whole]
        marks = self._layer
        assert marks is not None
        for window in windows:
            # An outline changes beyond the window, and is known only from further beyond.
            drawn = _grown(window, _OUTLINE, state.labels.shape)
            seen = _grown(drawn, _OUTLINE, state.labels.shape)
            top, left = (part.start for part in seen)
            picture = mark_picture(state.labels[seen], state.locked, picked, origin=(top, left))
            inner = tuple(
                slice(part.start - start, part.stop - start)
                for part, start in zip(drawn, (top, left), strict=True)
            )
            set_window(marks, (0,) * len(self.index), drawn, picture[inner])

    def remove(self) -> None:
        """Take the layer away."""
        if self.layer is not None:
            self._viewer.layers.remove(self._layer)
        self._layer = None

    def _add(self, shape: tuple[int, ...]) -> Labels:
        layer = Labels(
            result_array(np.zeros(shape, np.uint8), self.index),
            name=f"{self._labels.name} marks",
            colormap=DirectLabelColormap(color_dict=_COLOURS),
            opacity=0.9,
            **result_placement(self._labels, self.index),
        )
        layer.editable = False
        add_own_layer(self._viewer, layer, select=False)
        return layer


def _grown(window: Window, by: int, shape: tuple[int, ...]) -> Window:
    rows, columns = (
        slice(max(0, part.start - by), min(length, part.stop + by))
        for part, length in zip(window, shape, strict=True)
    )
    return rows, columns

"""A Labels layer under correction: its planes' histories, and the way back into the layer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Labels, Layer
from numpy.typing import NDArray

from napari_inpaintaff.partition.corrections import (
    Corrections,
    Window,
    difference_window,
    paint,
)

PlaneIndex = tuple[int, ...]

#: What was done to the planes of a layer outlives the dock widget, not the layer.
_planes: WeakKeyDictionary[Layer, dict[PlaneIndex, Corrections]] = WeakKeyDictionary()


def is_corrected(layer: Layer) -> bool:
    """Whether somebody corrected or locked segments of a layer."""
    return any(not plane.untouched for plane in _planes.get(layer, {}).values())


def is_plane_corrected(layer: Layer, index: PlaneIndex) -> bool:
    """Whether somebody corrected or locked segments of a plane."""
    plane = _planes.get(layer, {}).get(index)
    return plane is not None and not plane.untouched


def forget_plane(layer: Layer, index: PlaneIndex) -> None:
    """Let a plane be read anew, because it was written and not by a correction."""
    _planes.get(layer, {}).pop(index, None)


def corrected_planes(layer: Layer) -> dict[PlaneIndex, Corrections]:
    """Return the corrections of all planes that somebody corrected or locked segments of."""
    planes = _planes.get(layer, {}).items()
    return {index: plane for index, plane in planes if not plane.untouched}


def known_plane(layer: Layer, index: PlaneIndex) -> Corrections | None:
    """Return the corrections of a plane, be it corrected or not; None if nobody looked at it."""
    return _planes.get(layer, {}).get(index)


def adopt_corrections(layer: Layer, index: PlaneIndex, corrections: Corrections) -> None:
    """Let corrections of the labels that a plane of a layer holds be gone on with."""
    _planes.setdefault(layer, {})[index] = corrections


def correction_refusal(layer: Labels) -> str:
    """Say why the labels of a layer cannot be corrected; empty when they can."""
    if layer.multiscale:
        return f"{layer.name} is a pyramid. Correct a layer of one resolution."
    if not isinstance(layer.data, np.ndarray):
        return (
            f"{layer.name} is read from disk bit by bit. Load it into memory first, for example "
            "by saving it and opening the file."
        )
    if layer.data.ndim < 2:
        return f"{layer.name} has {layer.data.ndim} axes; at least two are needed."
    if not layer.data.flags.writeable:
        return f"{layer.name} is read-only. Duplicate the layer and correct the copy."
    if not layer.editable:
        return f"{layer.name} cannot be edited now: wait until the run is finished."
    return ""


class CorrectedLayer:
    """Keeps a layer and the corrections of its planes the same.

    The layer's array may change behind our back: the user paints, undoes a stroke, or a
    script writes into it. `sync` finds out by comparing, so nothing depends on who tells.

    Parameters
    ----------
    layer : Labels
        One without a refusal.
    """

    def __init__(self, layer: Labels) -> None:
        self.layer = layer
        self._planes = _planes.setdefault(layer, {})
        self._writing = False
        self.forget_untouched()

    @property
    def is_writing(self) -> bool:
        """Whether the layer changes because of us right now."""
        return self._writing

    def forget_untouched(self) -> None:
        """Read planes that nobody corrected anew when they are needed next."""
        for index, plane in list(self._planes.items()):
            other_shape = plane.state.labels.shape != self.layer.data.shape[-2:]
            if plane.untouched or other_shape:
                del self._planes[index]

    def plane(self, index: PlaneIndex) -> Corrections:
        """Return the corrections of a plane.

        Raises
        ------
        ImageError
            When its labels are negative.
        """
        if index not in self._planes:
            self._planes[index] = Corrections(self.layer.data[index])
        return self._planes[index]

    def replace(self, index: PlaneIndex, corrections: Corrections) -> None:
        """Show other corrections, with their labels, in a plane."""
        self._planes[index] = corrections
        changed = difference_window(corrections.state.labels, self.layer.data[index])
        if changed is not None:
            self.write(index, changed)

    def sync(self, index: PlaneIndex) -> tuple[Window | None, bool]:
        """Record what changed in the layer as an edit; locked segments come back.

        Returns
        -------
        changed : Window or None
            What changed in the layer or in the corrections; None for nothing.
        refused : bool
            Whether locked segments had been painted over, or with negative numbers.

        Raises
        ------
        ImageError
            When its labels are negative.
        """
        corrections = self.plane(index)
        now = self.layer.data[index]
        changed = difference_window(corrections.state.labels, now)
        if changed is None:
            return None, False
        edit = paint(corrections.state, now)
        if edit is not None:
            corrections.do(edit)
        refused = not np.array_equal(corrections.state.labels[changed], now[changed])
        if refused:
            self.write(index, changed)
        return changed, refused

    def write(self, index: PlaneIndex, window: Window) -> None:
        """Show the corrected labels of a window in the layer."""
        with self._ours():
            set_window(self.layer, index, window, self.plane(index).state.labels[window])

    @contextmanager
    def _ours(self) -> Iterator[None]:
        self._writing = True
        try:
            yield
        finally:
            self._writing = False


def set_window(
    layer: Labels, index: PlaneIndex, window: Window, values: NDArray[np.integer[Any]]
) -> None:
    """Change a window of a plane of a Labels layer; only the changed pixels are drawn anew."""
    rows, columns = np.nonzero(layer.data[index][window] != values)
    if rows.size == 0:
        return
    leading = tuple(np.full(rows.size, position) for position in index)
    places = (*leading, rows + window[0].start, columns + window[1].start)
    layer.data_setitem(places, values[rows, columns])

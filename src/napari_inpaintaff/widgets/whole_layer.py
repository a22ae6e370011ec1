"""The Labels layer of all planes of an image, in which planes appear one by one."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.widgets.corrected_layer import PlaneIndex, forget_plane, is_plane_corrected
from napari_inpaintaff.widgets.evidence import announce_result
from napari_inpaintaff.widgets.own_layers import add_own_layer
from napari_inpaintaff.widgets.pace import Pace
from napari_inpaintaff.widgets.planes import current_plane, pixels_of, result_placement

#: Part of the interface's time that drawing may take.
SHARE = 0.1


class WholeLayer:
    """Labels of an image layer with all its axes, and what is known of their planes.

    The planes are zero until they are done. What the user did to a plane is found out by
    comparing, so nothing depends on who tells.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layer is put.
    source : Image
        The image.

    Raises
    ------
    ParameterError
        If the labels of so many planes do not fit into memory.
    """

    def __init__(self, viewer: Any, source: Image) -> None:
        self._viewer = viewer
        shape = tuple(int(length) for length in pixels_of(source).shape)
        try:
            # Memory is taken when a plane is written.
            self._labels = np.zeros(shape, np.uint32)
        except MemoryError as error:
            raise ParameterError(
                f"The labels of all planes of {source.name} do not fit into memory: save the "
                "planes as files and choose their folder instead."
            ) from error
        placement = result_placement(source, (0,) * (len(shape) - 2))
        self.layer = Labels(
            self._labels, name=f"{source.name} cells (all)", opacity=0.5, **placement
        )
        announce_result(self.layer, source)
        #: What was written, by plane: the user may have painted over it.
        self._written: dict[PlaneIndex, int] = {}
        self._pace = Pace(self._draw, SHARE)

    def put(self) -> None:
        """Put the layer into the viewer, if it is not there; the user's selection stays."""
        if self.layer not in self._viewer.layers:
            add_own_layer(self._viewer, self.layer, select=False)

    @property
    def is_shown(self) -> bool:
        """Whether the layer is still in the viewer, with the array that it was made with."""
        return self.layer in self._viewer.layers and self.layer.data is self._labels

    def without_done(self, indices: Iterable[PlaneIndex]) -> list[PlaneIndex]:
        """Return the planes that were not done yet."""
        return [index for index in indices if index not in self._written]

    def keeper(self, *, all_labelled: bool) -> Callable[[PlaneIndex], bool]:
        """Make the function that tells, in a worker thread, whether a plane shall stay.

        Parameters
        ----------
        all_labelled : bool
            Whether all planes with labels stay; otherwise only those that somebody painted
            in, corrected or locked.
        """

        def keeps(index: PlaneIndex) -> bool:
            if all_labelled and (index in self._written or bool(self._labels[index].any())):
                return True
            return self._is_by_hand(index)

        return keeps

    def show(self, index: PlaneIndex, labels: NDArray[np.integer[Any]]) -> bool:
        """Show the labels of a plane, unless somebody has painted in it; say whether."""
        if self._is_by_hand(index):
            return False
        self._labels[index] = labels
        self._written[index] = _checksum(self._labels[index])
        forget_plane(self.layer, index)
        if self._is_visible(index):
            # Whoever has read the plane reads it anew.
            self.layer.events.data(value=self.layer.data)
            self._pace.tell()
        return True

    def finish(self) -> None:
        """Draw what was not drawn yet."""
        self._pace.stop()
        self._draw()

    def dispose(self) -> None:
        """Draw nothing any more."""
        self._pace.stop()

    def _draw(self) -> None:
        if self.layer in self._viewer.layers:
            self.layer.refresh()

    def _is_visible(self, index: PlaneIndex) -> bool:
        if self._viewer.dims.ndisplay > 2:
            return True
        return current_plane(self.layer, self._viewer.dims.point).index == index

    def _is_by_hand(self, index: PlaneIndex) -> bool:
        if is_plane_corrected(self.layer, index):
            return True
        if index in self._written:
            return _checksum(self._labels[index]) != self._written[index]
        return bool(self._labels[index].any())


def _checksum(labels: NDArray[np.uint32]) -> int:
    return zlib.crc32(np.ascontiguousarray(labels).data)

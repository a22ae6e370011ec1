"""The layers that show a result, bound to the image layer that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer
from napari.utils.notifications import show_info
from numpy.typing import NDArray

from napari_inpaintaff.widgets.corrected_layer import is_corrected
from napari_inpaintaff.widgets.evidence import announce_result
from napari_inpaintaff.widgets.own_layers import add_own_layer, give_away, own
from napari_inpaintaff.widgets.planes import result_array, result_placement


@dataclass(frozen=True)
class _Shown:
    """A layer with a result, and the result; the layer's array may have been painted in."""

    layer: Labels
    labels: NDArray[np.integer[Any]]


class ResultLayers:
    """An affinity layer and a Labels layer over one plane of a source layer.

    The layers are kept as objects, not by name: the user may rename them. One
    that the user has removed is made anew when there is a result to show. Labels that the
    user has changed, corrected or locked are never overwritten: they are left in their layer,
    and the next ones get another.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to show them.
    source : Image
        The image layer.
    index : tuple of int
        Position of the plane along the source's leading axes.
    """

    def __init__(self, viewer: Any, source: Image, index: tuple[int, ...]) -> None:
        self._viewer = viewer
        self._source = source
        self.index = index
        self._affinities: Image | None = None
        self._shown: _Shown | None = None
        self._draft: Labels | None = None

    @property
    def shows_draft(self) -> bool:
        """Whether the labels are a draft, or were one until the user removed them."""
        return self._draft is not None

    def show_affinities(self, colours: NDArray[np.uint8], origin: tuple[int, int]) -> None:
        """Show coloured affinities, shape (Y, X, 4), that begin at pixel ``origin``."""
        data = result_array(colours, self.index)
        placement = result_placement(self._source, self.index, origin)
        if self._affinities is not None and self._affinities in self._viewer.layers:
            self._affinities.data = data
            self._affinities.translate = placement["translate"]
            return
        self._affinities = Image(
            data, rgb=True, name=f"{self._source.name} affinities", **placement
        )
        add_own_layer(self._viewer, self._affinities, below=self._draft, select=False)

    def show_labels(self, labels: NDArray[np.integer[Any]]) -> Labels:
        """Show a result, a label image of the whole plane, shape (Y, X), and return its layer."""
        before, draft, self._draft = self._shown, self._draft, None
        layer = self._put(labels, self._unchanged() if draft is None else draft)
        layer.editable = True
        self._shown = _Shown(layer, labels)
        if layer is draft and (before is None or layer is not before.layer):
            self._viewer.layers.selection.active = layer
        if before is not None and layer is not before.layer and before.layer in self._viewer.layers:
            show_info(
                f"The labels that you changed stay in {before.layer.name}; "
                f"the new ones are in {layer.name}."
            )
        return layer

    def show_draft(self, labels: NDArray[np.integer[Any]], *, below: Layer | None = None) -> None:
        """Show a draft of the result, which cannot be painted in; a later one replaces it.

        Parameters
        ----------
        labels : ndarray of int, shape (Y, X)
            Of the whole plane.
        below : Layer, optional
            A layer that stays above a new one. The user's selection stays.
        """
        if self._draft is None:
            self._draft = self._put(labels, self._unchanged(), below=below, select=False)
        elif self._draft in self._viewer.layers:
            self._put(labels, self._draft)
        self._draft.editable = False

    def take_back_draft(self) -> None:
        """Show again what was there before the first draft, if there was one."""
        draft, self._draft = self._draft, None
        if draft is None:
            return
        if self._shown is not None:
            own(self._shown.layer)
        if draft not in self._viewer.layers:
            return
        if self._shown is not None and draft is self._shown.layer:
            self._put(self._shown.labels, draft)
            draft.editable = True
        else:
            self._viewer.layers.remove(draft)

    def _unchanged(self) -> Labels | None:
        """Return the layer of the last result, unless it is gone or the user changed it."""
        shown = self._shown
        if shown is None or shown.layer not in self._viewer.layers:
            return None
        if not is_corrected(shown.layer) and np.array_equal(
            shown.layer.data, result_array(shown.labels, self.index)
        ):
            return shown.layer
        give_away(shown.layer)
        return None

    def _put(
        self,
        labels: NDArray[np.integer[Any]],
        layer: Labels | None,
        *,
        below: Layer | None = None,
        select: bool = True,
    ) -> Labels:
        """Put labels into a layer, or into a new one where there is none."""
        data = result_array(labels, self.index).copy()
        if layer is not None and layer in self._viewer.layers:
            layer.data = data
            return layer
        placement = result_placement(self._source, self.index)
        layer = Labels(data, name=f"{self._source.name} cells", opacity=0.5, **placement)
        announce_result(layer, self._source)
        add_own_layer(self._viewer, layer, below=below, select=select)
        return layer

"""The probability of the foreground and the mask, bound to the image layer they belong to."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

import numpy as np
from napari.layers import Image, Labels, Layer
from napari.utils.colormaps import Colormap, DirectLabelColormap
from napari.utils.notifications import show_info
from numpy.typing import NDArray

from napari_inpaintaff.foreground import threshold
from napari_inpaintaff.widgets.own_layers import add_own_layer
from napari_inpaintaff.widgets.paint_layers import empty_array
from napari_inpaintaff.widgets.planes import plane_axes, result_placement

Index = tuple[int, ...]

MASK_COLOUR = "#00e5ff"
#: The image is seen through what is hardly foreground.
PROBABILITY_COLOURS = Colormap([[1, 0.2, 0.8, 0], [1, 0.2, 0.8, 1]], name="foreground probability")

_masks: WeakSet[Layer] = WeakSet()


def is_found_mask(layer: Layer) -> bool:
    """Whether a layer is a mask that a foreground network found: nothing to learn from."""
    return layer in _masks


class ForegroundLayers:
    """An Image layer of probabilities and a Labels layer of what is above the level.

    They have all planes of the image, and are empty where the foreground was not looked for.
    They are kept as objects: the user may rename them. One that the user has removed is made
    anew when there is a result to show. A mask that the user has painted in is never overwritten:
    it is left in its layer, and the next one gets another.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to show them.
    source : Image
        The image layer.
    level : float
        Pixels of a higher probability are foreground; in [0, 1).
    """

    def __init__(self, viewer: Any, source: Image, level: float) -> None:
        self._viewer = viewer
        self._source = source
        self._level = level
        self._shape = plane_axes(source)
        self._known: dict[Index, NDArray[np.float32]] = {}
        #: Planes whose map of the training that goes on is shown.
        self._live: set[Index] = set()
        self._probability: Image | None = None
        self._mask: Labels | None = None

    @property
    def mask(self) -> Labels | None:
        """The layer of the mask; None when there is none or the user removed it."""
        return self._mask if self._mask in self._viewer.layers else None

    @property
    def probability(self) -> Image | None:
        """The layer of the probability; None when there is none or the user removed it."""
        return self._probability if self._probability in self._viewer.layers else None

    @property
    def known(self) -> bool:
        """Whether the foreground of any plane was found."""
        return bool(self._known)

    def knows(self, index: Index) -> bool:
        """Whether the foreground of a plane was found."""
        return index in self._known

    def show_live(self, probability: NDArray[np.float32], index: Index) -> None:
        """Show what a training says now, of shape (Y, X), until `keep` or `take_back`.

        A layer that the user has removed meanwhile stays away. The mask stays as it is.
        """
        if self.probability is None and not self._live:
            self._add_probability()
        self._live.add(index)
        self._draw(index, probability)

    def show(self, probability: NDArray[np.float32], index: Index) -> None:
        """Show the foreground of a plane, shape (Y, X)."""
        mask = self._intact_mask([index])
        self._known[index] = probability
        self._put(index, mask)

    def keep(self, probability: NDArray[np.float32], index: Index) -> None:
        """Show the end of a training: what other networks said of other planes is gone."""
        mask = self._intact_mask(self._known)
        for other in {*self._known, *self._live} - {index}:
            self._draw(other, None)
            if mask is not None:
                mask.data[other] = 0
        self._live.clear()
        self._known = {index: probability}
        self._put(index, mask)

    def take_back(self) -> None:
        """Show again what was there before the training."""
        live, self._live = self._live, set()
        for index in live:
            self._draw(index, self._known.get(index))
        layer = self.probability
        if live and not self._known and layer is not None:
            self._viewer.layers.remove(layer)

    def set_level(self, level: float) -> None:
        """Build the masks anew from the known probabilities."""
        if level == self._level:
            return
        was_there = self.mask is not None
        mask = self._intact_mask(self._known)
        self._level = level
        if mask is not None:
            for index, probability in self._known.items():
                mask.data[index] = self._masked(probability)
            _redraw(mask)
        elif was_there:
            self._add_mask()

    def _put(self, index: Index, mask: Labels | None) -> None:
        """Show a known plane, in another mask where there is none to change."""
        probability = self._known[index]
        if self.probability is None:
            self._add_probability()
        self._draw(index, probability)
        if mask is None:
            self._add_mask()
        else:
            mask.data[index] = self._masked(probability)
            _redraw(mask)

    def _draw(self, index: Index, probability: NDArray[np.float32] | None) -> None:
        layer = self.probability
        if layer is not None:
            layer.data[index] = 0 if probability is None else probability
            layer.refresh()

    def _masked(self, probability: NDArray[np.float32]) -> NDArray[np.bool_]:
        return threshold(probability, self._level)

    def _intact_mask(self, indices: Any) -> Labels | None:
        """Return the mask; None if it is gone, or the user's since he has painted in it."""
        mask = self.mask
        if mask is None:
            return None
        for index in indices:
            known = self._known.get(index)
            shown = 0 if known is None else self._masked(known)
            if not np.array_equal(mask.data[index], np.broadcast_to(shown, mask.data[index].shape)):
                show_info(f"The mask that you changed stays in {mask.name}; the next is another.")
                _masks.discard(mask)
                self._mask = None
                return None
        return mask

    def _add_probability(self) -> None:
        layer = Image(
            self._filled(np.float32, self._known),
            name=f"{self._source.name} foreground probability",
            colormap=PROBABILITY_COLOURS,
            contrast_limits=(0, 1),
            blending="translucent",
            opacity=0.5,
            **self._placement(),
        )
        add_own_layer(self._viewer, layer, below=self._lowest_label_layer(), select=False)
        self._probability = layer

    def _add_mask(self) -> None:
        masks = {index: self._masked(known) for index, known in self._known.items()}
        layer = Labels(
            self._filled(np.uint8, masks),
            name=f"{self._source.name} foreground",
            colormap=DirectLabelColormap(color_dict={0: "transparent", None: MASK_COLOUR}),
            opacity=0.35,
            **self._placement(),
        )
        _masks.add(layer)
        selected, layers = set(self._viewer.layers.selection), self._viewer.layers
        probability = self.probability
        place = len(layers) if probability is None else layers.index(probability) + 1
        layers.insert(place, layer)
        self._viewer.layers.selection = selected
        self._mask = layer

    def _filled(self, dtype: Any, planes: dict[Index, NDArray[Any]]) -> NDArray[Any]:
        data = empty_array(self._shape, dtype, self._source.name)
        for index, plane in planes.items():
            data[index] = plane
        return data

    def _lowest_label_layer(self) -> Layer | None:
        """Return the lowest Labels layer above the image: paint and labels stay on top."""
        layers = list(self._viewer.layers)
        above = layers[layers.index(self._source) + 1 :] if self._source in layers else []
        return next((layer for layer in above if isinstance(layer, Labels)), None)

    def _placement(self) -> dict[str, Any]:
        return result_placement(self._source, (0,) * (len(self._shape) - 2))


def _redraw(layer: Layer) -> None:
    layer.refresh()
    if not layer.visible:
        # Whoever uses the mask wants to know, too.
        layer.events.set_data()

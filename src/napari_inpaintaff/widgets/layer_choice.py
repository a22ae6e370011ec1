"""Combo boxes whose items are layers of the viewer, held as objects, not by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.layers import Image, Labels, Layer
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QWidget

from napari_inpaintaff.widgets.followed_layers import FollowedLayers
from napari_inpaintaff.widgets.own_layers import is_own_layer


class LayerChoice(QComboBox):
    """A combo box of fixed entries and layers that follows the viewer's layer list.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers to offer.
    accepts : callable
        Which layers to list.
    refusal : callable
        Why a listed layer cannot be chosen; an empty text when it can.
    fixed : dict of str to str
        Texts and values of entries before the layers.
    fixed_refusal : callable
        Why the value of such an entry cannot be chosen; an empty text when it can.
    placeholder : str
        Shown when there is nothing to choose.
    parent : QWidget, optional
        Qt parent.
    """

    #: The chosen layer or fixed entry is another one now.
    chosen = Signal()

    def __init__(
        self,
        viewer: Any,
        *,
        accepts: Callable[[Layer], bool],
        refusal: Callable[[Layer], str] = lambda layer: "",
        fixed: dict[str, str] | None = None,
        fixed_refusal: Callable[[str], str] = lambda value: "",
        placeholder: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._refusal = refusal
        self._fixed = fixed or {}
        self._fixed_refusal = fixed_refusal
        self._offered: tuple[Layer, ...] = ()
        self._current: object = None
        self.setPlaceholderText(placeholder)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(14)
        self._followed = FollowedLayers(viewer, accepts, self.refresh)
        self.currentIndexChanged.connect(self._on_index_changed)
        self.refresh()

    @property
    def layer(self) -> Layer | None:
        """The chosen layer, or None."""
        chosen = self._value()
        return chosen if isinstance(chosen, Layer) else None

    @property
    def value(self) -> Layer | str | None:
        """The chosen layer, the value of the chosen fixed entry, or None."""
        return self._value()

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers that are offered, the topmost first."""
        return self._offered

    def choose(self, value: Layer | str) -> None:
        """Choose a layer, or a fixed entry by its value; nothing happens if it is not there."""
        for index, offered in enumerate(self._values()):
            refused = isinstance(offered, str) and self._fixed_refusal(offered)
            if _same(offered, value) and not refused:
                self.setCurrentIndex(index)

    def set_fixed(self, fixed: dict[str, str]) -> None:
        """Offer other entries before the layers; the choice stays if it can."""
        before = self._value()
        self._fixed = fixed
        self._fill(before)

    def refresh(self) -> None:
        """List the layers anew; the choice stays if it can."""
        before = self._value()
        self._offered = self._followed.layers
        self._fill(before)

    def dispose(self) -> None:
        """Stop following the viewer."""
        self._followed.dispose()

    def _fill(self, before: Layer | str | None) -> None:
        blocked = self.blockSignals(True)
        self.clear()
        for text, value in self._fixed.items():
            self._add(text, self._fixed_refusal(value))
        for layer in self._offered:
            self._add(layer.name, self._refusal(layer), tooltip=layer.name)
        self.setCurrentIndex(self._index_of(before))
        self.blockSignals(blocked)
        self._on_index_changed()

    def _add(self, text: str, refusal: str, *, tooltip: str = "") -> None:
        self.addItem(text)
        index = self.count() - 1
        self.setItemData(index, refusal or tooltip, Qt.ItemDataRole.ToolTipRole)
        if refusal:
            self.model().item(index).setEnabled(False)

    def _values(self) -> list[Layer | str]:
        return [*self._fixed.values(), *self._offered]

    def _value(self) -> Layer | str | None:
        index = self.currentIndex()
        values = self._values()
        return values[index] if 0 <= index < len(values) else None

    def _index_of(self, wanted: object) -> int:
        usable = [
            index
            for index, value in enumerate(self._values())
            if not (self._fixed_refusal if isinstance(value, str) else self._refusal)(value)
        ]
        for index in usable:
            if _same(self._values()[index], wanted):
                return index
        return usable[0] if usable else -1

    def _on_index_changed(self, index: int = -1) -> None:
        if not _same(self._value(), self._current):
            self._current = self._value()
            self.chosen.emit()


def _same(one: object, other: object) -> bool:
    """Whether two choices are one: layers by object, entries by their text."""
    # Not `is`: the viewer of a plugin hands out layers in proxies.
    return bool(one == other)


def image_refusal(layer: Layer) -> str:
    """Say why cells cannot be separated in an image layer; empty when they can."""
    if getattr(layer, "rgb", False):
        return (
            "A colour image: split it into channels first "
            "(right-click the layer > Split RGB) and choose one of them."
        )
    return ""


def is_image(layer: Layer) -> bool:
    """Whether a layer is an image, and not affinities of ours."""
    return isinstance(layer, Image) and not is_own_layer(layer)


def is_mask(layer: Layer) -> bool:
    """Whether a layer can say where the foreground is."""
    return isinstance(layer, Labels) and not is_own_layer(layer)

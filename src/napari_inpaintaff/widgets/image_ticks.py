"""Tick the image layers in which intensities are measured."""

from __future__ import annotations

from typing import Any

from napari.layers import Layer
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QListWidget, QListWidgetItem, QWidget

from napari_inpaintaff.widgets.followed_layers import FollowedLayers
from napari_inpaintaff.widgets.layer_choice import is_image
from napari_inpaintaff.widgets.measured_images import measuring_refusal

_ROWS = 3


class ImageTicks(QListWidget):
    """A list of the viewer's images, held as objects; those that do not fit say why.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose image layers to offer.
    parent : QWidget, optional
        Qt parent.
    """

    changed = Signal()

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._labels: Layer | None = None
        self._ticked: list[Layer] = []
        self._rows: tuple[Layer, ...] = ()
        self.setToolTip(
            "Images whose intensities are measured in every cell. Columns get their names."
        )
        self.setFixedHeight(self.fontMetrics().lineSpacing() * _ROWS + 3 * _ROWS)
        self.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.itemChanged.connect(self._on_item_changed)
        self._followed = FollowedLayers(viewer, is_image, self.refresh)
        self.refresh()

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The ticked images that fit, the topmost first."""
        return tuple(
            layer
            for layer in self._rows
            if any(layer is one for one in self._ticked)
            and not measuring_refusal(layer, self._labels)
        )

    def set_labels(self, labels: Layer | None) -> None:
        """Say which labels the images must fit; an only image that fits is ticked."""
        self._labels = labels
        fitting = [one for one in self._followed.layers if not measuring_refusal(one, labels)]
        if not self.layers and len(fitting) == 1:
            self._ticked = fitting
        self.refresh()

    def tick(self, layer: Layer, ticked: bool = True) -> None:
        """Tick an image, or take the tick away."""
        for row, one in enumerate(self._rows):
            if one is layer:
                state = Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked
                self.item(row).setCheckState(state)

    def refresh(self) -> None:
        """List the images anew; ticks stay."""
        blocked = self.blockSignals(True)
        self.clear()
        self._rows = self._followed.layers
        self._ticked = [one for one in self._ticked if any(one is row for row in self._rows)]
        for layer in self._rows:
            self.addItem(self._item(layer))
        self.blockSignals(blocked)
        self.changed.emit()

    def dispose(self) -> None:
        """Stop following the viewer."""
        self._followed.dispose()

    def _item(self, layer: Layer) -> QListWidgetItem:
        refusal = measuring_refusal(layer, self._labels)
        ticked = any(layer is one for one in self._ticked) and not refusal
        item = QListWidgetItem(layer.name)
        item.setToolTip(refusal or f"Measure the intensities of {layer.name}.")
        item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
        if refusal:
            flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable
            item.setFlags(item.flags() & ~flags)
        return item

    def _on_item_changed(self, item: QListWidgetItem) -> None:
        layer = self._rows[self.row(item)]
        self._ticked = [one for one in self._ticked if one is not layer]
        if item.checkState() == Qt.CheckState.Checked:
            self._ticked.append(layer)
        self.changed.emit()

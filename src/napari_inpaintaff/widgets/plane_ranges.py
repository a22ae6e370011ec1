"""Which planes of a stack or time-lapse: a range along every leading axis."""

from __future__ import annotations

import itertools

from napari.layers import Layer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QSpinBox, QVBoxLayout, QWidget

from napari_inpaintaff.widgets.fields import spin_box
from napari_inpaintaff.widgets.planes import pixels_of

TOOLTIP = "First and last position, both included, counted as napari's sliders do."
_NAMES = {1: ("Frames",), 2: ("Frames", "Slices")}


class PlaneRanges(QWidget):
    """Two numbers per leading axis, from the first to the last plane at the beginning.

    Parameters
    ----------
    parent : QWidget, optional
        Qt parent.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shape: tuple[int, ...] = ()
        #: First and last position along every leading axis.
        self.spins: list[tuple[QSpinBox, QSpinBox]] = []
        self._rows = QWidget()
        self._form = QFormLayout(self._rows)
        self._form.setContentsMargins(0, 0, 0, 0)
        self.count = QLabel()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._rows)
        layout.addWidget(self.count)
        self.set_layer(None)

    @property
    def indices(self) -> list[tuple[int, ...]]:
        """Positions of the chosen planes along the leading axes, in order."""
        ranges = [range(first.value(), last.value() + 1) for first, last in self.spins]
        return list(itertools.product(*ranges))

    def set_layer(self, layer: Layer | None) -> None:
        """Offer the planes of another layer; of one of the same axes the choice stays."""
        shape = () if layer is None else tuple(map(int, pixels_of(layer).shape[:-2]))
        if shape == self._shape and self.spins:
            return
        self._shape = shape
        self.spins = []
        while self._form.rowCount():
            self._form.removeRow(0)
        names = [] if layer is None else _axis_names(layer, len(shape))
        for name, length in zip(names, shape, strict=True):
            first, last = (spin_box(QSpinBox, 0, length - 1, value) for value in (0, length - 1))
            self.spins.append((first, last))
            if length > 1:
                self._form.addRow(name, _range_row(first, last))
            first.valueChanged.connect(last.setMinimum)
            last.valueChanged.connect(first.setMaximum)
            for spin in (first, last):
                spin.setToolTip(TOOLTIP)
                spin.valueChanged.connect(self._on_changed)
        self._rows.setVisible(any(length > 1 for length in shape))
        self.count.setVisible(layer is not None)
        self._on_changed()

    def _on_changed(self) -> None:
        planes = len(self.indices)
        self.count.setText(f"{planes} plane{'' if planes == 1 else 's'}.")
        self.changed.emit()


def _range_row(first: QSpinBox, last: QSpinBox) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(first, 1)
    layout.addWidget(QLabel("to"))
    layout.addWidget(last, 1)
    return row


def _axis_names(layer: Layer, leading: int) -> list[str]:
    """Name the leading axes as the layer does, or as is usual."""
    usual = _NAMES.get(leading, tuple(f"Axis {number}" for number in range(leading)))
    given = [str(name) for name in layer.axis_labels[:leading]]
    # An axis without a name has a negative number for one.
    named = [name and not name.lstrip("-").isdigit() for name in given]
    return [
        f"Axis {name}" if is_named else usual[position]
        for position, (name, is_named) in enumerate(zip(given, named, strict=True))
    ]

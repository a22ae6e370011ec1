"""The fields that say which cells are exported."""

from __future__ import annotations

from napari.layers import Layer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QLabel, QSpinBox, QVBoxLayout, QWidget

from napari_inpaintaff.measurement import ObjectFilter
from napari_inpaintaff.widgets.export_steps import CellSettings
from napari_inpaintaff.widgets.fields import field_rows, spin_box
from napari_inpaintaff.widgets.planes import pixels_of

_LARGEST = 10_000_000
ONE_PLANE = "Only for stacks and time-lapses: these labels are one plane."


class CellFilter(QWidget):
    """Sizes, holes, edge and identities, and how many cells that leaves.

    Parameters
    ----------
    parent : QWidget, optional
        Qt parent.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.minimum = spin_box(QSpinBox, 0, _LARGEST, 0, " px")
        self.minimum.setToolTip("Cells with fewer pixels in a plane are left out.")
        self.maximum = spin_box(QSpinBox, 0, _LARGEST, 0, " px")
        self.maximum.setSpecialValueText("no limit")
        self.maximum.setToolTip("Cells with more pixels in a plane are left out. 0: no limit.")
        self.fill_holes = QCheckBox("Fill holes")
        self.fill_holes.setToolTip("Background inside a cell becomes part of it.")
        self.clear_border = QCheckBox("Leave out cells at the edge")
        self.clear_border.setToolTip(
            "Cells that touch the edge of the image are cut off:\n"
            "their size and shape are not those of the whole cell."
        )
        self.link = QCheckBox("Link identities")
        self.count = QLabel()
        self.count.setWordWrap(True)
        self.count.setToolTip("Cells that are exported; of stacks in all planes together.")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(field_rows({"Minimum size": self.minimum, "Maximum size": self.maximum}))
        for widget in (self.fill_holes, self.clear_border, self.link, self.count):
            layout.addWidget(widget)
        for box in (self.minimum, self.maximum):
            box.setKeyboardTracking(False)
            box.valueChanged.connect(self.changed)
        for tick in (self.fill_holes, self.clear_border, self.link):
            tick.toggled.connect(self.changed)
        self.set_labels(None)

    def settings(self) -> CellSettings:
        """Say which cells.

        Raises
        ------
        ParameterError
            If the maximum size is below the minimum.
        """
        wanted = ObjectFilter(
            fill_holes=self.fill_holes.isChecked(),
            clear_border=self.clear_border.isChecked(),
            minimum_size=self.minimum.value(),
            maximum_size=self.maximum.value() or None,
        )
        return CellSettings(wanted, self.link.isChecked() and self.link.isEnabled())

    def set_labels(self, layer: Layer | None) -> None:
        """Offer what suits the labels of a layer."""
        shape = (1,) if layer is None else pixels_of(layer).shape[:-2]
        stack = any(int(length) > 1 for length in shape)
        self.link.setEnabled(stack)
        self.link.setToolTip(
            "A cell that overlaps itself in the next frame or plane keeps its number.\n"
            "Linking only: what is missing in one frame gets a new number after it."
            if stack
            else ONE_PLANE
        )

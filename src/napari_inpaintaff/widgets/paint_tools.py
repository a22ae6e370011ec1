"""The buttons with which a foreground is painted, and what they paint."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_inpaintaff.widgets.paint_layers import (
    BACKGROUND_COLOUR,
    BACKGROUND_LABEL,
    CELL_COLOUR,
    CELL_LABEL,
)

LEGEND = (
    "Paint a stroke through a few cells that differ: bright and dim, alone and in crowds. That is "
    "enough. Background strokes help where it is mistaken for cells. Or draw a region and paint "
    "every cell in it. Numbers: 0 unlabelled, 1 background, 2 and up cells."
)


class PaintTools(QWidget):
    """Cells, Background, Eraser; and the button that makes the layer, which stands elsewhere.

    Parameters
    ----------
    parent : QWidget, optional
        Qt parent.
    """

    new_pressed = Signal()
    #: (label,): what to paint with; 0 for the eraser.
    brush_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.new_button = QPushButton("Paint labels")
        self.new_button.setToolTip(
            "Make a layer over the image to paint in, or go to it if there is one."
        )
        self.new_button.clicked.connect(self.new_pressed)
        self.cells_button = QPushButton(_patch(CELL_COLOUR), "Cells")
        self.cells_button.setToolTip("Paint cells (label 2).")
        self.background_button = QPushButton(_patch(BACKGROUND_COLOUR), "Background")
        self.background_button.setToolTip("Paint what is no cell (label 1). Not needed at first.")
        self.eraser_button = QPushButton("Eraser")
        self.eraser_button.setToolTip("Take paint away (label 0): nothing is said there.")
        self._brushes = {
            self.cells_button: CELL_LABEL,
            self.background_button: BACKGROUND_LABEL,
            self.eraser_button: 0,
        }
        for button in self._brushes:
            button.clicked.connect(self._on_brush)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for button in self._brushes:
            layout.addWidget(button)

    def _on_brush(self) -> None:
        self.brush_chosen.emit(self._brushes[self.sender()])


def _patch(colour: str) -> QIcon:
    picture = QPixmap(12, 12)
    picture.fill(QColor(colour))
    return QIcon(picture)

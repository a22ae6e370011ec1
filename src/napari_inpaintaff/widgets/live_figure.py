"""A small figure that follows a training, drawn no more often than one can look."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.figure import Figure
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_inpaintaff.widgets.timers import single_shot

#: A figure is drawn at most this often.
REDRAW_INTERVAL_MS = 500
FONT_SIZE = 8


@dataclass(frozen=True)
class Margins:
    """Room for words around the axes of a figure, in pixels; and between two of them.

    ``between`` is a part of their mean height.
    """

    left: int
    right: int
    bottom: int
    top: int
    between: float | None = None


class LiveFigure(QWidget):
    """A figure whose subclass says in `_update` what it shows now.

    Parameters
    ----------
    height : int
        In pixels.
    margins : Margins
        Around the axes.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, height: int, margins: Margins, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._margins = margins
        self.drawings = 0
        self.figure = Figure()
        self.canvas = FigureCanvasQTAgg(self.figure)
        self.canvas.setMinimumWidth(200)
        self.canvas.setFixedHeight(height)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.canvas)
        self._timer = single_shot(self, REDRAW_INTERVAL_MS, self._draw)
        self.canvas.mpl_connect("resize_event", self._set_margins)
        self._set_margins()

    def show_now(self) -> None:
        """Show the newest state at once."""
        self._timer.stop()
        self._draw()

    def _draw_soon(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _draw(self) -> None:
        self.drawings += 1
        self._update()
        self.canvas.draw_idle()

    def _update(self) -> None:
        """Bring the artists up to date."""
        raise NotImplementedError

    def _set_margins(self, event: object = None) -> None:
        """Leave room for words; a layout engine would take three times as long to draw."""
        width, height = self.figure.bbox.size
        margins = self._margins
        self.figure.subplots_adjust(
            left=margins.left / width,
            right=1 - margins.right / width,
            bottom=margins.bottom / height,
            top=1 - margins.top / height,
            hspace=margins.between,
        )

"""The IGM of the split that is shown, drawn with every step of it."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_inpaintaff.widgets.theme_colours import ThemeColours

_HEIGHT = 96
#: Room for words around the curve, in pixels.
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 10, 18, 16
_FONT_SIZE = 8
_DOT = 3.0
#: Nats per pixel that are shown at least, so that noise looks like noise.
_LEAST_SPAN = 0.5


class SplitCurve(QWidget):
    """IGM against the iterations of one split.

    It draws itself: a plot of matplotlib would take as long as the split that it belongs to,
    and the widget longer to open.

    Parameters
    ----------
    colours : ThemeColours
        Of napari's theme.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, colours: ThemeColours, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colours = colours
        self._points: tuple[tuple[int, float], ...] = ()
        self._iterations = 1
        self.setFixedHeight(_HEIGHT)
        self.setMinimumWidth(200)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        font = self.font()
        font.setPointSize(_FONT_SIZE)
        self.setFont(font)
        self.setToolTip(
            "How much more the far side of the cut tells about the pixels near it than their own\n"
            "side, in nats per pixel. Around 0 both know the same: they are parts of one cell. It\n"
            "falls while the cut moves to a border; well below 0 the sides are different cells.\n"
            "Wide and narrow bands around the cut take turns, so the curve goes up and down."
        )

    @property
    def points(self) -> tuple[tuple[int, float], ...]:
        """What is drawn: (iteration, IGM in nats per pixel), empty when nothing is."""
        return self._points

    def show_gains(self, gains: Sequence[tuple[int, float]], iterations: int) -> None:
        """Draw the curve of a split.

        Parameters
        ----------
        gains : sequence of (int, float)
            Iterations, ascending, and the evidence for the split: minus its IGM.
        iterations : int
            How many there will be.
        """
        self._points = tuple((iteration, -gain) for iteration, gain in gains)
        self._iterations = iterations
        self.update()

    def clear(self) -> None:
        """Draw no curve."""
        self._points = ()
        self.update()

    def set_colours(self, colours: ThemeColours) -> None:
        """Follow napari's theme."""
        self._colours = colours
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw; called by Qt."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(self._colours.background))
        plot = QRectF(self.rect()).adjusted(_LEFT, _TOP, -_RIGHT, -_BOTTOM)
        low, high = self._limits()
        self._draw_words(painter, plot, low, high)
        if self._points:
            self._draw_curve(painter, plot, low, high)
        painter.end()

    def _limits(self) -> tuple[float, float]:
        values = [value for _, value in self._points]
        low, high = min([0.0, *values]), max([0.0, *values])
        if high - low < _LEAST_SPAN:
            low = high - _LEAST_SPAN
        return low, high

    def _draw_words(self, painter: QPainter, plot: QRectF, low: float, high: float) -> None:
        painter.setPen(QColor(self._colours.text))
        above = QRectF(2, 0, self.width() - 4 - _RIGHT, _TOP)
        left, right = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(above, left | middle, "IGM of this cut (nats per pixel)")
        if self._points:
            painter.drawText(above, right | middle, _number(self._points[-1][1]))
        below = QRectF(plot.left(), plot.bottom() + 1, plot.width(), _BOTTOM)
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter | middle, "iteration")
        painter.setPen(QColor(self._colours.quiet))
        painter.drawLine(plot.topLeft(), plot.bottomLeft())
        if not self._points:
            return
        painter.drawText(below, left | middle, "1")
        painter.drawText(below, right | middle, str(self._iterations))
        for value in {low, 0.0, high}:
            # Words of neighbours must not lie on each other.
            if value and abs(value) < 0.2 * (high - low):
                continue
            y = _height(plot, low, high, value)
            box = QRectF(0, y - 7, _LEFT - 4, 14)
            painter.drawText(box, right | middle, _number(value) if value else "0")

    def _draw_curve(self, painter: QPainter, plot: QRectF, low: float, high: float) -> None:
        zero = _height(plot, low, high, 0.0)
        painter.setPen(QPen(QColor(self._colours.quiet), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(plot.left(), zero), QPointF(plot.right(), zero))
        step = plot.width() / max(1, self._iterations - 1)
        line = QPolygonF(
            [
                QPointF(plot.left() + (iteration - 1) * step, _height(plot, low, high, value))
                for iteration, value in self._points
            ]
        )
        curve = QColor(self._colours.curve)
        painter.setPen(QPen(curve, 1.5))
        painter.drawPolyline(line)
        painter.setBrush(curve)
        painter.drawEllipse(line.last(), _DOT, _DOT)


def _height(plot: QRectF, low: float, high: float, value: float) -> float:
    return float(plot.top() + (high - value) / (high - low) * plot.height())


def _number(value: float) -> str:
    return f"{value:.1f}".replace("-", "−")

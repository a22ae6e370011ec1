"""The loss of a training, drawn while it goes on."""

from __future__ import annotations

from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.figure import Figure
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_inpaintaff.widgets.theme_colours import ThemeColours
from napari_inpaintaff.widgets.timers import single_shot

#: The plot is drawn at most this often.
REDRAW_INTERVAL_MS = 500
_HEIGHT = 120
_FONT_SIZE = 8
#: Margins in pixels.
_LEFT, _RIGHT, _BOTTOM, _TOP = 40, 8, 36, 18


class LossPlot(QWidget):
    """The loss against the steps of the training.

    Parameters
    ----------
    colours : ThemeColours
        Of napari's theme.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, colours: ThemeColours, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._steps: list[int] = []
        self._losses: list[float] = []
        self._last = 1
        self.drawings = 0
        self.figure = Figure()
        self.canvas = FigureCanvasQTAgg(self.figure)
        self.canvas.setMinimumWidth(200)
        self.canvas.setFixedHeight(_HEIGHT)
        self.axes = self.figure.subplots()
        self.axes.tick_params(labelsize=_FONT_SIZE - 1)
        self.axes.spines[["right", "top"]].set_visible(False)
        self.axes.locator_params(axis="y", nbins=3)
        self._title = self.axes.set_title("Loss", loc="left", fontsize=_FONT_SIZE, pad=3)
        self.axes.set_xlabel("step", fontsize=_FONT_SIZE, labelpad=1)
        (self.curve,) = self.axes.plot([], [], linewidth=1.5)
        self.setToolTip(
            "How far the network is from what you painted. It falls fast at first, then slowly.\n"
            "Whether the result is good, only the picture tells."
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.canvas)
        self._timer = single_shot(self, REDRAW_INTERVAL_MS, self._draw)
        self.canvas.mpl_connect("resize_event", self._set_margins)
        self._set_margins()
        self.set_colours(colours)

    def clear(self) -> None:
        """Forget the training that was shown."""
        self._steps, self._losses, self._last = [], [], 1
        self._draw()

    def add(self, step: int, loss: float, progress: float) -> None:
        """Add a point, to be drawn soon.

        Parameters
        ----------
        step : int
            Steps taken.
        loss : float
            Of the training.
        progress : float
            Fraction of the training that is done, 0 to 1.
        """
        self._steps.append(step)
        self._losses.append(loss)
        self._last = max(step, round(step / progress) if progress > 0 else 1)
        if not self._timer.isActive():
            self._timer.start()

    def show_now(self) -> None:
        """Show the newest state at once."""
        self._timer.stop()
        self._draw()

    def set_colours(self, colours: ThemeColours) -> None:
        """Follow napari's theme."""
        self.figure.set_facecolor(colours.background)
        self.axes.set_facecolor(colours.background)
        self.axes.tick_params(colors=colours.quiet, labelcolor=colours.text)
        self.axes.spines[:].set_color(colours.quiet)
        for words in (self._title, self.axes.xaxis.label):
            words.set_color(colours.text)
        self.curve.set_color(colours.curve)
        self._draw()

    def _set_margins(self, event: object = None) -> None:
        """Leave room for words; a layout engine would take three times as long to draw."""
        width, height = self.figure.bbox.size
        self.figure.subplots_adjust(
            left=_LEFT / width,
            right=1 - _RIGHT / width,
            bottom=_BOTTOM / height,
            top=1 - _TOP / height,
        )

    def _draw(self) -> None:
        self.drawings += 1
        self.curve.set_data(self._steps, self._losses)
        self.axes.set_xlim(0, self._last)
        self.axes.set_ylim(0, 1.1 * max(self._losses, default=1.0) or 1.0)
        self.canvas.draw_idle()

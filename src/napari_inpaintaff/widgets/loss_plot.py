"""The loss of a training, drawn while it goes on."""

from __future__ import annotations

from qtpy.QtWidgets import QWidget

from napari_inpaintaff.widgets.live_figure import FONT_SIZE, LiveFigure, Margins
from napari_inpaintaff.widgets.theme_colours import ThemeColours

_HEIGHT = 120
_MARGINS = Margins(left=40, right=16, bottom=36, top=18)


class LossPlot(LiveFigure):
    """The loss against the steps of the training.

    Parameters
    ----------
    colours : ThemeColours
        Of napari's theme.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, colours: ThemeColours, parent: QWidget | None = None) -> None:
        super().__init__(_HEIGHT, _MARGINS, parent)
        self._steps: list[int] = []
        self._losses: list[float] = []
        self._last = 1
        self.axes = self.figure.subplots()
        self.axes.tick_params(labelsize=FONT_SIZE - 1)
        self.axes.spines[["right", "top"]].set_visible(False)
        self.axes.locator_params(axis="y", nbins=3)
        self._title = self.axes.set_title("Loss", loc="left", fontsize=FONT_SIZE, pad=3)
        self.axes.set_xlabel("step", fontsize=FONT_SIZE, labelpad=1)
        (self.curve,) = self.axes.plot([], [], linewidth=1.5)
        self.setToolTip(
            "How far the network is from what you painted. It falls fast at first, then slowly.\n"
            "Whether the result is good, only the picture tells."
        )
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
        self._draw_soon()

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

    def _update(self) -> None:
        self.curve.set_data(self._steps, self._losses)
        self.axes.set_xlim(0, self._last)
        self.axes.set_ylim(0, 1.1 * max(self._losses, default=1.0) or 1.0)

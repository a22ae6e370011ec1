"""The curves of a training, drawn while it goes on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from matplotlib.axes import Axes
from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.figure import Figure
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_inpaintaff.inpainting.quality import READY_GAUSSIAN_RATIO, READY_RATIO
from napari_inpaintaff.inpainting.updates import TrainingPoint, TrainingUpdate
from napari_inpaintaff.widgets.theme_colours import ThemeColours
from napari_inpaintaff.widgets.timers import single_shot

#: The plot is drawn at most this often.
REDRAW_INTERVAL_MS = 500
#: The loss is kept at most this often, in seconds of training.
_LOSS_INTERVAL = 1.0
_HEIGHT = 220
_FONT_SIZE = 8


@dataclass
class _Curves:
    """What is drawn: times in minutes, errors in percent of a constant's."""

    loss_times: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    history: tuple[TrainingPoint, ...] = ()
    phase: str = ""
    #: What the training will have taken, in minutes.
    budget: float = 0.0

    def add(self, update: TrainingUpdate) -> None:
        if update.phase != self.phase:
            # The loss of a denoiser and that of an inpainter have nothing in common.
            self.loss_times, self.losses, self.phase = [], [], update.phase
        if not self.losses and update.history:
            # Resumed: what was measured before.
            self.loss_times = [point.seconds / 60 for point in update.history]
            self.losses = [point.loss for point in update.history]
        minutes = update.seconds / 60
        if not self.loss_times or minutes - self.loss_times[-1] > _LOSS_INTERVAL / 60:
            self.loss_times.append(minutes)
            self.losses.append(update.loss)
        self.history = update.history
        self.budget = (update.seconds + update.seconds_left) / 60

    @property
    def times(self) -> list[float]:
        return [point.seconds / 60 for point in self.history]

    @property
    def errors(self) -> list[float]:
        return [100 * point.quality.ratio for point in self.history]

    @property
    def gaussian(self) -> float:
        """Percentage of Gaussian-filter inpainting; NaN before the first measurement."""
        if not self.history or self.history[-1].quality.prior_l1 <= 0:
            return math.nan
        quality = self.history[-1].quality
        return 100 * quality.gaussian_l1 / quality.prior_l1

    @property
    def ready(self) -> float:
        """Below this percentage the inpainter is ready."""
        by_gaussian = READY_GAUSSIAN_RATIO * self.gaussian
        by_constant = 100 * READY_RATIO
        return by_constant if math.isnan(by_gaussian) else min(by_constant, by_gaussian)


class TrainingPlot(QWidget):
    """The error on images that were held out, above the loss, against minutes.

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
        self._curves = _Curves()
        self.drawings = 0
        self.figure = Figure(layout="constrained")
        self.canvas = FigureCanvasQTAgg(self.figure)
        self.canvas.setMinimumWidth(200)
        self.canvas.setFixedHeight(_HEIGHT)
        self.error_axes, self.loss_axes = self.figure.subplots(
            2, 1, sharex=True, height_ratios=(2.2, 1)
        )
        self.setToolTip(
            "Upper curve: the error at hidden pixels, in percent of that of a constant guess.\n"
            "It should fall into the green zone. It is measured on images that are held out from\n"
            "the training, if there are four or more.\n"
            "Lower curve: the loss, which the training makes small; no more than a sign of life."
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.canvas)
        self._timer = single_shot(self, REDRAW_INTERVAL_MS, self._draw)
        self._draw()

    def clear(self) -> None:
        """Forget the training that was shown."""
        self._curves = _Curves()
        self._draw()

    def show_update(self, update: TrainingUpdate) -> None:
        """Show where a training stands, soon."""
        self._curves.add(update)
        if not self._timer.isActive():
            self._timer.start()

    def show_now(self) -> None:
        """Show the newest state at once."""
        self._timer.stop()
        self._draw()

    def set_colours(self, colours: ThemeColours) -> None:
        """Follow napari's theme."""
        self._colours = colours
        self._draw()

    def _draw(self) -> None:
        self.drawings += 1
        self.figure.set_facecolor(self._colours.background)
        for axes in (self.error_axes, self.loss_axes):
            axes.clear()
        self._draw_error(self.error_axes)
        self._draw_loss(self.loss_axes)
        self.canvas.draw_idle()

    def _draw_error(self, axes: Axes) -> None:
        curves, colours = self._curves, self._colours
        axes.axhspan(0, curves.ready, color=colours.success, alpha=0.22, linewidth=0)
        axes.axhline(100, color=colours.quiet, linestyle="--", linewidth=1)
        _write(axes, 100, "a constant guess", colours.text)
        if not math.isnan(curves.gaussian):
            axes.axhline(curves.gaussian, color=colours.warning, linestyle="--", linewidth=1)
            _write(axes, curves.gaussian, "Gaussian filter", colours.text)
        _write(axes, curves.ready, "ready below", colours.success, above=False)
        axes.plot(curves.times, curves.errors, color=colours.curve, marker="o", markersize=3)
        finite = [error for error in curves.errors[len(curves.errors) // 2 :] if error == error]
        highest = max([100.0, *finite] + ([curves.gaussian] if curves.gaussian > 0 else []))
        axes.set_ylim(0, 1.2 * highest)
        axes.yaxis.set_major_formatter("{x:.0f} %")
        self._finish(axes, "Error at hidden pixels")
        axes.tick_params(labelbottom=False)

    def _draw_loss(self, axes: Axes) -> None:
        curves = self._curves
        axes.plot(curves.loss_times, curves.losses, color=self._colours.loss, linewidth=1)
        axes.set_xlim(0, max(0.1, curves.budget, *curves.loss_times[-1:], *curves.times[-1:]))
        axes.locator_params(axis="y", nbins=3)
        axes.tick_params(labelleft=bool(curves.losses))
        self._finish(axes, "Loss" if curves.phase != "denoiser" else "Loss of the denoiser")
        axes.set_xlabel("minutes", color=self._colours.text, fontsize=_FONT_SIZE, labelpad=1)

    def _finish(self, axes: Axes, title: str) -> None:
        colours = self._colours
        axes.set_facecolor(colours.background)
        axes.set_title(title, loc="left", color=colours.text, fontsize=_FONT_SIZE, pad=3)
        axes.tick_params(colors=colours.quiet, labelcolor=colours.text, labelsize=_FONT_SIZE - 1)
        for side, spine in axes.spines.items():
            spine.set_visible(side in ("left", "bottom"))
            spine.set_color(colours.quiet)


def _write(axes: Axes, level: float, text: str, colour: str, *, above: bool = True) -> None:
    """Name a horizontal line at its right end."""
    axes.annotate(
        text,
        (1, level),
        xycoords=("axes fraction", "data"),
        xytext=(-2, 1 if above else -2),
        textcoords="offset points",
        ha="right",
        va="bottom" if above else "top",
        color=colour,
        fontsize=_FONT_SIZE - 1,
    )

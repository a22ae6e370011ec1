"""The curves of a training, drawn while it goes on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from matplotlib.axes import Axes
from qtpy.QtWidgets import QWidget

from napari_inpaintaff.inpainting.quality import READY_GAUSSIAN_RATIO, READY_RATIO
from napari_inpaintaff.inpainting.updates import TrainingPoint, TrainingUpdate
from napari_inpaintaff.widgets.live_figure import FONT_SIZE, LiveFigure, Margins
from napari_inpaintaff.widgets.theme_colours import ThemeColours

#: The phase in which there is no inpainter yet.
DENOISER = "denoiser"
#: The loss is kept at most this often, in seconds of training.
_LOSS_INTERVAL = 1.0
_HEIGHT = 220
_MARGINS = Margins(left=44, right=16, bottom=33, top=20, between=0.35)


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
        if math.isfinite(update.seconds_left):
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


class TrainingPlot(LiveFigure):
    """The error on images that were held out, above the loss, against minutes.

    Parameters
    ----------
    colours : ThemeColours
        Of napari's theme.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, colours: ThemeColours, parent: QWidget | None = None) -> None:
        super().__init__(_HEIGHT, _MARGINS, parent)
        self._curves = _Curves()
        self._make_axes()
        self.setToolTip(
            "Upper curve: the error at hidden pixels, in percent of that of a constant guess.\n"
            "It should fall into the green zone. It is measured on images that are held out from\n"
            "the training, if there are four or more.\n"
            "Lower curve: the loss, which the training makes small; no more than a sign of life."
        )
        self.set_colours(colours)

    def clear(self) -> None:
        """Forget the training that was shown."""
        self._curves = _Curves()
        self._draw()

    def show_update(self, update: TrainingUpdate) -> None:
        """Show where a training stands, soon."""
        self._curves.add(update)
        self._draw_soon()

    def set_colours(self, colours: ThemeColours) -> None:
        """Follow napari's theme."""
        self.figure.set_facecolor(colours.background)
        for axes in (self.error_axes, self.loss_axes):
            axes.set_facecolor(colours.background)
            axes.tick_params(colors=colours.quiet, labelcolor=colours.text)
            axes.spines[:].set_color(colours.quiet)
        for words in (*self._titles, self.loss_axes.xaxis.label):
            words.set_color(colours.text)
        self._zone.set_color(colours.success)
        self._constant.set_colours(colours.quiet, colours.text)
        self._gaussian.set_colours(colours.warning, colours.text)
        self._ready.set_colours("none", colours.success)
        self.error_curve.set_color(colours.curve)
        self.loss_curve.set_color(colours.loss)
        self._draw()

    def _make_axes(self) -> None:
        self.error_axes, self.loss_axes = self.figure.subplots(
            2, 1, sharex=True, height_ratios=(2.2, 1)
        )
        for axes in (self.error_axes, self.loss_axes):
            axes.tick_params(labelsize=FONT_SIZE - 1)
            axes.spines[["right", "top"]].set_visible(False)
        self._titles = [
            axes.set_title(text, loc="left", fontsize=FONT_SIZE, pad=3)
            for axes, text in (
                (self.error_axes, "Error at hidden pixels"),
                (self.loss_axes, "Loss"),
            )
        ]
        self.error_axes.tick_params(labelbottom=False)
        self.error_axes.yaxis.set_major_formatter("{x:.0f} %")
        self.error_axes.set_yticks((0, 50, 100))
        self.loss_axes.locator_params(axis="y", nbins=3)
        self.loss_axes.set_xlabel("minutes", fontsize=FONT_SIZE, labelpad=1)
        self._zone = self.error_axes.axhspan(0, 0, alpha=0.22, linewidth=0)
        self._constant = _Level(self.error_axes, "a constant guess")
        self._gaussian = _Level(self.error_axes, "Gaussian filter")
        self._ready = _Level(self.error_axes, "ready below", above=False)
        (self.error_curve,) = self.error_axes.plot([], [], marker="o", markersize=3)
        (self.loss_curve,) = self.loss_axes.plot([], [], linewidth=1)

    def _update(self) -> None:
        curves = self._curves
        self._zone.set_height(curves.ready)
        self._constant.set_level(100)
        self._gaussian.set_level(curves.gaussian)
        self._ready.set_level(curves.ready)
        self.error_curve.set_data(curves.times, curves.errors)
        self.loss_curve.set_data(curves.loss_times, curves.losses)
        self._set_limits()
        self._titles[1].set_text("Loss of the denoiser" if curves.phase == DENOISER else "Loss")
        self.loss_axes.tick_params(labelleft=bool(curves.losses))

    def _set_limits(self) -> None:
        curves = self._curves
        # The first measurements may be far off: the network knew nothing.
        later = curves.errors[len(curves.errors) // 2 :]
        shown = [100.0, curves.gaussian, *later]
        self.error_axes.set_ylim(0, 1.2 * max(level for level in shown if level == level))
        latest = (*curves.loss_times[-1:], *curves.times[-1:])
        self.loss_axes.set_xlim(0, max(0.1, curves.budget, *latest))
        if curves.losses:
            low, high = min(curves.losses), max(curves.losses)
            margin = 0.1 * max(high - low, 1e-6)
            self.loss_axes.set_ylim(low - margin, high + margin)


class _Level:
    """A horizontal line with its name at the right end; NaN hides both."""

    def __init__(self, axes: Axes, name: str, *, above: bool = True) -> None:
        self._line = axes.axhline(0, linestyle="--", linewidth=1)
        self._text = axes.annotate(
            name,
            (1, 0),
            xycoords=("axes fraction", "data"),
            xytext=(-2, 1 if above else -2),
            textcoords="offset points",
            ha="right",
            va="bottom" if above else "top",
            fontsize=FONT_SIZE - 1,
        )

    def set_level(self, level: float) -> None:
        shown = not math.isnan(level)
        for artist in (self._line, self._text):
            artist.set_visible(shown)
        if shown:
            self._line.set_ydata([level, level])
            self._text.xy = (1, level)

    def set_colours(self, line: str, text: str) -> None:
        self._line.set_color(line)
        self._text.set_color(text)

"""The picture of a tuning: a curve for every method, its best value marked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_inpaintaff.images import atomic_path, check_writable
from napari_inpaintaff.pipeline.tuning_curves import METRICS, Tuning, TuningCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PLOT_SUFFIXES = (".png", ".svg", ".pdf")

#: Okabe and Ito's colours, which colour-blind people can tell apart.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5b5b5b")
_QUIET = "0.35"
_AXIS_TITLES = {
    "alpha": "alpha, the weight of the repulsive edges",
    "sigma": "sigma of the distances, in pixels of cells of 25 px",
}


def write_tuning_plot(path: str | Path, tuning: Tuning) -> Path:
    """Draw the curves of a tuning.

    Methods that vary alpha and those that vary sigma have a panel each; those with nothing to
    vary are a dashed line in every panel.

    Parameters
    ----------
    path : str or Path
        A name ending in ``.png``, ``.svg`` or ``.pdf``; replaced only when the picture is
        complete.
    tuning : Tuning
        See `pipeline.tune`.

    Returns
    -------
    Path
        ``path``.

    Raises
    ------
    OutputError
        If the name has another ending or the file cannot be written.
    """
    # Figure instead of pyplot: no global state, no window, safe in any thread.
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullLocator

    path = Path(path)
    check_writable(path, suffixes=PLOT_SUFFIXES)
    colours = {
        curve.method: _COLOURS[number % len(_COLOURS)] for number, curve in enumerate(tuning.curves)
    }
    parameters = list(dict.fromkeys(curve.parameter for curve in tuning.curves if curve.parameter))
    panels = parameters or [""]
    figure = Figure(figsize=(1.5 + 5.5 * len(panels), 4.6), dpi=140, layout="constrained")
    figure.patch.set_facecolor("white")
    metric = METRICS[tuning.curves[0].metric]
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axis, parameter in zip(axes, panels, strict=True):
        for curve in tuning.curves:
            if curve.parameter in (None, parameter):
                _draw_curve(axis, curve, colours[curve.method])
        _finish(axis, _AXIS_TITLES.get(parameter, ""))
        if parameter == "alpha":
            # Twice as much and half as much are equal steps.
            axis.set_xscale("log")
            axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
            axis.xaxis.set_major_formatter("{x:g}")
            axis.xaxis.set_minor_locator(NullLocator())
    better = "lower is better" if metric.smaller_is_better else "higher is better"
    axes[0].set_ylabel(f"{metric.title}; {better}", color=_QUIET)
    cells = f"{tuning.reference_objects} annotated cells"
    images = "1 image" if tuning.images == 1 else f"{tuning.images} images"
    figure.suptitle(f"{metric.title} on {cells} in {images}", x=0.01, ha="left", fontsize=13)
    with atomic_path(path) as unfinished:
        figure.savefig(unfinished, format=path.suffix[1:].lower())
    return path


def _draw_curve(axis: Axes, curve: TuningCurve, colour: str) -> None:
    """Draw one method, and mark its best value."""
    best = curve.best
    if best.value is None:
        label = f"{curve.method}: {best.score:.3f}"
        axis.axhline(best.score, color=colour, linestyle="--", linewidth=1.5, label=label)
        return
    label = f"{curve.method}: {best.score:.3f} at {best.value:g}"
    marker = "o" if len(curve.values) < 60 else ""
    axis.plot(curve.values, curve.scores, color=colour, marker=marker, markersize=3.5, label=label)
    axis.plot(
        [best.value],
        [best.score],
        marker="o",
        markersize=11,
        markerfacecolor="none",
        markeredgecolor=colour,
        markeredgewidth=2,
        zorder=4,
    )


def _finish(axis: Axes, title: str) -> None:
    axis.set_xlabel(title, color=_QUIET)
    axis.tick_params(color="0.75", labelcolor=_QUIET)
    axis.grid(axis="y", color="0.92")
    axis.set_axisbelow(True)
    for side, spine in axis.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color("0.75")
    axis.legend(loc="best", frameon=False, fontsize=9)

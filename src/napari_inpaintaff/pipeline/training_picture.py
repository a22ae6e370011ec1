"""The picture of a training: curves of its error, and what the network predicts."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.inpainting.quality import (
    READY_GAUSSIAN_RATIO,
    READY_RATIO,
    NearHoleError,
    Verdict,
)
from napari_inpaintaff.inpainting.updates import InpaintingExamples, TrainingPoint
from napari_inpaintaff.pipeline.picture import stretch_contrast

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

ScalarT = TypeVar("ScalarT", bound=np.generic)

#: Rows of cells.
Table = list[tuple[str, ...]]

_INPAINTER = "#1f5fbf"
_GAUSSIAN = "#c8661b"
_CONSTANT = "#6b6b6b"
_LOSS = "#a9bddd"
_READY = "#2e7d32"
_NOT_READY = "#b3541e"
_QUIET = "0.35"
#: What was hidden is painted in a colour that no grey image has.
_HIDDEN = (0.45, 0.60, 0.82)
#: Line around the hidden pixels whose error is measured.
_ASKED = "#f2b632"
_EXAMPLES = 6
_WIDTH = 13.0  # inches


def gaussian_level(quality: NearHoleError) -> float:
    """Return the L1 error of Gaussian-filter inpainting relative to the constant prior.

    Parameters
    ----------
    quality : NearHoleError
        Of any inpainter on the same crops.

    Returns
    -------
    float
        NaN where the constant prior was never wrong.
    """
    return quality.gaussian_l1 / quality.prior_l1 if quality.prior_l1 > 0 else math.nan


def draw_training(
    history: Sequence[TrainingPoint],
    examples: InpaintingExamples | None,
    verdict: Verdict | None,
    *,
    loss: str = "laplace",
    tables: Mapping[str, Table] | None = None,
) -> bytes:
    """Draw curves of the error, and example inpaintings.

    Parameters
    ----------
    history : sequence of TrainingPoint
        All measurements, the newest last; may be empty.
    examples : InpaintingExamples or None
        The first six are shown.
    verdict : Verdict or None
        The title.
    loss : str, optional
        What was minimised: the loss ``laplace`` is a negative log-likelihood itself, and is
        drawn beside that of the images held out.
    tables : mapping of str to Table, optional
        Figures by title, shown beside the curves.

    Returns
    -------
    bytes
        A PNG file.
    """
    # Figure instead of pyplot: no global state, no window, safe in any thread.
    from matplotlib.figure import Figure

    shown = examples is not None and len(examples.image) > 0
    heights = (4.3, 6.5) if shown else (4.3,)
    height = sum(heights) + (0.45 if verdict else 0)
    figure = Figure(figsize=(_WIDTH, height), dpi=120, layout=_layout())
    figure.patch.set_facecolor("white")
    if verdict:
        _write_verdict(figure, verdict)
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    _draw_curves(parts[0], history, loss, tables or {})
    if examples is not None and shown:
        _draw_examples(parts[1], examples)
    png = io.BytesIO()
    with warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes; nobody can help that.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(png, format="png")
    return png.getvalue()


def _layout() -> ConstrainedLayoutEngine:
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    return ConstrainedLayoutEngine(w_pad=0.05, h_pad=0.04, wspace=0.01, hspace=0.0)


def _write_verdict(figure: Figure, verdict: Verdict) -> None:
    colour = _READY if verdict.ready else _NOT_READY
    title = figure.suptitle(verdict.text, x=0.008, ha="left", color=colour, parse_math=False)
    title.set(fontsize=18, fontweight="bold")


def _draw_curves(
    figure: Figure | SubFigure,
    history: Sequence[TrainingPoint],
    loss: str,
    tables: Mapping[str, Table],
) -> None:
    widths = (1.0, 1.0, 0.95) if tables else (1.0, 1.0)
    axes = figure.subplots(1, len(widths), width_ratios=widths)
    if history:
        _draw_error(axes[0], history)
        _draw_likelihood(axes[1], history, loss)
    else:
        for axis in axes[:2]:
            axis.text(0.5, 0.5, "not measured", ha="center", color=_QUIET, fontsize=11)
            axis.set_axis_off()
    if tables:
        _write_tables(axes[2], tables)


def _draw_error(axis: Axes, history: Sequence[TrainingPoint]) -> None:
    """Draw the L1 error, relative to that of a constant, over time."""
    gaussian = 100 * gaussian_level(history[-1].quality)
    # NaN, where a constant was never wrong, is not the smaller one.
    ready = 100 * min(READY_RATIO, READY_GAUSSIAN_RATIO * gaussian / 100)
    percent = [100 * point.quality.ratio for point in history]
    _draw_inpainter(axis, history, percent)
    _draw_baselines(axis, 100.0, gaussian)
    axis.axhspan(0, ready, color=_READY, alpha=0.12, linewidth=0, label="good enough")
    # The first measurements may be far off: the network knew nothing.
    later = percent[len(percent) // 2 :]
    axis.set_ylim(0, 1.12 * float(np.nanmax([100.0, gaussian, *later])))
    axis.yaxis.set_major_formatter("{x:.0f} %")
    _finish(axis, history, "Error at hidden pixels (a constant: 100 %)")


def _draw_likelihood(axis: Axes, history: Sequence[TrainingPoint], loss: str) -> None:
    """Draw the negative log-likelihood over time, and the loss where it is one, too."""
    last = history[-1].quality
    losses = [point.loss for point in history]
    if last.nll is None:
        axis.plot(_times(history), losses, color=_LOSS, linewidth=1.8, label="loss in training")
        _finish(axis, history, f"Loss in training ({loss})")
        return
    measured = [math.nan if p.quality.nll is None else p.quality.nll for p in history]
    _draw_inpainter(axis, history, measured)
    _draw_baselines(axis, last.prior_nll, last.gaussian_nll)
    if loss == "laplace":
        axis.plot(
            _times(history), losses, color=_LOSS, linewidth=1.8, zorder=1, label="loss in training"
        )
    _finish(axis, history, "Negative log-likelihood (nats per pixel)")


def _draw_inpainter(axis: Axes, history: Sequence[TrainingPoint], values: list[float]) -> None:
    marker = "o" if len(values) < 40 else ""
    axis.plot(
        _times(history),
        values,
        color=_INPAINTER,
        linewidth=2.2,
        marker=marker,
        markersize=4,
        zorder=3,
        label="this inpainter",
    )


def _draw_baselines(axis: Axes, constant: float, gaussian: float) -> None:
    axis.axhline(gaussian, color=_GAUSSIAN, linestyle="--", label="Gaussian filter")
    axis.axhline(constant, color=_CONSTANT, linestyle="--", label="a constant")


def _times(history: Sequence[TrainingPoint]) -> list[float]:
    unit = 60.0 if _in_minutes(history) else 1.0
    return [point.seconds / unit for point in history]


def _in_minutes(history: Sequence[TrainingPoint]) -> bool:
    return history[-1].seconds >= 180


def _finish(axis: Axes, history: Sequence[TrainingPoint], title: str) -> None:
    axis.set_title(title, loc="left", fontsize=12, fontweight="bold", color="0.1")
    unit = "minutes" if _in_minutes(history) else "seconds"
    axis.set_xlabel(unit, color=_QUIET, fontsize=10, labelpad=1)
    axis.set_xlim(left=0)
    axis.tick_params(labelsize=9.5, color="0.75", labelcolor=_QUIET)
    axis.grid(axis="y", color="0.92")
    axis.set_axisbelow(True)
    for side, spine in axis.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color("0.75")
    axis.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.13),
        ncols=2,
        frameon=False,
        fontsize=10,
        columnspacing=2.5,
    )


def _write_tables(axis: Axes, tables: Mapping[str, Table]) -> None:
    """Write tables below each other, a line of text for each row."""
    axis.set_axis_off()
    filled = {title: table for title, table in tables.items() if table}
    step = 1 / max(sum(len(table) + 2 for table in filled.values()) - 2, 18)
    y = 1.075  # as high as the titles of the curves
    for title, table in filled.items():
        axis.text(0.08, y, title, fontsize=12, fontweight="bold", va="top", parse_math=False)
        y -= 1.25 * step
        starts = (0.08, 0.45, 0.67, 0.88) if len(table[0]) > 2 else (0.08, 0.36)
        for row in table:
            for x, cell in zip(starts, row, strict=True):
                named = x == starts[0] or not row[0]
                text = axis.text(x, y, _shorten(cell), va="top", fontsize=10, parse_math=False)
                text.set_color(_QUIET if named else "0.1")
            y -= step
        y -= 0.6 * step


def _shorten(text: str, length: int = 36) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _draw_examples(figure: Figure | SubFigure, examples: InpaintingExamples) -> None:
    """Draw what the network saw, what it predicted, and what was there."""
    known, asked = _in_row(examples.known), _in_row(examples.asked)
    # One contrast for all, so that rows and columns can be compared. Linear: the normalised
    # intensities are logarithms already, their square roots would be too bright.
    pair = stretch_contrast(np.stack([_in_row(examples.image), _in_row(examples.prediction)])) ** 2
    truth, prediction = pair
    gap = np.isnan(_in_row(np.zeros_like(examples.image), fill=np.nan))
    rows = {
        "what the\nnetwork saw": _paint(truth, known, gap),
        "what it\npredicted": _paint(np.where(asked, prediction, truth), known | asked, gap),
        "what was\nthere": _paint(truth, np.ones_like(known), gap),
    }
    axes = figure.subplots(len(rows), 1)
    for number, (axis, (name, pixels)) in enumerate(zip(axes, rows.items(), strict=True)):
        axis.imshow(pixels, interpolation="nearest")
        if number > 0 and asked.any() and not asked.all():
            axis.contour(asked, levels=[0.5], colors=[_ASKED], linewidths=1.0)
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
        axis.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=11, color="0.1")
    words = "Examples: hidden pixels are blue; the error is measured within the yellow lines"
    caption = figure.suptitle(words, x=0.008, ha="left")
    caption.set(fontsize=12, fontweight="bold", color="0.1")


def _in_row(images: NDArray[ScalarT], fill: float = 0) -> NDArray[ScalarT]:
    """Lay the first images side by side with gaps; the row is as wide for fewer."""
    height, width = images.shape[1:]
    gap = max(1, width // 20)
    row = np.full((height, _EXAMPLES * (width + gap) - gap), fill, images.dtype)
    for column, image in enumerate(images[:_EXAMPLES]):
        row[:, column * (width + gap) :][:, :width] = image
    return row


def _paint(
    grey: NDArray[np.float32], visible: NDArray[np.bool_], gap: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Return a grey image as RGB in [0, 1], in one flat colour where it is not visible."""
    colours = np.repeat(grey[..., None], 3, axis=-1)
    colours[~visible] = _HIDDEN
    colours[gap] = 1
    return colours

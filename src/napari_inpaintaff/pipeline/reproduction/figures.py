"""The figures: curves like the papers' Figures 4 and 5, panels like their 3 and 6."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.evaluation import seg_score
from napari_inpaintaff.images import atomic_path
from napari_inpaintaff.partition import foreground_components
from napari_inpaintaff.pipeline.picture import boundary_colours, label_colours, stretch_contrast
from napari_inpaintaff.pipeline.reproduction.layout import Frame, crowded_window, touching_pixels
from napari_inpaintaff.pipeline.reproduction.scoring import IOU_LEVELS, Run, ScoreTask
from napari_inpaintaff.pipeline.reproduction.splits import SHORT_NAMES
from napari_inpaintaff.pipeline.reproduction.tables import (
    SEPARATION_NAMES,
    Scores,
    data_sets_of,
    seg_of,
    select,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = {"igm": "#1f5fbf", "student": "#2e9c6a", "affnet": "#c8661b"}
_QUIET = "0.4"
#: Side of the panels like Figure 3, in diameters of a cell.
_PANEL_DIAMETERS = 9.0

Picture = tuple[str, NDArray[np.floating]]


def draw_figure4(path: Path, scores: Scores) -> bool:
    """Draw SEG over the number of labelled cells; return whether there is anything."""
    data_sets = [
        name
        for name in data_sets_of(scores)
        if select(scores, data_set=name, foreground="fgnet", fifty=False, method="mutex_watershed")
    ]
    if not data_sets:
        return False
    figure = _figure(5.2 * len(data_sets), 4.0)
    for axis, name in zip(
        figure.subplots(1, len(data_sets), squeeze=False)[0], data_sets, strict=True
    ):
        mine = select(
            scores, data_set=name, foreground="fgnet", fifty=False, method="mutex_watershed"
        )
        for separation, colour in _COLOURS.items():
            _draw_curve(axis, select(mine, separation=separation), separation, colour)
        _draw_level(axis, select(scores, data_set=name, foreground="true", variant=""))
        axis.set_xscale("log")
        counts = sorted({run.instances or 0 for run, _ in mine})
        axis.set_xticks(counts, [str(count) for count in counts], fontsize=8)
        axis.minorticks_off()
        axis.set_xlabel("labelled cells")
        axis.set_ylabel("SEG")
        axis.set_title(SHORT_NAMES[name], loc="left", fontweight="bold")
        axis.legend(frameon=False, fontsize=8, loc="lower right")
        _tidy(axis)
    return _save(figure, path)


def _draw_curve(axis: Axes, scores: Scores, separation: str, colour: str) -> None:
    counts = sorted({run.instances or 0 for run, _ in scores})
    if not counts:
        return
    values = [seg_of(record for _, record in select(scores, instances=n)) for n in counts]
    means = [statistics.mean(one) for one in values]
    label = f"FGNet + {SEPARATION_NAMES[separation]}"
    axis.plot(counts, means, color=colour, marker="o", markersize=4, label=label)
    spread = [statistics.stdev(one) if len(one) > 1 else 0.0 for one in values]
    low, high = np.subtract(means, spread), np.add(means, spread)
    axis.fill_between(counts, low, high, color=colour, alpha=0.15, linewidth=0)
    for count, one in zip(counts, values, strict=True):
        axis.plot([count] * len(one), one, ".", color=colour, alpha=0.45, markersize=4)


def _draw_level(axis: Axes, scores: Scores) -> None:
    """Draw what InpaintAff reaches with the true foreground."""
    for _, record in select(scores, method="mutex_watershed")[:1]:
        axis.axhline(
            record["seg"], color=_QUIET, linestyle=":", label="InpaintAff + TRUEFG", zorder=0
        )


def draw_figure5(path: Path, scores: Scores) -> bool:
    """Draw the detection accuracy over the IoU; return whether there is anything."""
    mine = select(scores, foreground="fgnet", method="mutex_watershed")
    data_sets = data_sets_of(mine)
    if not data_sets:
        return False
    figure = _figure(5.2 * len(data_sets), 4.0)
    for axis, name in zip(
        figure.subplots(1, len(data_sets), squeeze=False)[0], data_sets, strict=True
    ):
        of_set = select(mine, data_set=name)
        supervised = select(of_set, separation="affnet")
        most = max((run.instances or 0 for run, _ in supervised), default=0)
        groups = [
            select(of_set, separation="igm", fifty=True),
            select(of_set, separation="student", fifty=True),
            select(supervised, instances=most),
        ]
        for group in groups:
            if not group:
                continue
            run = group[0][0]
            values = np.mean([record["detection_accuracy"] for _, record in group], axis=0)
            label = f"FGNet + {SEPARATION_NAMES[run.separation]}, {run.instances} cells"
            axis.plot(
                IOU_LEVELS, values, color=_COLOURS[run.separation], marker="o", ms=4, label=label
            )
        axis.set_xlabel("IoU above")
        axis.set_ylabel("part of the cells that is found")
        axis.set_ylim(0, 1)
        axis.set_title(SHORT_NAMES[name], loc="left", fontweight="bold")
        axis.legend(frameon=False, fontsize=8, loc="lower left")
        _tidy(axis)
    return _save(figure, path)


def draw_figure3(path: Path, task: ScoreTask, record: dict[str, Any]) -> None:
    """Draw panels like Figure 3: components, affinities and labels of touching cells.

    Parameters
    ----------
    path : Path
        PNG to write.
    task : ScoreTask
        InpaintAff with the true foreground.
    record : dict
        What it scored.
    """
    frame = max(task.test, key=lambda one: np.count_nonzero(touching_pixels(one.read()[1])))
    image, _ = frame.read()
    case = task.case(frame, task.load())
    assert case.affinities is not None
    labels = task.labels(case, record["value"])
    window = crowded_window(case.truth, round(_PANEL_DIAMETERS * task.diameter))
    components = foreground_components(case.foreground)
    pictures = [
        ("Image", stretch_contrast(image)[window]),
        ("Components of TRUEFG", label_colours(components, image)[window]),
        ("Affinities", boundary_colours(case.affinities)[window]),
        ("InpaintAff + TRUEFG", label_colours(labels, image)[window]),
        ("Ground truth", label_colours(case.truth, image)[window]),
    ]
    _draw_panels(path, [(f"{SHORT_NAMES[task.run_description.data_set]} {frame.name}", pictures)])


def draw_figure6(path: Path, task: ScoreTask, record: dict[str, Any]) -> None:
    """Draw panels like Figure 6: the best and the worst test frame, as a whole.

    Parameters
    ----------
    path, task, record
        See `draw_figure3`; the foreground is that of FGNet50.
    """
    scores = record["frames"]
    names = sorted(scores, key=lambda name: -scores[name])
    frames = {frame.name: frame for frame in task.test}
    rows = []
    for name in dict.fromkeys((names[0], names[-1])):
        rows.append(_whole_frame(task, frames[name], record))
    _draw_panels(path, rows)


def _whole_frame(
    task: ScoreTask, frame: Frame, record: dict[str, Any]
) -> tuple[str, list[Picture]]:
    image, _ = frame.read()
    case = task.case(frame, task.load())
    assert case.affinities is not None
    labels = task.labels(case, record["value"])
    seg = seg_score(labels, case.truth)
    window = frame.window()
    pictures: list[Picture] = [
        ("Image", stretch_contrast(image)[window]),
        ("Affinities", boundary_colours(_inside(case.affinities, case.foreground))[window]),
        (f"InpaintAff + FGNet50, SEG {seg:.3f}", label_colours(labels, image)[window]),
        ("Ground truth", label_colours(case.truth, image)[window]),
    ]
    return f"{SHORT_NAMES[task.run_description.data_set]} {frame.name}", pictures


def _inside(affinities: Affinities, foreground: NDArray[np.bool_]) -> Affinities:
    """Return the affinities of a foreground; others were computed for other foregrounds."""
    weight = np.where(foreground, affinities.weight, np.float32(0))
    return Affinities(affinities.values, affinities.offsets, weight)


def _draw_panels(path: Path, rows: Sequence[tuple[str, Sequence[Picture]]]) -> None:
    height, width = rows[0][1][0][1].shape[:2]
    columns = len(rows[0][1])
    panel = 3.4
    figure = _figure(panel * columns, (panel * height / width + 0.35) * len(rows))
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for line, (name, pictures) in zip(axes, rows, strict=True):
        for axis, (title, pixels) in zip(line, pictures, strict=True):
            axis.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axis.set_title(title, loc="left", fontsize=10)
            axis.set_xticks([])
            axis.set_yticks([])
        line[0].set_ylabel(name, fontsize=10)
    _save(figure, path)


def _figure(width: float, height: float) -> Figure:
    # Figure instead of pyplot: no global state, no window, safe in any thread.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=130, layout="constrained")
    figure.patch.set_facecolor("white")
    return figure


def _tidy(axis: Axes) -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(color="0.92")
    axis.set_axisbelow(True)


def _save(figure: Figure, path: Path) -> bool:
    with atomic_path(path) as unfinished:
        figure.savefig(unfinished, format="png")
    return True


def run_of(tasks: Sequence[ScoreTask], **wanted: Any) -> ScoreTask | None:
    """Return the first task whose run has these values."""
    for task in tasks:
        run: Run = task.run_description
        if all(getattr(run, name) == value for name, value in wanted.items()):
            return task
    return None

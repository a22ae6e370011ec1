"""The tables: what was measured beside what the papers print."""

from __future__ import annotations

import csv
import io
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from napari_inpaintaff.partition import MUTEX_WATERSHEDS
from napari_inpaintaff.pipeline.reproduction.published import CHALLENGE, FEW, TABLE1, TIMES
from napari_inpaintaff.pipeline.reproduction.scoring import IOU_LEVELS, Run
from napari_inpaintaff.pipeline.reproduction.splits import SHORT_NAMES

Cell = str | float | int | None
Scores = Sequence[tuple[Run, dict[str, Any]]]

#: What the papers call a separation.
SEPARATION_NAMES = {
    "igm": "InpaintAff",
    "student": "InpaintAff (student)",
    "affnet": "AffNet",
    "outline": "outline",
}


@dataclass(frozen=True)
class Table:
    """A table to print.

    Attributes
    ----------
    name : str
        Of its file.
    title : str
        For people.
    columns : tuple of str
        Head.
    rows : tuple of tuple
        Strings, numbers, and None for nothing.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def csv(self) -> str:
        """Return comma-separated values; numbers in full."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(["" if cell is None else cell for cell in row] for row in self.rows)
        return text.getvalue()

    def markdown(self) -> str:
        """Return a Markdown table; fractions with three digits. Empty columns are left out."""
        kept = [k for k in range(len(self.columns)) if any(row[k] is not None for row in self.rows)]
        lines = [
            [self.columns[k] for k in kept],
            ["---"] * len(kept),
            *([_shown(row[k]) for k in kept] for row in self.rows),
        ]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _shown(cell: Cell) -> str:
    if cell is None:
        return ""
    return f"{cell:.3f}" if isinstance(cell, float) else str(cell)


@dataclass(frozen=True)
class Summary:
    """Several trainings of the same, together.

    Attributes
    ----------
    seg, spread : float or None
        Mean and sample standard deviation of SEG; no spread of a single one.
    trainings : int or None
        Seeds; None where nothing was trained on labels.
    of_frames : float
        Mean over the frames, of the mean over the trainings.
    parameter : str
        The values of alpha or sigma that were chosen.
    validation : float or None
        Mean SEG on the validation frames.
    """

    seg: float
    spread: float | None
    trainings: int | None
    of_frames: float
    parameter: str | None
    validation: float | None

    @property
    def cells(self) -> tuple[Cell, ...]:
        """In the order of `SUMMARY_COLUMNS`."""
        return (
            self.seg,
            self.spread,
            self.trainings,
            self.of_frames,
            self.parameter,
            self.validation,
        )


SUMMARY_COLUMNS = ("SEG", "±", "trainings", "mean of frames", "chosen", "SEG of validation")


def summarise(scores: Scores) -> Summary | None:
    """Put the seeds of one row together; None without any."""
    if not scores:
        return None
    records = [record for _, record in scores]
    learned = scores[0][0].instances is not None
    values = sorted({record["value"] for record in records if record["value"] is not None})
    name = records[0]["parameter"]
    validations = [r["validation"] for r in records if r["validation"] is not None]
    return Summary(
        statistics.mean(seg_of(records)),
        statistics.stdev(seg_of(records)) if len(records) > 1 else None,
        len(records) if learned else None,
        statistics.mean(statistics.mean(record["frames"].values()) for record in records),
        f"{name} {', '.join(f'{value:g}' for value in values)}" if values else None,
        statistics.mean(validations) if validations else None,
    )


def seg_of(records: Iterable[dict[str, Any]]) -> list[float]:
    """Return SEG of every record."""
    return [float(record["seg"]) for record in records]


def select(scores: Scores, **wanted: Any) -> list[tuple[Run, dict[str, Any]]]:
    """Return the runs whose description has these values."""
    return [
        (run, record)
        for run, record in scores
        if all(getattr(run, name) == value for name, value in wanted.items())
    ]


def row_name(run: Run) -> str:
    """Return the name of a row, as the papers write it."""
    learned = "" if run.instances is None else "50" if run.fifty else f" ({run.instances} cells)"
    foreground = {"true": "TRUEFG", "fgnet": f"FGNet{learned}", "global_otsu": "Otsu"}
    name = "components" if run.method == "foreground_components" else _separation(run)
    return f"{name} + {foreground[run.foreground]}"


def _separation(run: Run) -> str:
    if run.method == "distance_watershed":
        return "distance watershed"
    name = SEPARATION_NAMES[run.separation]
    return f"{name} and outline" if run.method == "outline_mutex_watershed" else name


def data_sets_of(scores: Scores) -> list[str]:
    """Return the data sets in the order in which they occur."""
    return list(dict.fromkeys(run.data_set for run, _ in scores))


def table1(scores: Scores) -> Table:
    """Return Table 1: separation and segmentation, with the paper's values."""
    rows: list[tuple[Cell, ...]] = []
    for data_set in data_sets_of(scores):
        short = SHORT_NAMES[data_set]
        mine = [one for one in select(scores, data_set=data_set, variant="") if _in_table1(one[0])]
        for name, group in _grouped(mine):
            summary = summarise(group)
            published = TABLE1.get(name, {}).get(short)
            cells = group[0][0].instances
            if summary is not None:
                rows.append((short, name, cells, *summary.cells, published))
        nothing = (None,) * (1 + len(SUMMARY_COLUMNS))
        for name, seg in CHALLENGE.get(short, ()):
            rows.append((short, f"{name} (challenge, supervised, other test)", *nothing, seg))
    columns = ("data set", "method", "labelled cells", *SUMMARY_COLUMNS, "paper")
    return Table("table1", "Table 1", columns, tuple(rows))


def _in_table1(run: Run) -> bool:
    if run.foreground == "true":
        return run.method in (*MUTEX_WATERSHEDS, "foreground_components")
    return run.fifty and run.method in MUTEX_WATERSHEDS and run.separation != "affnet"


def _grouped(scores: Scores) -> list[tuple[str, list[tuple[Run, dict[str, Any]]]]]:
    """Group the seeds of the same row, in the order of the rows."""
    groups: dict[str, list[tuple[Run, dict[str, Any]]]] = {}
    for run, record in scores:
        groups.setdefault(row_name(run), []).append((run, record))
    return list(groups.items())


def figure4(scores: Scores) -> Table:
    """Return the values of Figure 4: SEG over the number of labelled cells."""
    rows: list[tuple[Cell, ...]] = []
    for data_set in data_sets_of(scores):
        mine = [
            one
            for one in select(scores, data_set=data_set, foreground="fgnet", fifty=False)
            if one[0].method == "mutex_watershed"
        ]
        order = sorted({(run.instances or 0, run.separation) for run, _ in mine})
        for instances, separation in order:
            group = select(mine, instances=instances, separation=separation)
            summary = summarise(group)
            name = f"FGNet + {SEPARATION_NAMES[separation]}"
            if summary is not None:
                rows.append((SHORT_NAMES[data_set], instances, name, *summary.cells))
    columns = ("data set", "labelled cells", "method", *SUMMARY_COLUMNS)
    return Table("figure4", "Figure 4", columns, tuple(rows))


def figure5(scores: Scores) -> Table:
    """Return the values of Figure 5: the part of the cells that is found above an IoU."""
    rows: list[tuple[Cell, ...]] = []
    for data_set in data_sets_of(scores):
        mine = select(scores, data_set=data_set, method="mutex_watershed", foreground="fgnet")
        for group in (
            *(select(mine, fifty=True, separation=separation) for separation in ("igm", "student")),
            _largest(select(mine, separation="affnet")),
        ):
            if not group:
                continue
            accuracy = [
                statistics.mean(record["detection_accuracy"][k] for _, record in group)
                for k in range(len(IOU_LEVELS))
            ]
            run = group[0][0]
            name = f"FGNet + {SEPARATION_NAMES[run.separation]}"
            rows.append((SHORT_NAMES[data_set], name, run.instances, len(group), *accuracy))
    columns = ("data set", "method", "labelled cells", "trainings", *(f"{x:g}" for x in IOU_LEVELS))
    return Table("figure5", "Figure 5", columns, tuple(rows))


def _largest(scores: Scores) -> list[tuple[Run, dict[str, Any]]]:
    """Return the runs with the most labelled cells."""
    most = max((run.instances or 0 for run, _ in scores), default=0)
    return select(scores, instances=most)


def clustering(scores: Scores) -> Table:
    """Return what the partition methods make of the same foreground."""
    rows: list[tuple[Cell, ...]] = []
    for data_set in data_sets_of(scores):
        for foreground, fifty in (("true", False), ("fgnet", True), ("global_otsu", False)):
            mine = [
                one
                for one in select(
                    scores, data_set=data_set, foreground=foreground, fifty=fifty, variant=""
                )
                if one[0].separation != "affnet"
            ]
            base = summarise(select(mine, method="foreground_components"))
            names = list(dict.fromkeys((run.method, run.separation) for run, _ in mine))
            for method, separation in names:
                group = select(mine, method=method, separation=separation)
                summary = summarise(group)
                if summary is None:
                    continue
                way = None
                if base is not None and base.seg < 1 and method != "foreground_components":
                    way = (summary.seg - base.seg) / (1 - base.seg)
                label = {"true": "TRUEFG", "fgnet": "FGNet50", "global_otsu": "Otsu"}[foreground]
                rows.append(
                    (
                        SHORT_NAMES[data_set],
                        label,
                        method.replace("_", " "),
                        "outline" if separation == "outline" else SEPARATION_NAMES[separation],
                        *summary.cells,
                        way,
                        *(_mean(group, name) for name in _MORE),
                    )
                )
    columns = (
        "data set",
        "foreground",
        "partition",
        "affinities",
        *SUMMARY_COLUMNS,
        "way to 1",
        "AP at 0.5",
        "F1",
        "VI (bits)",
        "split",
        "merged",
    )
    return Table("clustering", "Clustering methods", columns, tuple(rows))


_MORE = ("average_precision", "f1", "variation_of_information", "split", "merged")


def _mean(scores: Scores, name: str) -> Cell:
    values = [record.get(name) for _, record in scores]
    if any(value is None for value in values):
        return None
    mean = statistics.mean(value for value in values if value is not None)
    # Numbers of cells.
    return f"{mean:.1f}" if name in ("split", "merged") else float(mean)


def appendix(scores: Scores) -> Table:
    """Return what happens when one of the choices of appendix A is another one."""
    rows: list[tuple[Cell, ...]] = []
    for data_set in data_sets_of(scores):
        mine = [one for one in select(scores, data_set=data_set) if one[0].variant]
        published = summarise(select(mine, variant="as published"))
        for variant in dict.fromkeys(run.variant for run, _ in mine):
            summary = summarise(select(mine, variant=variant))
            if summary is None:
                continue
            difference = None
            if published is not None and variant != "as published":
                difference = f"{summary.seg - published.seg:+.3f}"
            rows.append((SHORT_NAMES[data_set], variant, *summary.cells, difference))
    columns = ("data set", "choice", *SUMMARY_COLUMNS, "difference")
    return Table("appendix", "Choices of appendix A, one at a time", columns, tuple(rows))


def statement(scores: Scores) -> list[str]:
    """Test what the paper concludes from Figure 4, in sentences.

    Few labelled cells for FGNet, with InpaintAff, are to be as good as ten times as many for
    AffNet, or as many as there are.
    """
    sentences = []
    for data_set in data_sets_of(scores):
        mine = select(
            scores, data_set=data_set, method="mutex_watershed", foreground="fgnet", fifty=False
        )
        supervised = _largest(select(mine, separation="affnet"))
        few = select(mine, separation="igm") or select(mine, separation="student")
        counts = sorted({run.instances or 0 for run, _ in few}, key=lambda n: abs(n - FEW))
        if not counts or not supervised:
            continue
        first, second = summarise(select(few, instances=counts[0])), summarise(supervised)
        most = supervised[0][0].instances or 0
        if first is None or second is None or most <= counts[0]:
            continue
        better = first.seg - second.seg
        spread = math.hypot(first.spread or 0.0, second.spread or 0.0)
        verdict = "holds" if better > 0 else "does not hold"
        if abs(better) < spread:
            verdict = f"is undecided, the trainings differ by as much (± {spread:.3f})"
        sentences.append(
            f"{SHORT_NAMES[data_set]}: FGNet with {counts[0]} cells and InpaintAff scores "
            f"{first.seg:.3f}, AffNet with {most} cells ({most / counts[0]:.0f} times as many) "
            f"{second.seg:.3f}, a difference of {better:+.3f}: here the paper's statement, for "
            f"{FEW} cells against {TIMES} times as many on PANC, {verdict}."
        )
    return sentences

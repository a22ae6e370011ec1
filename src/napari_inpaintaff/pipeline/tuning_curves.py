"""Curves of a measure over alpha or sigma; importing this does not import torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.evaluation import Evaluation, det_score, evaluate
from napari_inpaintaff.images.csv_files import write_csv

#: Labels and their ground truth, both integers (Y, X), of every image.
Frames = Sequence[tuple[NDArray[np.integer], NDArray[np.integer]]]

#: Of the paper's figure 5.
_IOU_LEVELS = tuple(0.5 + 0.05 * k for k in range(10))
#: Scores that differ by less are equal: sums of floats in another order.
_EQUAL = 1e-9


@dataclass(frozen=True)
class Metric:
    """A measure of label images against their ground truth.

    Attributes
    ----------
    title : str
        What it is, for people.
    measure : callable
        Takes labels and truth of all images and pools over them, as `evaluation.evaluate`.
    partial : bool
        Whether cells may be missing in the ground truth: it looks at annotated ones only.
    smaller_is_better : bool
        Whether it measures errors.
    """

    title: str
    measure: Callable[[Frames], float]
    partial: bool = False
    smaller_is_better: bool = False


def _of(value: Callable[[Evaluation], float]) -> Callable[[Frames], float]:
    return lambda frames: value(evaluate(frames))


def _mean_accuracy(result: Evaluation) -> float:
    return sum(result.detection_accuracy(level) for level in _IOU_LEVELS) / len(_IOU_LEVELS)


#: By the names that the command line knows.
METRICS: dict[str, Metric] = {
    "seg": Metric("SEG", _of(lambda result: result.seg), partial=True),
    "f1": Metric("F1 (IoU above 0.5)", _of(lambda result: result.f1)),
    "ap": Metric("average precision (IoU above 0.5)", _of(lambda r: r.average_precision())),
    "accuracy": Metric(
        "detection accuracy (mean over IoU 0.5 to 0.95)", _of(_mean_accuracy), partial=True
    ),
    "det": Metric("DET", det_score),
    "vi": Metric(
        "variation of information (bits)",
        _of(lambda result: result.variation_of_information),
        partial=True,
        smaller_is_better=True,
    ),
}


@dataclass(frozen=True)
class TuningPoint:
    """One point of a curve.

    Attributes
    ----------
    value : float or None
        Of the parameter; None for a method that has none.
    score : float
        Of all images together.
    """

    value: float | None
    score: float


@dataclass(frozen=True)
class TuningCurve:
    """What a partition method scores, by the value of its parameter.

    Attributes
    ----------
    method : str
        A name in `partition.PARTITION_METHODS` or `partition.OUTLINE_METHODS`.
    metric : str
        A name in `METRICS`.
    parameter : {"alpha", "sigma"} or None
        What was varied; None for a method with nothing to vary.
    values : tuple of float
        Ascending; empty for a method with nothing to vary.
    scores : tuple of float
        One for every value; a single one for a method with nothing to vary.
    """

    method: str
    metric: str
    parameter: str | None
    values: tuple[float, ...]
    scores: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise unknown_metric(self.metric)
        if (self.parameter is None) != (not self.values):
            raise ParameterError(
                f"the curve of {self.method} has the parameter {self.parameter} and "
                f"{len(self.values)} values"
            )
        if len(self.scores) != max(1, len(self.values)):
            raise ParameterError(
                f"the curve of {self.method} has {len(self.scores)} scores for "
                f"{len(self.values)} values"
            )
        if any(b <= a for a, b in zip(self.values, self.values[1:], strict=False)):
            raise ParameterError(f"the values of a curve must ascend, got {self.values}")

    @property
    def points(self) -> tuple[TuningPoint, ...]:
        """All points, by ascending value."""
        values = self.values or (None,)
        return tuple(map(TuningPoint, values, self.scores))

    @property
    def best(self) -> TuningPoint:
        """The point with the best score; in the middle where neighbours are as good.

        Of several such groups of neighbours it is the widest.
        """
        return self.points[self._best_index]

    @property
    def edge(self) -> Literal["smallest", "largest"] | None:
        """Whether the best value is at an end of the range: there may be a better one beyond.

        Nothing is beyond 0.
        """
        if len(self.values) < 2 or self._best_index not in (0, len(self.values) - 1):
            return None
        if self._best_index > 0:
            return "largest"
        return "smallest" if self.values[0] > 0 else None

    @property
    def _best_index(self) -> int:
        sign = -1 if METRICS[self.metric].smaller_is_better else 1
        scores = [sign * score for score in self.scores]
        top = max(scores) - _EQUAL
        runs = [
            [index for index, _ in run]
            for good, run in groupby(enumerate(scores), key=lambda item: item[1] >= top)
            if good
        ]
        widest = max(runs, key=len)  # the first of equal ones
        return widest[(len(widest) - 1) // 2]


@dataclass(frozen=True)
class Tuning:
    """The result of `pipeline.tune`.

    Attributes
    ----------
    curves : tuple of TuningCurve
        One for every method, in the order in which they were asked for.
    images : int
        How many images they were measured on.
    reference_objects : int
        How many annotated cells there are in them.
    """

    curves: tuple[TuningCurve, ...]
    images: int
    reference_objects: int

    @property
    def best(self) -> TuningCurve:
        """The curve that reaches the best score; the first of equal ones."""
        metric = METRICS[self.curves[0].metric]
        sign = -1 if metric.smaller_is_better else 1
        return max(self.curves, key=lambda curve: sign * curve.best.score)

    def curve(self, method: str) -> TuningCurve:
        """Return the curve of a method.

        Raises
        ------
        ParameterError
            If it was not tuned.
        """
        for curve in self.curves:
            if curve.method == method:
                return curve
        raise ParameterError(f"{method!r} was not tuned")


def unknown_metric(name: str) -> ParameterError:
    """Return the error for a measure that does not exist."""
    return ParameterError(f"unknown metric {name!r}; choose one of: {', '.join(METRICS)}")


def check_values(name: str, values: Sequence[float], *, zero: bool) -> tuple[float, ...]:
    """Return values of a parameter in ascending order, each once.

    Parameters
    ----------
    name : str
        Of the parameter, for the message.
    values : sequence of float
        One or more.
    zero : bool
        Whether 0 is allowed.

    Raises
    ------
    ParameterError
        If there is none, or one is not finite or too small.
    """
    if not len(values):
        raise ParameterError(f"there is no value of {name} to try; give at least one")
    for value in values:
        if not (math.isfinite(value) and (value >= 0 if zero else value > 0)):
            bound = "of at least 0" if zero else "above 0"
            raise ParameterError(f"{name} must be a number {bound}, got {value}")
    return tuple(sorted({float(value) for value in values}))


def write_tuning_table(path: str | Path, tuning: Tuning) -> Path:
    """Write all points of all curves as CSV.

    Parameters
    ----------
    path : str or Path
        A name ending in ``.csv``; replaced only when the table is complete.
    tuning : Tuning
        See `pipeline.tune`.

    Returns
    -------
    Path
        ``path``. Columns: method, parameter, value, metric, score, and best, which is 1 for
        the best point of every method, else 0.

    Raises
    ------
    OutputError
        If the name has another ending or the file cannot be written.
    """
    columns = ["method", "parameter", "value", "metric", "score", "best"]
    return write_csv(path, columns, (row for curve in tuning.curves for row in _rows(curve)))


def _rows(curve: TuningCurve) -> list[list[Any]]:
    return [
        [
            curve.method,
            curve.parameter or "",
            "" if point.value is None else point.value,
            curve.metric,
            point.score,
            int(point == curve.best),
        ]
        for point in curve.points
    ]

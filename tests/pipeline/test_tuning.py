"""Choosing alpha and sigma on labelled images: known answers, ties, edges, tables, plots."""

from __future__ import annotations

import csv
import functools
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.io import imread

from contrast_student import ContrastStudent
from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS, Affinities
from napari_inpaintaff.errors import ImageError, OutputError, ParameterError
from napari_inpaintaff.evaluation import evaluate
from napari_inpaintaff.jobs import Job, Progress
from napari_inpaintaff.partition import OUTLINE_METHODS, PARTITION_METHODS, PartitionParameters
from napari_inpaintaff.pipeline import (
    Tuning,
    TuningCase,
    TuningCurve,
    TuningPoint,
    segment,
)
from napari_inpaintaff.pipeline import tuning as module
from napari_inpaintaff.pipeline.tuning import plan_tuning
from napari_inpaintaff.pipeline.tuning_curves import METRICS, write_tuning_table
from napari_inpaintaff.pipeline.tuning_plot import write_tuning_plot
from napari_inpaintaff.separation import affinities_from_labels

# The images of these tests are made for the mutex watershed, whose answers are known.
tune = functools.partial(module.tune, methods=("mutex_watershed",))
tune_cases = functools.partial(module.tune_cases, methods=("mutex_watershed",))


def finish(steps: Generator[Any, None, Tuning]) -> tuple[list[Any], Tuning]:
    seen: list[Any] = []
    return seen, Job(steps, on_update=seen.append).run()


def doubtful_cells() -> TuningCase:
    """Two cells with a sure cut between them, and two doubtful ones through each.

    Local edges across a sure cut attract with 0.7 and long ones repel with 0.6 alpha: the
    mutex watershed cuts from alpha 1.17 on. Across a doubtful one it is 0.7 and 0.35 alpha:
    from alpha 2 on.
    """
    truth = np.zeros((64, 64), np.int32)
    truth[:, :32], truth[:, 32:] = 1, 2
    parts = truth.copy()
    parts[:, 16:32], parts[:, 48:] = 3, 4
    sure, every = (affinities_from_labels(one, PUBLISHED_OFFSETS) for one in (truth, parts))
    values = np.where(every.values == 1, 1.0, np.where(sure.values == 1, 0.65, 0.4))
    values[:2] = np.where(every.values[:2] == 1, 1.0, 0.7)
    affinities = Affinities(values.astype(np.float32), PUBLISHED_OFFSETS, sure.weight)
    return TuningCase(np.ones(truth.shape, bool), truth, affinities)


def discs() -> TuningCase:
    """Two touching discs with holes in their outline: too little smoothing cuts too much."""
    y, x = np.mgrid[:70, :116]
    left, right = ((y - 35) ** 2 + (x - middle) ** 2 < 24**2 for middle in (32, 84))
    bridge = (abs(y - 35) < 5) & (abs(x - 58) < 4)
    truth = np.where(left | right | bridge, np.where(x < 58, 1, 2), 0)
    foreground = truth > 0
    foreground[35, 24:40] = foreground[25:45, 90] = False
    return TuningCase(foreground, truth)


def areas(shape: tuple[int, int] = (60, 72)) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
    labels = np.zeros(shape, np.uint32)
    labels[6:30, 8:30], labels[6:30, 30:60], labels[30:50, 20:48] = 1, 2, 3
    return labels.astype(np.float32) * 2, labels


def test_the_alpha_that_cuts_what_is_sure_is_found() -> None:
    alphas = (3.0, 0.5, 1.5, 1.0)
    updates, tuning = finish(tune_cases([doubtful_cells()], alphas=alphas))
    (curve,) = tuning.curves
    assert curve.values == (0.5, 1.0, 1.5, 3.0)
    assert (curve.method, curve.parameter, curve.metric) == ("mutex_watershed", "alpha", "seg")
    assert curve.best == TuningPoint(1.5, 1.0)
    assert curve.edge is None
    # One segment covers more than half of both cells, four cover half of theirs each.
    assert curve.scores == (0.5, 0.5, 1.0, 0.0)
    assert (tuning.images, tuning.reference_objects) == (1, 2)
    assert [(update.done, update.total) for update in updates] == [(k, 4) for k in range(4)]


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_knows_which_way_is_better(metric: str) -> None:
    _, tuning = finish(tune_cases([doubtful_cells()], metric=metric, alphas=(0.5, 1.5, 3.0)))
    assert tuning.curves[0].best.value == 1.5
    perfect = 0.0 if METRICS[metric].smaller_is_better else 1.0
    assert tuning.curves[0].best.score == pytest.approx(perfect)


def test_scores_are_pooled_over_cells_and_not_over_images() -> None:
    case = doubtful_cells()
    half = np.where(case.truth == 1, 1, 0)
    pair = [case, TuningCase(case.foreground, half, case.affinities)]
    for metric, expected in (("seg", 1 / 3 + 1 / 6), ("f1", 0.0)):
        _, tuning = finish(tune_cases(pair, metric=metric, alphas=(0.5,)))
        assert tuning.curves[0].best.score == pytest.approx(expected)
    assert tuning.reference_objects == 3


def test_partial_truth_does_not_matter_where_only_annotated_cells_count() -> None:
    case = doubtful_cells()
    partial = TuningCase(case.foreground, np.where(case.truth == 1, 1, 0), case.affinities)
    for name, metric in METRICS.items():
        _, tuning = finish(tune_cases([partial], metric=name, alphas=(1.5,)))
        perfect = tuning.curves[0].best.score == (0.0 if metric.smaller_is_better else 1.0)
        assert perfect == metric.partial, name


def test_a_best_value_at_the_edge_is_said_to_be_there() -> None:
    case = doubtful_cells()
    for alphas, edge in (((0.5, 1.0, 1.5), "largest"), ((1.5, 3.0), "smallest"), ((1.5,), None)):
        _, tuning = finish(tune_cases([case], alphas=alphas))
        assert tuning.curves[0].best.value == 1.5
        assert tuning.curves[0].edge == edge
    beyond = TuningCurve("distance_watershed", "seg", "sigma", (0.0, 1.0), (0.9, 0.5))
    assert beyond.edge is None  # there is no sigma below 0


def test_of_equal_neighbours_the_middle_one_is_taken() -> None:
    def best(*scores: float, metric: str = "seg") -> float | None:
        values = tuple(float(k) for k in range(len(scores)))
        return TuningCurve("greedy_additive", metric, "alpha", values, scores).best.value

    assert best(0.1, 0.9, 0.9, 0.9, 0.2) == 2
    assert best(0.9, 0.1, 0.9, 0.9, 0.9) == 3
    assert best(0.5, 0.5, 0.5) == 1
    assert best(0.9, 0.1, 0.9) == 0
    assert best(0.9, 0.1, 0.1, 0.1, 0.9, metric="vi") == 2
    assert best(0.3, 0.1 + 0.2, 0.3) == 1


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_no_score_is_better_than_the_best(scores: list[float]) -> None:
    values = tuple(float(k) for k in range(len(scores)))
    for metric, best_of in (("seg", max), ("vi", min)):
        curve = TuningCurve("mutex_watershed", metric, "alpha", values, tuple(scores))
        assert curve.best.score == pytest.approx(best_of(scores), abs=1e-9)
        assert curve.best in curve.points
        if curve.edge is not None:
            assert curve.best.value in (values[0], values[-1])


def test_too_little_smoothing_cuts_too_much_and_too_much_nothing() -> None:
    case = discs()
    _, tuning = finish(
        tune_cases([case], methods=["distance_watershed"], sigmas=(0, 10, 20), metric="f1")
    )
    curve = tuning.curve("distance_watershed")
    assert curve.parameter == "sigma"
    assert curve.best == TuningPoint(10.0, 1.0)
    assert curve.scores[0] < 1
    assert curve.scores[2] < 1


def test_all_methods_share_the_affinities_and_some_have_nothing_to_vary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image, truth = areas()
    student = ContrastStudent(local=0.7, distant=0.4)
    methods = (*PARTITION_METHODS, *OUTLINE_METHODS)
    updates, tuning = finish(
        tune(
            [image, image[::-1]],
            [truth, truth[::-1]],
            student,
            methods=methods,
            alphas=(0.1, 1.0, 1.5),
            sigmas=(1, 2),
            foreground=[truth, truth[::-1]],
        )
    )
    assert len(student.passes) == 2
    assert [curve.method for curve in tuning.curves] == list(methods)
    for name in ("connected_components", "foreground_components"):
        curve = tuning.curve(name)
        assert (curve.parameter, curve.values, len(curve.scores)) == (None, (), 1)
        assert (curve.best.value, curve.edge) == (None, None)
    assert tuning.curve("mutex_watershed").best == TuningPoint(1.5, 1.0)
    assert tuning.best.best.score == 1
    assert all(isinstance(update, Progress) for update in updates)
    messages = list(dict.fromkeys(update.message for update in updates))
    assert messages[:2] == ["Affinities of image 1 of 2", "Affinities of image 2 of 2"]
    assert "mutex_watershed at alpha 1.5" in messages
    with pytest.raises(ParameterError, match="'magic' was not tuned"):
        tuning.curve("magic")


@pytest.mark.parametrize("diameter", [None, 40])
def test_the_score_is_that_of_segment_with_the_same_alpha(diameter: float | None) -> None:
    rng = np.random.default_rng(1)
    labels = np.kron(rng.integers(0, 5, (9, 12)), np.ones((11, 11), int)).astype(np.int32)
    image = labels.astype(np.float32) * 2
    mask = rng.random(labels.shape) < 0.97
    for alpha in (0.9, 1.4):
        student = ContrastStudent(alpha=alpha, local=0.7, distant=0.4)
        chosen = PartitionParameters("mutex_watershed", alpha=alpha)
        result = segment(image, model=student, foreground=mask, diameter=diameter, partition=chosen)
        _, tuning = finish(
            tune(
                [image],
                [labels],
                student,
                methods=["mutex_watershed"],
                alphas=[alpha],
                foreground=[mask],
                diameter=diameter,
            )
        )
        expected = evaluate([(result.labels, labels)]).seg
        assert tuning.curves[0].scores == (pytest.approx(expected),)


def test_outline_methods_load_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*arguments: object, **options: object) -> None:
        raise AssertionError("no model is needed")

    monkeypatch.setattr(module, "load_model", load)
    image, truth = areas()
    _, tuning = finish(
        tune([image], [truth], "nobody", methods=["foreground_components"], foreground=[truth])
    )
    assert tuning.best.best.score == pytest.approx(evaluate([(truth > 0, truth)]).seg)


def test_values_are_tried_once_in_order_and_defaults_suit_the_method() -> None:
    ((_, _, alphas),) = plan_tuning(["mutex_watershed", "mutex_watershed"], "seg", [2, 1, 1.0])
    assert alphas == (1.0, 2.0)
    plan = plan_tuning([*PARTITION_METHODS, *OUTLINE_METHODS], "seg")
    for method, parameter, values in plan:
        assert (parameter is None) == (not values), method
        assert list(values) == sorted(set(values))
    by_method = {method: values for method, _, values in plan}
    assert by_method["greedy_fixation"][0] < by_method["mutex_watershed"][0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"metric": "iou"}, "unknown metric 'iou'; choose one of: seg, f1"),
        ({"methods": ["watershed"]}, "unknown partition method 'watershed'"),
        ({"methods": []}, "at least one"),
        ({"alphas": []}, "no value of alpha"),
        ({"alphas": [1.0, -1.0]}, "alpha must be a number above 0, got -1"),
        ({"alphas": [float("nan")]}, "alpha must be"),
        ({"methods": ["distance_watershed"], "sigmas": [-1]}, "sigma must be"),
        ({"foreground": [np.ones((60, 72))] * 2}, "1 images, but 2 foregrounds"),
        ({"foreground": "magic"}, "unknown foreground method"),
        ({"diameter": 2}, "diameter"),
        ({"minimum_size": -1}, "minimum size"),
    ],
)
def test_bad_parameters_are_refused_before_the_work(options: dict[str, Any], words: str) -> None:
    student = ContrastStudent()
    image, truth = areas()
    with pytest.raises(ParameterError, match=words):
        finish(tune([image], [truth], student, **{"foreground": "none", **options}))
    assert not student.passes


@pytest.mark.parametrize(
    ("truth", "error", "words"),
    [
        (np.zeros((60, 72), int), ImageError, "no cells"),
        (np.ones((60, 71), int), ImageError, r"truth of image 1 .*\(60, 71\).*\(60, 72\)"),
        (np.full((60, 72), 0.5), ImageError, "whole numbers, got float64"),
        (np.full((60, 72), -3), ImageError, "not be negative, got -3"),
    ],
)
def test_bad_truths_are_refused(truth: Any, error: type[Exception], words: str) -> None:
    student = ContrastStudent()
    with pytest.raises(error, match=words):
        finish(tune([areas()[0]], [truth], student, foreground="none"))
    assert not student.passes


def test_numbers_of_images_and_missing_affinities() -> None:
    image, truth = areas()
    with pytest.raises(ParameterError, match="2 images, but 1 truths"):
        finish(tune([image, image], [truth], ContrastStudent()))
    with pytest.raises(ParameterError, match="at least one"):
        finish(tune([], [], ContrastStudent()))
    with pytest.raises(ParameterError, match="mutex_watershed needs affinities"):
        finish(tune_cases([TuningCase(truth > 0, truth)]))


def tunings() -> Tuning:
    return Tuning(
        (
            TuningCurve("mutex_watershed", "seg", "alpha", (1.0, 1.5, 2.0), (0.5, 0.75, 0.7)),
            TuningCurve("distance_watershed", "seg", "sigma", (0.0, 2.0), (0.6, 0.7)),
            TuningCurve("foreground_components", "seg", None, (), (0.4,)),
        ),
        images=2,
        reference_objects=31,
    )


def test_the_table_holds_every_point_and_marks_the_best(tmp_path: Path) -> None:
    path = write_tuning_table(tmp_path / "curve.csv", tunings())
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    best = [
        (row["method"], row["value"], float(row["score"])) for row in rows if row["best"] == "1"
    ]
    assert best == [
        ("mutex_watershed", "1.5", 0.75),
        ("distance_watershed", "2.0", 0.7),
        ("foreground_components", "", 0.4),
    ]
    assert {row["metric"] for row in rows} == {"seg"}
    with pytest.raises(OutputError, match=r"\.csv"):
        write_tuning_table(tmp_path / "curve.txt", tunings())
    assert [file.name for file in tmp_path.iterdir()] == ["curve.csv"]


def test_the_plot_has_a_panel_for_each_parameter(tmp_path: Path) -> None:
    both = imread(write_tuning_plot(tmp_path / "both.png", tunings()))
    curve, _, flat = tunings().curves
    one = imread(write_tuning_plot(tmp_path / "one.png", Tuning((curve, flat), 1, 5)))
    alone = imread(write_tuning_plot(tmp_path / "flat.png", Tuning((flat,), 1, 5)))
    assert both.shape[1] > 1.5 * one.shape[1]
    assert one.shape == alone.shape
    blue = np.abs(both[..., :3].astype(int) - (0x00, 0x72, 0xB2)).sum(-1) < 30
    assert blue.sum() > 200
    svg = write_tuning_plot(tmp_path / "both.svg", tunings()).read_text(encoding="utf8")
    assert svg.lstrip().startswith("<?xml")
    with pytest.raises(OutputError, match=r"\.png"):
        write_tuning_plot(tmp_path / "plot.gif", tunings())


def test_impossible_curves_are_refused() -> None:
    for arguments, words in (
        (("m", "iou", "alpha", (1.0,), (0.5,)), "unknown metric"),
        (("m", "seg", "alpha", (1.0, 2.0), (0.5,)), "1 scores for 2 values"),
        (("m", "seg", "alpha", (2.0, 1.0), (0.5, 0.5)), "ascend"),
        (("m", "seg", None, (1.0,), (0.5,)), "parameter None"),
        (("m", "seg", "alpha", (), (0.5,)), "0 values"),
    ):
        with pytest.raises(ParameterError, match=words):
            TuningCurve(*arguments)

"""Affinities and a foreground to scores: tuned on the validation frames, measured on the test."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.errors import InpaintAffError
from napari_inpaintaff.evaluation import Evaluation, evaluate, seg_score
from napari_inpaintaff.images import read_affinities
from napari_inpaintaff.jobs import Job
from napari_inpaintaff.partition import (
    OUTLINE_DIAMETER,
    OUTLINE_METHODS,
    OutlineParameters,
    PartitionParameters,
    partition,
    partition_outline,
)
from napari_inpaintaff.pipeline.reproduction.frame_tasks import Foreground
from napari_inpaintaff.pipeline.reproduction.layout import Frame
from napari_inpaintaff.pipeline.tasks import Task, read_record, write_record
from napari_inpaintaff.pipeline.tuning import TuningCase, tune_cases
from napari_inpaintaff.pipeline.tuning_curves import TuningCurve
from napari_inpaintaff.separation import AffNet, Student, compute_student_affinities

#: Of figure 5.
IOU_LEVELS = tuple(round(0.5 + 0.05 * k, 2) for k in range(10))

Separation = Literal["igm", "student", "affnet", "outline"]


@dataclass(frozen=True)
class Run:
    """One row of the experiments: what was combined with what.

    Attributes
    ----------
    data_set : str
        Name of its folder.
    separation : {"igm", "student", "affnet", "outline"}
        What told the cells of the foreground apart: InpaintAff by information gain or by a
        student of it, AffNet, or the outline of the foreground alone.
    foreground : {"true", "fgnet", "global_otsu"}
        Where the cells are.
    method : str
        A name in `partition.PARTITION_METHODS` or `partition.OUTLINE_METHODS`.
    instances : int or None
        Labelled cells that FGNet and AffNet learned from.
    level : int or None
        About how many were asked for; None where there are none, or all.
    fifty : bool
        Whether they are those of FGNet50.
    seed : int
        Of the trainings.
    variant : str
        Which choice of appendix A is another one; empty for the published ones.
    """

    data_set: str
    separation: Separation
    foreground: Literal["true", "fgnet", "global_otsu"]
    method: str = "mutex_watershed"
    instances: int | None = None
    level: int | None = None
    fifty: bool = False
    seed: int = 0
    variant: str = ""


@dataclass(frozen=True)
class Source:
    """Where affinities come from.

    Attributes
    ----------
    affinities : tuple of (str, Path)
        Files by name of the frame.
    model : Path or None
        Or a student or AffNet that predicts them; neither for the outline.
    record : Path or None
        Of the training of that model, which may have been impossible.
    """

    affinities: tuple[tuple[str, Path], ...] = ()
    model: Path | None = None
    record: Path | None = None

    def is_there(self) -> bool:
        """Whether the model could be trained."""
        return self.record is None or not (read_record(self.record) or {}).get("failed")


@dataclass(frozen=True)
class ScoreTask(Task):
    """Tune alpha (or sigma) for SEG on the validation frames, and score the test frames.

    Attributes
    ----------
    run_description : Run
        What this is.
    source : Source
        Of the affinities.
    foreground : Foreground
        Of the cells.
    validate, test : tuple of Frame
        Without a frame to validate on, the usual value is taken.
    diameter : float
        Of the cells in these images, in pixels.
    output : Path
        The record to write.
    """

    run_description: Run
    source: Source
    foreground: Foreground
    validate: tuple[Frame, ...]
    test: tuple[Frame, ...]
    diameter: float
    output: Path
    device: str

    @property
    def title(self) -> str:
        """What is done, for people."""
        run = self.run_description
        learned = "" if run.instances is None else f" ({run.instances} cells, seed {run.seed})"
        return f"scoring {run.separation} with {run.foreground}{learned}, {run.method}"

    def is_done(self) -> bool:
        """Whether the record is there."""
        return read_record(self.output) is not None

    def run(self) -> None:
        """Tune and score; what could not be trained cannot be scored, and the record says so."""
        record: dict[str, Any] = {"run": asdict(self.run_description)}
        start = time.perf_counter()
        if not (self.foreground.is_there() and self.source.is_there()):
            record["failed"] = "the labels do not suffice to train on"
        else:
            try:
                record |= {"failed": None, **self._measure()}
            except InpaintAffError as error:
                record["failed"] = str(error)
        record["seconds"] = round(time.perf_counter() - start, 2)
        write_record(self.output, record)

    def _measure(self) -> dict[str, Any]:
        model = self.load()
        curve = self._tuned(model)
        value = None if curve is None else curve.best.value
        pairs = []
        for frame in self.test:
            case = self.case(frame, model)
            pairs.append((self.labels(case, value), case.truth))
        seen = [
            frame.name for frame, (_, truth) in zip(self.test, pairs, strict=True) if truth.any()
        ]
        scores = [seg_score(labels, truth) for labels, truth in pairs if truth.any()]
        complete = all(frame.complete for frame in self.test)
        return {
            "parameter": None if curve is None else curve.parameter,
            "value": value,
            "validation": None if curve is None else curve.best.score,
            "curve": [] if curve is None else [[p.value, p.score] for p in curve.points],
            "frames": dict(zip(seen, scores, strict=True)),
            **figures(evaluate(pairs), complete=complete),
        }

    def load(self) -> Student | None:
        """Load the student or AffNet that predicts the affinities; None if they are there."""
        if self.source.model is None:
            return None
        loader = AffNet if self.run_description.separation == "affnet" else Student
        return loader.load(self.source.model, device=self.device)

    def _tuned(self, model: Student | None) -> TuningCurve | None:
        """Return the curve over the validation frames; None without any."""
        cases = [self.case(frame, model) for frame in self.validate]
        if not any(case.truth.any() for case in cases):
            return None
        updates = tune_cases(
            cases,
            methods=(self.run_description.method,),
            minimum_size=self.minimum_size,
            diameter=self.diameter,
        )
        return Job(updates, name=self.title).run().curves[0]

    def case(self, frame: Frame, model: Student | None = None) -> TuningCase:
        """Return a frame with its foreground and affinities."""
        image, truth = frame.read()
        mask = self.foreground.of(frame, image, truth)
        return TuningCase(mask, truth, self.affinities(frame, image, mask, model))

    def affinities(
        self,
        frame: Frame,
        image: NDArray[Any],
        mask: NDArray[np.bool_],
        model: Student | None = None,
    ) -> Affinities | None:
        """Return the affinities of a frame; None for the outline."""
        if model is not None:
            return compute_student_affinities(image, model, wanted=mask, diameter=self.diameter)
        files = dict(self.source.affinities)
        return read_affinities(files[frame.name]) if files else None

    def labels(self, case: TuningCase, value: float | None) -> NDArray[np.uint32]:
        """Partition a frame with a value of alpha or sigma; None takes the usual one."""
        method = self.run_description.method
        if method in OUTLINE_METHODS or case.affinities is None:
            outline = OutlineParameters(method)
            if value is not None:
                outline = OutlineParameters(method, sigma=value)
            return partition_outline(case.foreground, outline, diameter=self.diameter)
        chosen = PartitionParameters(method).at_scale(self.diameter / OUTLINE_DIAMETER)
        chosen = chosen if value is None else replace(chosen, alpha=value)
        return partition(case.affinities, foreground=case.foreground, parameters=chosen)

    @property
    def minimum_size(self) -> int:
        """Of a segment, in pixels of these images."""
        return PartitionParameters().at_scale(self.diameter / OUTLINE_DIAMETER).minimum_size


def figures(result: Evaluation, *, complete: bool) -> dict[str, Any]:
    """Return the measures of a record.

    Parameters
    ----------
    result : Evaluation
        Of all test frames.
    complete : bool
        Whether every cell is annotated. Otherwise those measures are left out that take an
        object which nobody annotated for a mistake.

    Returns
    -------
    dict
        Plain values.
    """
    values: dict[str, Any] = {
        "seg": result.seg,
        "reference_objects": result.reference_objects,
        "detection_accuracy": [result.detection_accuracy(level) for level in IOU_LEVELS],
        "split": result.split_references,
        "merged": result.merged_references,
        "variation_of_information": result.variation_of_information,
    }
    if complete:
        values |= {
            "objects": result.objects,
            "f1": result.f1,
            "average_precision": result.average_precision(),
        }
    return values


def read_scores(paths: Sequence[Path]) -> list[tuple[Run, dict[str, Any]]]:
    """Read the records of runs that could be scored."""
    records = [read_record(path) for path in paths]
    return [
        (Run(**record["run"]), record)
        for record in records
        if record is not None and not record.get("failed")
    ]

"""A student distilled on one frame: seconds of every part, agreement, and SEG over alpha.

    python benchmarks/measure_student.py [--set BBBC039 --frame 3] [--patches 1500] [--engine]

The true foreground (gaps between objects closed) is given everywhere. Connected components and
a distance-transform watershed of it stand beside the student; with ``--engine``, which takes
minutes, the information gain of the inpainter, too. The alphas with a star are those that the
student and the engine have by default.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Generator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from development_data import DATA_SETS, Frame, frames
from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.evaluation import close_gaps, seg_score
from napari_inpaintaff.inpainting import DEFAULT_INPAINTER, Inpainter
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.partition import (
    PartitionParameters,
    distance_watershed,
    foreground_components,
    partition,
)
from napari_inpaintaff.pipeline import iterate_distillation
from napari_inpaintaff.separation import (
    SEPARATION_MODES,
    Distillation,
    DistillationUpdate,
    Student,
    compute_affinities,
    compute_student_affinities,
)

ALPHAS = (0.9, 1.0, 1.1, 1.25, 1.4, 1.5, 1.75, 2.0, 2.5)


def main() -> None:
    options = _parse()
    frame = list(frames(options.set))[options.frame]
    mask = close_gaps(frame.ground_truth)
    inpainter = Inpainter.load(options.model, device=options.device)
    print(f"{options.set} {frame.name}, {frame.image.shape} pixels, {inpainter.metadata.name}")
    print(f"{inpainter.device}, {inpainter.dtype}, {torch.get_num_threads()} threads")
    for name, labels in (
        ("components", foreground_components(mask)),
        ("watershed", distance_watershed(mask)),
    ):
        print(f"{name:14} SEG {seg_score(labels, frame.ground_truth):.4f}")
    student = _distill(frame, mask, inpainter, options)
    if options.output:
        student.save(options.output)
    compute_student_affinities(frame.image, student, wanted=mask)
    start = time.perf_counter()
    affinities = compute_student_affinities(frame.image, student, wanted=mask)
    seconds = time.perf_counter() - start
    _tell("student", affinities, frame, mask, seconds, student.metadata.alpha)
    if options.engine:
        start = time.perf_counter()
        affinities = compute_affinities(
            frame.image, inpainter, SEPARATION_MODES[options.mode], wanted=mask
        )
        seconds = time.perf_counter() - start
        _tell("engine", affinities, frame, mask, seconds, PartitionParameters.alpha)


def _distill(
    frame: Frame, mask: NDArray[np.bool_], inpainter: Inpainter, options: argparse.Namespace
) -> Student:
    run = iterate_distillation(
        [frame.image],
        inpainter,
        Distillation(
            patches=options.patches,
            steps=options.steps,
            minutes=options.minutes,
            seed=options.seed,
            separation=SEPARATION_MODES[options.mode],
        ),
        foreground=[mask],
        device=options.device,
    )
    student = _follow(run)
    for name, value in student.metadata.training.items():
        print(f"    {name}: {value}")
    return student


def _follow(run: Generator[Any, None, Student]) -> Student:
    """Drain a distillation; print the seconds of every phase and every measurement."""
    phase, started, points = "", time.perf_counter(), 0
    while True:
        try:
            update = next(run)
        except StopIteration as end:
            print(f"{phase:52}{time.perf_counter() - started:8.1f} s")
            student: Student = end.value
            return student
        name = "training"
        if isinstance(update, Progress):
            name = update.message or phase
        if name != phase:
            if phase:
                print(f"{phase:52}{time.perf_counter() - started:8.1f} s", flush=True)
            phase, started = name, time.perf_counter()
        if isinstance(update, DistillationUpdate) and len(update.history) > points:
            points = len(update.history)
            point = update.history[-1]
            print(f"    step {point.step}: loss {point.loss:.4f}, agreement {point.agreement:.4f}")


def _tell(
    name: str,
    affinities: Affinities,
    frame: Frame,
    mask: NDArray[np.bool_],
    seconds: float,
    usual: float,
) -> None:
    print(f"{name}: affinities in {seconds:.2f} s")
    for alpha in sorted({*ALPHAS, usual}):
        start = time.perf_counter()
        parameters = PartitionParameters(alpha=alpha)
        labels = partition(affinities, foreground=mask, parameters=parameters)
        seconds = time.perf_counter() - start
        seg = seg_score(labels, frame.ground_truth)
        star = "*" if alpha == usual else ""
        print(f"    alpha {alpha:<5g} SEG {seg:.4f} {star:1}  labels in {seconds:.2f} s")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--set", choices=DATA_SETS, default=DATA_SETS[0])
    parser.add_argument("--frame", type=int, default=2, help="index of the image in its set")
    parser.add_argument("--model", default=DEFAULT_INPAINTER, help="name or file of the teacher")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--patches", type=int, default=Distillation.patches)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mode", choices=SEPARATION_MODES, default="balanced")
    parser.add_argument("--engine", action="store_true", help="compare with the engine")
    parser.add_argument("--output", help="file for the student")
    return parser.parse_args()


if __name__ == "__main__":
    main()

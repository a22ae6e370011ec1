"""AffNets of two labelled frames: seconds, agreement, and SEG over alpha on dense silver frames.

    python benchmarks/measure_affnet.py [--start nuclei-small] [--steps 800] [--seed 0 1 2]

Trained on the frames 013 and 052 of sequence 01 of Fluo-N2DL-HeLa (gold truth, complete), or on
the part of 052 left of ``--columns``; measured on the frames 079, 084 and 091 (silver truth) with
the true foreground, gaps between objects closed. The included student and a distance watershed
of the same foreground stand beside them. ``--loss cross-entropy`` is what a student is trained
with.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from development_data import DATA_SETS, Frame, data_folder, frames
from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.evaluation import close_gaps, evaluate
from napari_inpaintaff.jobs import Job
from napari_inpaintaff.partition import PartitionParameters, distance_watershed, partition
from napari_inpaintaff.pipeline import iterate_affnet_training
from napari_inpaintaff.separation import (
    DEFAULT_STUDENT,
    AffNet,
    AffNetTraining,
    Student,
    compute_student_affinities,
    load_model,
)

TRAINED_ON = ("013", "052")
ALPHAS = (0.8, 0.9, 1.0, 1.1, 1.2, 1.35, 1.5, 1.75)

Pair = tuple[NDArray[Any], NDArray[Any]]


def main() -> None:
    options = _parse()
    images, labels = _training_data(options.columns)
    cells = sum(len(np.unique(one)) - 1 for one in labels)
    print(f"{cells} cells, {options}", flush=True)
    tested = list(frames(DATA_SETS[0]))
    pairs = [(distance_watershed(close_gaps(f.ground_truth)), f.ground_truth) for f in tested]
    print(f"distance watershed: SEG {evaluate(pairs).seg:.4f}")
    if options.student:
        _tell("student", Student.load(DEFAULT_STUDENT), tested)
    start = None if options.start == "none" else load_model(options.start)
    for seed in options.seed:
        training = AffNetTraining(
            steps=options.steps,
            minutes=options.minutes,
            seed=seed,
            config=options.config,
            learning_rate=options.learning_rate,
            loss=options.loss,
        )
        began = time.perf_counter()
        updates = iterate_affnet_training(images, labels, training, start=start)
        affnet: AffNet = Job(updates, name="training").run()
        seconds = time.perf_counter() - began
        record = affnet.metadata.training
        print(f"seed {seed}: {seconds:.0f} s, {record}", flush=True)
        _tell(f"affnet {seed}", affnet, tested)
        if options.output:
            affnet.save(options.output)


def _training_data(columns: int | None) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    folder = data_folder() / DATA_SETS[0]
    names = TRAINED_ON if columns is None else TRAINED_ON[1:]
    part = slice(None), slice(columns)
    images = [_read(folder / "01" / f"t{name}.tif")[part] for name in names]
    labels = [_read(folder / "01_GT" / "SEG" / f"man_seg{name}.tif")[part] for name in names]
    return images, labels


def _read(path: Path) -> NDArray[Any]:
    array: NDArray[Any] = tifffile.imread(path)
    return array


def _tell(name: str, student: Student, tested: Sequence[Frame]) -> None:
    """Print SEG over alpha, of all frames together; a star marks the alpha of the model."""
    found: list[tuple[Affinities, NDArray[np.bool_], Frame]] = []
    for frame in tested:
        mask = close_gaps(frame.ground_truth)
        affinities = compute_student_affinities(frame.image, student, wanted=mask)
        found.append((affinities, mask, frame))
    cells = []
    for alpha in sorted({*ALPHAS, student.metadata.alpha}):
        parameters = PartitionParameters(alpha=alpha)
        pairs: list[Pair] = [
            (partition(affinities, foreground=mask, parameters=parameters), frame.ground_truth)
            for affinities, mask, frame in found
        ]
        star = "*" if alpha == student.metadata.alpha else ""
        cells.append(f"{alpha:g}: {evaluate(pairs).seg:.4f}{star}")
    print(f"{name:10} SEG by alpha  {'  '.join(cells)}", flush=True)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--start", default="nuclei-small", help="model, or none")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--columns", type=int, help="learn from these columns of frame 052 alone")
    parser.add_argument("--seed", type=int, nargs="+", default=[0])
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--config", choices=("small", "paper"), default="small")
    parser.add_argument("--loss", choices=("dice", "cross-entropy"), default="dice")
    parser.add_argument("--student", action="store_true", help="measure the included student, too")
    parser.add_argument("--output", help="file for the last AffNet")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""Distill the student that is shipped with the package, and write its model card.

    .venv/bin/python scripts/train_shipped_student.py DATA [--patches N] [--teacher NAME]

DATA is the folder that ``train_shipped_weights.py`` reads, too: unlabelled CC0 images of
nuclei. Patches of up to 400 of the images, at random, are taken apart by the teacher; no label is
read, and alpha is chosen without one. On two CPU cores 6000 patches take about half an hour, and
1 GB of memory.

It writes NAME.safetensors and the model card NAME.md into
``src/napari_inpaintaff/separation/weights``. The result is reproducible on one kind of machine
with one number of threads.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm
from train_shipped_weights import NOTES, read_planes

from napari_inpaintaff.errors import InpaintAffError
from napari_inpaintaff.images import check_writable
from napari_inpaintaff.inpainting import DEFAULT_INPAINTER
from napari_inpaintaff.jobs import Job, Progress
from napari_inpaintaff.pipeline import iterate_distillation
from napari_inpaintaff.separation import (
    DEFAULT_STUDENT,
    SEPARATION_MODES,
    Distillation,
    DistillationUpdate,
    Student,
    student_card,
)

WEIGHTS = Path(__file__).parents[1] / "src" / "napari_inpaintaff" / "separation" / "weights"


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", metavar="DATA", type=Path)
    parser.add_argument("--teacher", default=DEFAULT_INPAINTER, help="name or file of an inpainter")
    parser.add_argument("--patches", type=int, default=6000)
    parser.add_argument("--steps", type=int, help="default: seven visits to every patch")
    parser.add_argument("--mode", choices=SEPARATION_MODES, default="balanced")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--output", type=Path, default=WEIGHTS, help="folder to write to")
    return parser.parse_args()


def follow(updates: Any) -> Student:
    """Draw a progress bar of every phase and return the result."""
    layout = "{desc} {percentage:3.0f}% |{bar}| {elapsed}{postfix}"
    with tqdm(desc="begin", total=1.0, bar_format=layout) as bar:

        def show(update: Progress | DistillationUpdate) -> None:
            if isinstance(update, DistillationUpdate):
                bar.set_description("training")
                bar.n = update.progress
                bar.set_postfix(
                    step=update.step,
                    loss=f"{update.loss:.3f}",
                    agreement=f"{update.agreement or 0.5:.3f}",
                )
            else:
                bar.set_description(update.message or None)
                bar.n = update.fraction or 0.0

        result: Student = Job(updates, on_update=show, name="distillation").run()
        return result


def main() -> None:
    """Distill, and write the student and its card."""
    options = parse_options()
    path = options.output / f"{DEFAULT_STUDENT}.safetensors"
    try:
        planes, data = read_planes(options.data)
        options.output.mkdir(parents=True, exist_ok=True)
        check_writable(path)
        distillation = Distillation(
            patches=options.patches,
            steps=options.steps,
            seed=options.seed,
            separation=SEPARATION_MODES[options.mode],
        )
        updates = iterate_distillation(
            planes,
            options.teacher,
            distillation,
            name=DEFAULT_STUDENT,
            notes={"data": data, **NOTES},
            device=options.device,
        )
        student = follow(updates)
        student.save(path)
    except InpaintAffError as error:
        sys.exit(str(error))
    path.with_suffix(".md").write_text(student_card(student.metadata), encoding="utf-8")
    record = student.metadata.training
    print(f"{path}: agreement {record['agreement']}, alpha {student.metadata.alpha:g}")


if __name__ == "__main__":
    main()

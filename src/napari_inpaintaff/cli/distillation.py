"""The command that trains a student on what an inpainter finds in a user's images: distill."""

from __future__ import annotations

import argparse
import math
import shlex
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_inpaintaff.cli.console import Reading, follow, log_as_lines
from napari_inpaintaff.cli.foreground_choice import foreground_files, resolve_foreground
from napari_inpaintaff.cli.given_labels import read_given_labels
from napari_inpaintaff.cli.model_making import (
    add_images_and_model,
    check_model_file,
    counted,
    duration,
    gather,
    read_preparation,
    save_model,
)
from napari_inpaintaff.cli.options import (
    Commands,
    add_command,
    add_device,
    add_diameter,
    add_mode,
    add_seed,
    separation_parameters,
)
from napari_inpaintaff.cli.stopping import stop_on_signals
from napari_inpaintaff.errors import ModelFileError, ParameterError

if TYPE_CHECKING:
    from napari_inpaintaff.inpainting import Inpainter
    from napari_inpaintaff.jobs import Progress
    from napari_inpaintaff.separation import DistillationUpdate, Student

PATCHES = 1500


def add_commands(commands: Commands) -> None:
    """Add distill."""
    command = add_command(
        commands,
        "distill",
        run_distill,
        "train a student, which needs one pass for an image, on your own images",
        "An inpainter takes a sample of patches of the images apart, and the student learns what "
        "it found. Ctrl-C during the training stops and keeps the best so far.",
    )
    add_images_and_model(command)
    command.add_argument(
        "--model",
        metavar="TEACHER",
        help="inpainter to learn from, see `inpaintaff models` (default nuclei-small)",
    )
    command.add_argument(
        "--from",
        metavar="NAME|FILE",
        dest="start",
        help="student or AffNet to begin with (default: the weights of the teacher)",
    )
    command.add_argument(
        "--patches",
        metavar="N",
        type=int,
        default=PATCHES,
        help=f"how many patches the inpainter takes apart (default {PATCHES})",
    )
    length = command.add_mutually_exclusive_group()
    length.add_argument(
        "--minutes",
        metavar="M",
        type=float,
        help="end after this time in any case (default: when the student learns no more)",
    )
    length.add_argument(
        "--steps", metavar="N", type=int, help="of the training; reproducible on one machine"
    )
    command.add_argument(
        "--labels",
        metavar="FILE",
        nargs="+",
        type=Path,
        default=[],
        help="label images of some of the images, with the same name or number; 0 is unlabelled. "
        "A few cells suffice",
    )
    command.add_argument(
        "--foreground",
        metavar="MODEL|METHOD",
        default="otsu",
        help="where to take patches: an FGNet (name or file), otsu (default), or none: all over",
    )
    add_diameter(command, "typical diameter of a cell in these images (default: the teacher's)")
    add_mode(command)
    add_device(command)
    add_seed(command)


def run_distill(options: argparse.Namespace) -> None:
    """Train a student on the given images, and write its model file."""
    from napari_inpaintaff.inpainting import DEFAULT_INPAINTER, find_inpainter
    from napari_inpaintaff.separation import Distillation, find_student

    teacher_file = find_inpainter(options.model or DEFAULT_INPAINTER)
    start_file = find_student(options.start) if options.start else None
    images = [Path(image) for image in options.images]
    inputs = [*images, *options.labels, teacher_file, *([start_file] if start_file else [])]
    check_model_file(options.output, *inputs, *foreground_files(options.foreground))
    foreground = resolve_foreground(options.foreground, device=options.device)
    if isinstance(foreground, np.ndarray):
        raise ParameterError(
            f"--foreground {options.foreground} is an image; distill takes an FGNet or a method"
        )
    distillation = Distillation(
        patches=options.patches,
        minutes=options.minutes,
        steps=options.steps,
        seed=options.seed,
        separation=separation_parameters(options),
    )
    planes = gather(options).planes
    labels = read_given_labels(planes, options.labels) if options.labels else None
    teacher = _load_teacher(options, teacher_file)
    start = _load_start(options, start_file)

    from napari_inpaintaff.pipeline import iterate_distillation

    display = _Display()
    with stop_on_signals() as stop, log_as_lines():
        updates = iterate_distillation(
            planes,
            teacher,
            distillation,
            start=start,
            name=options.output.stem,
            foreground=foreground,
            labels=labels,
            diameter=options.diameter,
            notes={"data": f"{counted(planes, 'image')} of the user"},
            device=options.device,
            # Before the training there is nothing to keep: Ctrl-C ends the command at once.
            stop=lambda: display.learns and stop(),
        )
        student = display.follow(updates)
        save_model(student, options.output)
    _tell(student, options)


def _load_teacher(options: argparse.Namespace, file: Path) -> Inpainter:
    """Load the teacher, and see that the cells are not too large or small for it."""
    from napari_inpaintaff.inpainting import Inpainter

    teacher = Inpainter.load(file.absolute(), device=options.device)
    teacher.metadata.zoom(options.diameter)
    return teacher


def _load_start(options: argparse.Namespace, file: Path | None) -> Student | None:
    """Load the student or AffNet that the student begins with."""
    if file is None:
        return None
    from napari_inpaintaff.separation import Student, load_model

    start = load_model(file.absolute(), device=options.device)
    if not isinstance(start, Student):
        raise ModelFileError(
            f"{options.start} is a model of kind {start.metadata.kind!r}: --from takes a student "
            f"or an AffNet"
        )
    return start


class _Display:
    """Shows the updates of a distillation.

    Attributes
    ----------
    learns : bool
        Whether the training of the student has begun.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.learns = False
        self._clock = clock
        self._phase = ("", 0.0)

    def follow(self, updates: Generator[Progress | DistillationUpdate, None, Student]) -> Student:
        """Drain the updates and return the student."""
        return follow(updates, "distill", self._read, estimate=False)

    def _read(self, update: Progress | DistillationUpdate) -> Reading:
        from napari_inpaintaff.separation import DistillationUpdate

        if not isinstance(update, DistillationUpdate):
            return self._read_phase(update)
        self.learns = True
        notes = [f"step {update.step}", f"loss {update.loss:.3f}"]
        if update.agreement is not None:
            notes.append(f"agreement {update.agreement:.3f}")
        if math.isfinite(update.seconds_left):
            notes.append(f"{duration(update.seconds_left)} left")
        return update.progress, 1.0, ", ".join(notes)

    def _read_phase(self, update: Progress) -> Reading:
        """Read an update of a phase before the training, each with its own way to go."""
        from napari_inpaintaff.jobs import seconds_left

        if update.message and update.message != self._phase[0]:
            self._phase = (update.message, self._clock())
        message, since = self._phase
        note = read_preparation(replace(update, message=message))[2]
        left = seconds_left(update.done, update.total, self._clock() - since)
        if left is not None:
            note += f", {duration(left)} left"
        return update.done, update.total, note


def _tell(student: Student, options: argparse.Namespace) -> None:
    metadata, record = student.metadata, student.metadata.training
    source = f"{record['patches']} patches of {counted(record['images'], 'image')}"
    if record["labelled_cells"]:
        source += f" and {counted(record['labelled_cells'], 'labelled cell')}"
    print(f"{options.output}: learned from {source} in {duration(60 * record['minutes'])}")
    if record["agreement"] is None:
        print(f"agreement with {record['teacher']}: unknown, the images hold too little")
    else:
        print(
            f"agreement with {record['teacher']} on {record['agreement_on']}: "
            f"{record['agreement']:.3f} (1 is perfect, 0.5 is guessing)"
        )
    print(f"alpha {metadata.alpha:g}")
    if record["stopped"]:
        print("stopped early: the best so far was kept")
    command = ["inpaintaff", "segment", "IMAGE", "-o", "labels.tif", "--model", str(options.output)]
    if options.diameter is not None:
        command += ["--diameter", f"{options.diameter:g}"]
    print(f"use it: {shlex.join(command)}")

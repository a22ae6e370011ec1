"""The command that learns a foreground without labels, by redrawing: train-redo."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from napari_inpaintaff.cli.console import Reading, follow, log_as_lines, print_line
from napari_inpaintaff.cli.model_making import (
    add_images_and_model,
    add_resume,
    add_samples,
    check_checkpoint,
    check_model_file,
    checked_samples,
    counted,
    duration,
    finish,
    read_preparation,
    save_model,
    tell_skipped,
    tell_use,
)
from napari_inpaintaff.cli.options import (
    Commands,
    add_command,
    add_device,
    add_seed,
    check_output,
)
from napari_inpaintaff.cli.stopping import hint_at, stop_on_signals
from napari_inpaintaff.errors import ParameterError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_inpaintaff.foreground.redo import (
        ReDO,
        ReDOSamples,
        ReDOTraining,
        ReDOUpdate,
    )
    from napari_inpaintaff.images import SkippedImage

# Kept here, not imported: --help must be fast.
CONFIGURATIONS = ("small", "paper")
_MINUTES = 120.0
_SIDES = {"small": 32, "paper": 128}


def add_commands(commands: Commands) -> None:
    """Add train-redo."""
    command = add_command(
        commands,
        "train-redo",
        run_train_redo,
        "learn a foreground from images alone, by redrawing one region after the other (ReDO)",
        "Give hundreds of images or more, each with one object before a background. Ctrl-C stops "
        "and keeps what was learned; --resume goes on.",
    )
    add_images_and_model(command)
    add_samples(command, "images, masks and redrawn images")
    length = command.add_mutually_exclusive_group()
    length.add_argument(
        "--minutes", metavar="M", type=float, help=f"how long (default {_MINUTES:g})"
    )
    length.add_argument(
        "--steps", metavar="N", type=int, help="how many steps instead; reproducible on one machine"
    )
    add_resume(command)
    command.add_argument(
        "--config",
        choices=CONFIGURATIONS,
        default=CONFIGURATIONS[0],
        help="networks: small (narrow, for a CPU, the default), or paper, for GPUs",
    )
    command.add_argument(
        "--side",
        metavar="PIXELS",
        type=int,
        help="images are resampled and cropped to squares of this side, a power of 2 (default: 32 "
        "of small, 128 of paper)",
    )
    command.add_argument(
        "--regions",
        metavar="N",
        type=int,
        choices=(2, 3),
        default=2,
        help="2: background and one object (default); 3: two objects of different kinds",
    )
    command.add_argument(
        "--background",
        metavar="N",
        type=int,
        help="number of the region that is background, from 0, as in the picture (default: the "
        "one that covers most of the border)",
    )
    add_device(command)
    add_seed(command)


def run_train_redo(options: argparse.Namespace) -> None:
    """Train on images, write the model file and a picture."""
    from napari_inpaintaff.inpainting import checkpoint_path

    checkpoint = checkpoint_path(options.output)
    picture = checked_samples(options)
    check_model_file(options.output)
    check_output(checkpoint, suffixes=(".safetensors",))
    check_checkpoint(checkpoint, resume=options.resume)
    side = options.side or _SIDES[options.config]
    training = _training(options, side, channels=3)

    squares = _read(options, side)
    training = _training(options, side, channels=squares.shape[1])
    from napari_inpaintaff.foreground.redo import train_redo

    with stop_on_signals() as stop, log_as_lines(), hint_at(checkpoint, stop):
        updates = train_redo(
            squares,
            training,
            name=options.output.stem,
            background=options.background,
            notes={"data": f"{counted(squares, 'image')} of the user"},
            device=options.device,
            checkpoint=checkpoint,
            resume=options.resume,
            stop=stop,
        )
        redo = follow(updates, "train ReDO", _Display(picture).read, estimate=False)
        save_model(redo, options.output)
    _tell(redo, options, checkpoint, picture)


def _training(options: argparse.Namespace, side: int, *, channels: int) -> ReDOTraining:
    from napari_inpaintaff.foreground.redo import paper_training, small_training

    make = paper_training if options.config == "paper" else small_training
    minutes = _MINUTES if options.minutes is None and options.steps is None else options.minutes
    training = make(
        side=side,
        channels=channels,
        regions=options.regions,
        steps=options.steps,
        minutes=minutes,
        seed=options.seed,
    )
    regions = training.architecture.regions
    if options.background is not None and not 0 <= options.background < regions:
        raise ParameterError(
            f"--background is one of the regions 0 to {regions - 1}, got {options.background}"
        )
    return training


def _read(options: argparse.Namespace, side: int) -> NDArray[np.float32]:
    from napari_inpaintaff.foreground.redo import read_squares

    skipped: list[SkippedImage] = []
    steps = read_squares(options.images, side, channel=options.channel, skip=skipped.append)
    squares = follow(steps, "read", read_preparation)
    tell_skipped(skipped)
    return squares


class _Display:
    """Reads updates, renews the picture and tells of restarts."""

    def __init__(self, picture: Path) -> None:
        self._picture = picture
        self._shown: ReDOSamples | None = None

    def read(self, update: ReDOUpdate) -> Reading:
        if update.samples is not None and update.samples is not self._shown:
            from napari_inpaintaff.foreground.sample_rows import sample_rows
            from napari_inpaintaff.images import write_png

            write_png(self._picture, sample_rows(update.samples.rows))
            self._shown = update.samples
        if update.restarted:
            print_line(f"a region stayed empty: the training begins anew (restart {update.run})")
        notes = [f"step {update.step}"]
        if update.coverage:
            notes.append("regions " + " ".join(f"{100 * part:.0f} %" for part in update.coverage))
        notes.append(f"codes lost {100 * update.losses.conservation:.0f} %")
        if update.collapsed:
            notes.append("collapsed")
        notes.append(f"{duration(update.seconds_left)} left")
        return update.progress, 1.0, ", ".join(notes)


def _tell(redo: ReDO, options: argparse.Namespace, checkpoint: Path, picture: Path) -> None:
    record = redo.metadata.training
    print(
        f"{options.output}: trained on {counted(record['images'], 'image')}, "
        f"{record['steps']} steps in {duration(60 * record['minutes'])}, "
        f"{counted(record['restarts'], 'restart')}"
    )
    parts = ", ".join(f"{100 * part:.1f} %" for part in record["coverage"])
    print(f"regions cover {parts}; region {redo.metadata.background} is background")
    print(f"samples: {picture}")
    if redo.metadata.collapsed:
        print_line(
            "warning: the training has collapsed, a region is empty: the masks are of no use; "
            "try another --seed, or more images"
        )
    finish(checkpoint, stopped=record["stopped"])
    tell_use(options.output)

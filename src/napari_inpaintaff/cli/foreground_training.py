"""The command that trains a foreground network on a few labels: train-foreground."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING

import numpy as np

from napari_inpaintaff.cli.console import log_as_lines, print_line
from napari_inpaintaff.cli.labelled_training import (
    add_labelled_training,
    find_start,
    follow_training,
    read_labelled,
)
from napari_inpaintaff.cli.model_making import counted, duration, save_model
from napari_inpaintaff.cli.options import Commands, add_command, given
from napari_inpaintaff.cli.stopping import stop_on_signals
from napari_inpaintaff.errors import ImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_inpaintaff.cli.pairs import LabelledPlane
    from napari_inpaintaff.foreground import FGNet
    from napari_inpaintaff.inpainting import Inpainter
    from napari_inpaintaff.separation import Student


def add_commands(commands: Commands) -> None:
    """Add train-foreground."""
    command = add_command(
        commands,
        "train-foreground",
        run_train_foreground,
        "train an FGNet, which finds the foreground, on a few labelled cells",
        "LABELS are label images in which every cell is labelled, or strokes with --sparse. "
        "Ctrl-C stops and keeps what was learned.",
    )
    add_labelled_training(
        command,
        explanation="0 is background, everything else a cell",
        length="1200 steps, two minutes or so",
        start="an inpainter, a student, an AffNet, or an FGNet, to go on after more labels",
    )
    command.add_argument(
        "--sparse",
        action="store_true",
        help="LABELS are strokes: 0 unlabelled, 1 background, 2 and above cells; without any 1 "
        "only cells were painted",
    )


def run_train_foreground(options: argparse.Namespace) -> None:
    """Train on the given images, and write the model file."""
    from napari_inpaintaff.foreground import FGNetTraining

    chosen = given(options, steps="steps", minutes="minutes", config="config")
    training = FGNetTraining(**chosen, seed=options.seed)
    found = find_start(options, "inpainter", "student", "affnet", "fgnet")
    planes = read_labelled(options, found and found[0])
    targets = [_targets(plane, sparse=options.sparse) for plane in planes]

    from napari_inpaintaff.foreground import FGNet, train_fgnet
    from napari_inpaintaff.separation import load_model

    start: Inpainter | Student | FGNet | None = None
    if found is not None:
        file, kind = found
        load = FGNet.load if kind == "fgnet" else load_model
        start = load(file, device=options.device)
    with stop_on_signals() as stop, log_as_lines():
        updates = train_fgnet(
            [plane.image for plane in planes],
            targets,
            training,
            start=start,
            name=options.output.stem,
            diameter=options.diameter,
            normalisation=options.normalisation,
            instances=None if options.sparse else _cells(planes),
            notes={"data": f"{counted(planes, 'image')} of the user"},
            device=options.device,
            stop=stop,
        )
        fgnet = follow_training(updates, "train the foreground")
        save_model(fgnet, options.output)
    _tell(fgnet, options, stopped=stop.stopped)


def _targets(plane: LabelledPlane, *, sparse: bool) -> NDArray[np.int8]:
    """Read the labels of one image; say whose they are where they cannot be used."""
    from napari_inpaintaff.foreground import foreground_targets

    try:
        targets = foreground_targets(plane.labels, sparse=sparse)
    except ImageError as error:
        raise ImageError(f"{plane.name}: {error}") from None
    if not sparse and set(np.unique(plane.labels)) == {0, 1, 2}:
        print_line(
            f"warning: {plane.name} holds 0, 1 and 2 only: if these are strokes, give --sparse"
        )
    return targets


def _cells(planes: list[LabelledPlane]) -> int:
    return sum(len(np.unique(plane.labels[plane.labels > 0])) for plane in planes)


def _tell(fgnet: FGNet, options: argparse.Namespace, *, stopped: bool) -> None:
    record = fgnet.metadata.training
    source = counted(record["images"], "image")
    if record["instances"] is not None:
        source = f"{counted(record['instances'], 'cell')} in {source}"
    pixels = counted(record["labelled_pixels"], "labelled pixel")
    print(
        f"{options.output}: learned from {source} ({pixels}), {record['steps']} steps in "
        f"{duration(60 * record['minutes'])}"
    )
    if stopped:
        print("stopped early: what was learned so far was kept")
    command = ["inpaintaff", "foreground", "IMAGE", "-o", "mask.tif", "--model"]
    print(f"look at it: {shlex.join([*command, str(options.output)])}")
    command = ["inpaintaff", "segment", "IMAGE", "-o", "labels.tif", "--foreground"]
    command += [str(options.output)]
    command += [] if options.diameter is None else ["--diameter", f"{options.diameter:g}"]
    print(f"use it: {shlex.join(command)}")

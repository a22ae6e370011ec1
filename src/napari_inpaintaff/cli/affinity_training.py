"""The command that trains an AffNet on labelled cells: train-affinities."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING

from napari_inpaintaff.cli.console import log_as_lines
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
    from napari_inpaintaff.cli.pairs import LabelledPlane
    from napari_inpaintaff.separation import AffNet


def add_commands(commands: Commands) -> None:
    """Add train-affinities."""
    command = add_command(
        commands,
        "train-affinities",
        run_train_affinities,
        "train an AffNet, which predicts affinities, on labelled cells",
        "LABELS are label images in which every cell is labelled with a number of its own. Ctrl-C "
        "stops and keeps the best so far.",
    )
    add_labelled_training(
        command,
        explanation="0 is background, every other number one cell",
        length="800 steps, some minutes",
        start="an inpainter, or a student or an AffNet to fine-tune",
    )


def run_train_affinities(options: argparse.Namespace) -> None:
    """Train on the given images, and write the model file."""
    from napari_inpaintaff.separation import AffNetTraining

    chosen = given(options, steps="steps", minutes="minutes", config="config")
    training = AffNetTraining(**chosen, seed=options.seed)
    found = find_start(options, "inpainter", "student", "affnet")
    planes = read_labelled(options, found and found[0])
    for plane in planes:
        _check_cells(plane)

    from napari_inpaintaff.pipeline import iterate_affnet_training
    from napari_inpaintaff.separation import load_model

    start = load_model(found[0], device=options.device) if found else None
    with stop_on_signals() as stop, log_as_lines():
        updates = iterate_affnet_training(
            [plane.image for plane in planes],
            [plane.labels for plane in planes],
            training,
            start=start,
            name=options.output.stem,
            diameter=options.diameter,
            normalisation=options.normalisation,
            notes={"data": f"{counted(planes, 'image')} of the user"},
            device=options.device,
            stop=stop,
        )
        affnet = follow_training(updates, "train the affinities")
        save_model(affnet, options.output)
    _tell(affnet, options, stopped=stop.stopped)


def _check_cells(plane: LabelledPlane) -> None:
    """Refuse labels that say nothing about which pixels belong together."""
    if not plane.labels.any():
        raise ImageError(f"{plane.name} holds no label: all its pixels are 0")
    if (plane.labels == plane.labels.flat[0]).all():
        raise ImageError(
            f"{plane.name} is one cell from edge to edge: there is nothing to tell it from"
        )


def _tell(affnet: AffNet, options: argparse.Namespace, *, stopped: bool) -> None:
    metadata, record = affnet.metadata, affnet.metadata.training
    source = f"{counted(record['labelled_cells'], 'cell')} in {counted(record['images'], 'image')}"
    print(f"{options.output}: learned from {source} in {duration(60 * record['minutes'])}")
    if record["agreement"] is not None:
        print(
            f"agreement on {record['agreement_on']}: {record['agreement']:.3f} "
            f"(1 is perfect, 0.5 is guessing)"
        )
    print(f"alpha {metadata.alpha:g} (others on labelled images: inpaintaff tune)")
    if stopped:
        print("stopped early: the best so far was kept")
    command = ["inpaintaff", "segment", "IMAGE", "-o", "labels.tif", "--model", str(options.output)]
    command += [] if options.diameter is None else ["--diameter", f"{options.diameter:g}"]
    print(f"use it: {shlex.join(command)}")

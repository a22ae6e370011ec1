"""The command that trains a foreground network without labels, on masks of IEM: train-iem."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari_inpaintaff.cli.console import Reading, follow, log_as_lines
from napari_inpaintaff.cli.model_making import (
    add_images_and_model,
    add_resume,
    add_samples,
    check_checkpoint,
    check_model_file,
    checked_samples,
    counted,
    finish,
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
    given,
)
from napari_inpaintaff.cli.stopping import hint_at, stop_on_signals

if TYPE_CHECKING:
    from napari_inpaintaff.foreground import IEMNetworkUpdate

_SIDE, _EPOCHS, _BATCH = 128, 50, 128


def add_commands(commands: Commands) -> None:
    """Add train-iem."""
    command = add_command(
        commands,
        "train-iem",
        run_train_iem,
        "train a network that finds the foreground of pictures, without labels",
        "IEM finds a mask for every picture; a network learns from the best of them what they "
        "have in common. For pictures with one object each.",
    )
    add_images_and_model(command)
    for option, default, explanation in (
        ("--side", _SIDE, "pictures are reduced and cropped to so many pixels a side"),
        ("--epochs", _EPOCHS, "how often every picture is seen"),
        ("--batch", _BATCH, "pictures per step"),
    ):
        command.add_argument(
            option,
            metavar="N",
            type=int,
            default=default,
            help=f"{explanation} (default {default})",
        )
    command.add_argument(
        "--refine",
        action="store_true",
        help="let IEM begin once more with every mask that the network predicts",
    )
    add_resume(command)
    add_samples(command, "images, their masks by IEM and what the network says")
    add_device(command)
    add_seed(command)


def run_train_iem(options: argparse.Namespace) -> None:
    """Train on the given pictures, and write the model file."""
    from napari_inpaintaff.foreground import IEMNetworkTraining, train_iem_network
    from napari_inpaintaff.foreground.picture_squares import read_picture_squares
    from napari_inpaintaff.inpainting import checkpoint_path

    training = IEMNetworkTraining(
        **given(options, side="side", epochs="epochs", batch="batch"),
        refine=options.refine,
        seed=options.seed,
    )
    checkpoint, picture = checkpoint_path(options.output), checked_samples(options)
    inputs = [Path(image) for image in options.images]
    check_model_file(options.output, *inputs)
    check_output(checkpoint, *inputs, suffixes=(".safetensors",))
    check_checkpoint(checkpoint, resume=options.resume)
    squares = read_picture_squares(options.images, training.side, channel=options.channel)
    tell_skipped(squares.skipped)
    with stop_on_signals() as stop, log_as_lines(), hint_at(checkpoint, stop):
        updates = train_iem_network(
            squares.pixels,
            training,
            name=options.output.stem,
            notes={"data": f"{counted(squares.names, 'image')} of the user"},
            checkpoint=checkpoint,
            device=options.device,
            stop=stop,
        )
        network = follow(updates, "train the foreground", partial(_read, picture=picture))
        save_model(network, options.output)
    record = network.metadata.training
    print(
        f"{options.output}: learned from the masks of {record['masks']} of "
        f"{counted(record['pictures'], 'picture')} in {counted(record['epochs'], 'epoch')}"
    )
    print(f"samples: {picture}")
    finish(checkpoint, stopped=stop.stopped)
    tell_use(options.output)


def _read(update: IEMNetworkUpdate, *, picture: Path) -> Reading:
    if update.phase == "masks":
        return 0.0, 1.0, f"masks by IEM {update.done} of {update.total}"
    from napari_inpaintaff.foreground.sample_rows import sample_rows
    from napari_inpaintaff.images import write_png

    write_png(picture, sample_rows(update.rows))
    return update.done, update.total, f"loss {update.loss:.3f}"

"""The command that measures foregrounds as their publications do: reproduce-foreground."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_inpaintaff.cli.console import follow, print_line, read_count
from napari_inpaintaff.cli.options import Commands, add_command, add_device, add_seed

_SIDE, _TEST, _TRAIN, _EPOCHS, _BATCH = 128, 1000, 8000, 50, 128


def add_commands(commands: Commands) -> None:
    """Add reproduce-foreground."""
    command = add_command(
        commands,
        "reproduce-foreground",
        run_reproduce_foreground,
        "the tables of IEM, ReDO and PerturbGAN beside what is measured here",
        "On Flowers-102, CUB-200-2011 and LSUN Car where you have them, else on simulated scenes.",
    )
    command.add_argument(
        "data", metavar="DATA_ROOT", type=Path, help="folder with the data sets, perhaps empty"
    )
    command.add_argument(
        "-o", "--output", metavar="FOLDER", type=Path, required=True, help="folder to write to"
    )
    for option, default, explanation in (
        ("--side", _SIDE, "pictures become squares of so many pixels a side"),
        ("--test", _TEST, "at most so many pictures of each set are measured"),
        ("--train", _TRAIN, "at most so many are learned from; 0: no network"),
        ("--epochs", _EPOCHS, "of the training of the network"),
        ("--batch", _BATCH, "pictures per step of that training"),
    ):
        explanation = f"{explanation} (default {default})"
        command.add_argument(option, metavar="N", type=int, default=default, help=explanation)
    command.add_argument(
        "--model",
        metavar="NAME|FILE",
        action="append",
        default=[],
        help="a foreground network to measure as well; may be given several times",
    )
    add_device(command)
    add_seed(command)


def run_reproduce_foreground(options: argparse.Namespace) -> None:
    """Measure, and write the tables."""
    from napari_inpaintaff.foreground import find_foreground_model
    from napari_inpaintaff.images import check_writable
    from napari_inpaintaff.pipeline.picture_tables import (
        TableSettings,
        find_picture_sets,
        iterate_picture_tables,
        write_picture_tables,
    )

    settings = TableSettings(
        side=options.side,
        test=options.test,
        train=options.train,
        epochs=options.epochs,
        batch=options.batch,
        models=tuple(find_foreground_model(model).absolute() for model in options.model),
        seed=options.seed,
    )
    sets = find_picture_sets(options.data)
    if not sets:
        print_line(
            f"none of Flowers-102, CUB-200-2011 and LSUN Car is in {options.data}: "
            "simulated scenes are measured"
        )
    folder: Path = options.output
    folder.mkdir(parents=True, exist_ok=True)
    check_writable(folder / "foreground.md")
    steps = iterate_picture_tables(sets, settings, device=options.device)
    results = follow(steps, "measure foregrounds", read_count)
    for file in write_picture_tables(folder, results, settings):
        print(file)

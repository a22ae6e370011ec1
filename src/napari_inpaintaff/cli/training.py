"""The command that trains an inpainter on a user's own images: train-inpainter."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.cli.console import Reading, follow
from napari_inpaintaff.cli.options import (
    Commands,
    add_channel,
    add_command,
    add_device,
    add_diameter,
    add_output,
    add_seed,
    check_output,
)
from napari_inpaintaff.errors import ImageError

if TYPE_CHECKING:
    from napari_inpaintaff.inpainting import TrainingUpdate

CONFIGURATIONS = ("small", "pconv", "paper")
#: Output channels of the network by loss.
LOSSES = {"laplace": 2, "l1": 1}
NORMALISATIONS = ("fluorescence", "linear")
_IMAGE_SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg")


def add_commands(commands: Commands) -> None:
    """Add train-inpainter."""
    command = add_command(
        commands,
        "train-inpainter",
        run_train_inpainter,
        "train an inpainter on your own images, without labels",
        "Give images like those to be segmented: tens of them, or a few large ones. Folders stand "
        "for the images in them.",
    )
    command.add_argument(
        "images", metavar="IMAGE", type=Path, nargs="+", help="TIFF, PNG or JPEG, or a folder"
    )
    add_channel(command)
    add_output(command, "MODEL.safetensors", "model file to write")
    length = command.add_mutually_exclusive_group()
    length.add_argument("--minutes", metavar="M", type=float, help="how long (default 20)")
    length.add_argument(
        "--steps", metavar="N", type=int, help="how many steps instead; reproducible on one machine"
    )
    command.add_argument(
        "--config",
        choices=CONFIGURATIONS,
        default="small",
        help="network: small (fast, the default), pconv (narrow, partial convolutions), or paper",
    )
    command.add_argument(
        "--loss",
        choices=LOSSES,
        default="laplace",
        help="laplace predicts a mean and a scale (the default), l1 a mean only, as in the paper",
    )
    command.add_argument(
        "--normalisation",
        choices=NORMALISATIONS,
        default="fluorescence",
        help="fluorescence: logarithm above the background (the default); linear: everything "
        "else, for example phase contrast",
    )
    add_diameter(command, "typical diameter of a cell in these images (default 25)", 25.0)
    add_device(command)
    add_seed(command)


def run_train_inpainter(options: argparse.Namespace) -> None:
    """Train on all planes of the given images and write the model file."""
    check_output(options.output, *options.images, suffixes=(".safetensors",))
    planes = _planes(options.images, options.channel)

    from napari_inpaintaff.inpainting import ARCHITECTURES, InpainterTraining, train_inpainter
    from napari_inpaintaff.networks import Schedule

    minutes = 20.0 if options.minutes is None and options.steps is None else options.minutes
    training = InpainterTraining(
        replace(ARCHITECTURES[options.config], outputs=LOSSES[options.loss]),
        Schedule(steps=options.steps, minutes=minutes),
        seed=options.seed,
    )
    updates = train_inpainter(
        planes,
        training,
        name=options.output.stem,
        diameter=options.diameter,
        normalisation=options.normalisation,
        notes={"data": f"{len(planes)} images of the user"},
        device=options.device,
    )
    count = f"{len(planes)} image{'s' if len(planes) > 1 else ''}"
    inpainter = follow(updates, f"train on {count}", _read)
    inpainter.save(options.output)
    print(f"{options.output}: trained on {count}")


def _read(update: TrainingUpdate) -> Reading:
    note = f"loss {update.loss:.3f}, {update.crops_per_second:.0f} crops per second"
    return update.progress, 1.0, note


def _planes(paths: list[Path], channel: int | None) -> list[NDArray[Any]]:
    from napari_inpaintaff.images import read_image

    planes: list[NDArray[Any]] = []
    for path in paths:
        for file in _images_in(path) if path.is_dir() else [path]:
            data = read_image(file, channel=channel).data
            planes += [data[index] for index in np.ndindex(data.shape[:-2])]
    return planes


def _images_in(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _IMAGE_SUFFIXES)
    if not files:
        raise ImageError(f"there is no image ({', '.join(_IMAGE_SUFFIXES)}) in {folder}")
    return files

"""The command from image to foreground mask: foreground."""

from __future__ import annotations

import argparse
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.cli.console import follow, read_count
from napari_inpaintaff.cli.foreground_choice import add_denoiser, load_denoiser
from napari_inpaintaff.cli.labels_written import TIFF
from napari_inpaintaff.cli.options import (
    Commands,
    add_command,
    add_device,
    add_diameter,
    add_image,
    add_output,
    check_output,
    given,
)
from napari_inpaintaff.jobs import Job

if TYPE_CHECKING:
    from napari_inpaintaff.images import ImageData
    from napari_inpaintaff.jobs import Progress

_LEVEL = 0.5


def add_commands(commands: Commands) -> None:
    """Add foreground."""
    command = add_command(
        commands, "foreground", run_foreground, "image to foreground mask, 0 or 1 (uint8)"
    )
    add_image(command)
    add_output(command, "MASK.tif", "mask to write")
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--model", metavar="NAME|FILE", help="an FGNet that `inpaintaff train-foreground` made"
    )
    source.add_argument("--method", metavar="METHOD", help="otsu, global_otsu, iem or none")
    command.add_argument(
        "--probability", action="store_true", help="write the probability instead (float32)"
    )
    command.add_argument(
        "--level",
        metavar="L",
        type=_read_level,
        default=_LEVEL,
        help=f"pixels of a higher probability are foreground (default {_LEVEL})",
    )
    add_denoiser(command)
    add_diameter(command, "typical diameter of a cell (default: that of the model, else 25)")
    add_device(command)


def run_foreground(options: argparse.Namespace) -> None:
    """Write the foreground of an image."""
    from napari_inpaintaff.foreground import find_fgnet, threshold
    from napari_inpaintaff.images import read_image, write_array

    inputs = [options.image, *([find_fgnet(options.model)] if options.model else [])]
    check_output(options.output, *inputs, suffixes=TIFF)
    image = read_image(options.image, channel=options.channel)
    probability = np.zeros(image.data.shape, dtype=np.float32)
    for plane, values in _probabilities(options, image):
        probability[plane] = values
    mask = threshold(probability, options.level)
    written = probability if options.probability else mask
    write_array(options.output, written, axes=image.axes, scale=image.scale, units=image.units)
    print(f"{options.output}: {mask.mean():.1%} foreground")


def _probabilities(
    options: argparse.Namespace, image: ImageData
) -> Iterator[tuple[tuple[int, ...], NDArray[np.float32]]]:
    """Find the foreground of one plane after the other."""
    from napari_inpaintaff.foreground import FGNet, find_fgnet, iterate_foreground_probability

    model = load_denoiser(options, options.method)
    settings = given(options, diameter="diameter")
    if options.model:
        fgnet = FGNet.load(find_fgnet(options.model).absolute(), device=options.device)
    for plane in np.ndindex(image.data.shape[:-2]):
        values = image.data[plane]
        if options.model:
            yield plane, fgnet.probability(values, **settings)
        else:
            seen = values if model is None else model.denoise(values)
            steps = iterate_foreground_probability(
                seen, options.method, device=options.device, **settings
            )
            yield plane, _finished(steps, options.method)


def _finished(
    steps: Generator[Progress, None, NDArray[np.float32]], method: str
) -> NDArray[np.float32]:
    """Show how far the one method is that takes long."""
    if method == "iem":
        return follow(steps, "foreground", read_count)
    return Job(steps).run()


def _read_level(text: str) -> float:
    level = float(text)
    if not 0 <= level < 1:
        raise argparse.ArgumentTypeError(f"the level must be at least 0 and below 1, got {text}")
    return level

"""The command from image to foreground mask: foreground."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.cli.console import follow, read_count
from napari_inpaintaff.cli.foreground_choice import add_denoiser, load_denoiser
from napari_inpaintaff.cli.inpainted_sides import inpainted_files, write_inpainted
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
from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.jobs import Job

if TYPE_CHECKING:
    from napari_inpaintaff.foreground import ForegroundModel
    from napari_inpaintaff.images import ImageData
    from napari_inpaintaff.jobs import Progress

_LEVEL = 0.5
#: Of cells, where none is given.
_DIAMETER = 25.0


def add_commands(commands: Commands) -> None:
    """Add foreground."""
    command = add_command(
        commands, "foreground", run_foreground, "image to foreground mask, 0 or 1 (uint8)"
    )
    add_image(command)
    add_output(command, "MASK.tif", "mask to write")
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--model",
        metavar="NAME|FILE",
        help="a network that finds a foreground, see `inpaintaff models`",
    )
    source.add_argument(
        "--method", metavar="METHOD", help="otsu, global_otsu, iem, grabcut, largest or none"
    )
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
    command.add_argument(
        "--inpainted",
        metavar="PREFIX",
        type=Path,
        help="write the image inpainted from its foreground and from its background, too",
    )
    add_denoiser(command)
    add_diameter(command, "typical diameter of a cell (default: that of the model, else 25)")
    add_device(command)


def run_foreground(options: argparse.Namespace) -> None:
    """Write the foreground of an image."""
    from napari_inpaintaff.foreground import (
        PICTURE_METHODS,
        find_foreground_model,
        load_foreground_model,
        threshold,
    )
    from napari_inpaintaff.images import write_array

    inputs = [options.image]
    network = None
    if options.model:
        inputs.append(find_foreground_model(options.model))
    check_output(options.output, *inputs, suffixes=TIFF)
    if options.model:
        network = load_foreground_model(options.model, device=options.device)
    in_colour = options.method in PICTURE_METHODS if network is None else network.channels == 3
    colours = _read(options, colour=in_colour)
    image = colours[0]
    sides = []
    if options.inpainted:
        sides = inpainted_files(options.inpainted, *inputs, colour=len(colours) > 1)
    probability = np.zeros(image.data.shape, dtype=np.float32)
    find = _by_method(options) if network is None else _by_network(options, network)
    for plane in np.ndindex(image.data.shape[:-2]):
        values = [colour.data[plane] for colour in colours]
        probability[plane] = find(values[0] if len(values) == 1 else np.stack(values))
    mask = threshold(probability, options.level)
    written = probability if options.probability else mask
    write_array(options.output, written, axes=image.axes, scale=image.scale, units=image.units)
    if sides:
        write_inpainted(sides, colours, mask, options.diameter or _DIAMETER)
    print(f"{options.output}: {mask.mean():.1%} foreground")


def _read(options: argparse.Namespace, *, colour: bool) -> list[ImageData]:
    """Read the channel that is looked at, or all colours."""
    from napari_inpaintaff.images import read_colours, read_image

    if colour and options.channel is None:
        return read_colours(options.image)
    return [read_image(options.image, channel=options.channel)]


#: Takes a plane (Y, X), or colours (3, Y, X); returns the probability (Y, X) of foreground.
_Finder: TypeAlias = Callable[[NDArray[Any]], NDArray[np.float32]]


def _by_network(options: argparse.Namespace, network: ForegroundModel) -> _Finder:
    load_denoiser(options, None)
    return partial(network.probability, **given(options, diameter="diameter"))


def _by_method(options: argparse.Namespace) -> _Finder:
    from napari_inpaintaff.foreground import (
        iterate_foreground_probability,
        iterate_picture_foreground,
    )

    model = load_denoiser(options, options.method)
    settings = given(options, diameter="diameter")

    def find(values: NDArray[Any]) -> NDArray[np.float32]:
        if values.ndim == 3:
            if model is not None:
                raise ParameterError("a denoiser takes one channel: choose it with --channel")
            if settings:
                raise ParameterError(
                    "--diameter is for images of cells in one channel: choose it with --channel"
                )
            steps = iterate_picture_foreground(values, options.method, device=options.device)
            return _finished(steps, options.method)
        seen = values if model is None else model.denoise(values)
        steps = iterate_foreground_probability(
            seen, options.method, device=options.device, **settings
        )
        return _finished(steps, options.method)

    return find


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

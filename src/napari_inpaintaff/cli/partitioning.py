"""The command from affinities to labels: partition."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.cli.foreground_choice import (
    add_denoiser,
    add_foreground,
    fitting,
    foreground_files,
    load_denoiser,
    resolve_foreground,
)
from napari_inpaintaff.cli.labels_written import TIFF, report_labels
from napari_inpaintaff.cli.options import (
    Commands,
    add_channel,
    add_command,
    add_device,
    add_diameter,
    add_output,
    add_partition,
    check_output,
    given,
    outline_parameters,
    partition_parameters,
    reads_outline,
)
from napari_inpaintaff.errors import ParameterError

if TYPE_CHECKING:
    from napari_inpaintaff.partition import PartitionParameters

_MODEL_DIAMETER = 25.0  # of the shipped inpainters


def add_commands(commands: Commands) -> None:
    """Add partition."""
    command = add_command(
        commands,
        "partition",
        run_partition,
        "affinities to label image, without inference",
        "AFFINITIES is a file that `inpaintaff segment --save-affinities` wrote.",
    )
    command.add_argument("affinities", metavar="AFFINITIES", type=Path)
    add_output(command, "LABELS.tif", "label image to write")
    add_foreground(
        command,
        None,
        "mask or label image, or an FGNet or a method: none labels every pixel, the others need "
        "--image (default: the foreground of the run that wrote AFFINITIES)",
    )
    command.add_argument(
        "--image", metavar="IMAGE", type=Path, help="image that an FGNet or a method looks at"
    )
    add_channel(command)
    add_denoiser(command)
    add_diameter(command, "typical diameter of a cell, as given to segment (default 25)")
    add_partition(command)
    add_device(command)


def run_partition(options: argparse.Namespace) -> None:
    """Write the labels that a file of affinities gives."""
    from napari_inpaintaff.images import read_affinity_file, write_labels
    from napari_inpaintaff.partition import (
        DEFAULT_METHOD,
        MUTEX_WATERSHEDS,
        PartitionParameters,
        partition,
        partition_outline,
    )

    inputs = [options.affinities, *foreground_files(options.foreground)]
    inputs += [options.image] if options.image else []
    check_output(options.output, *inputs, suffixes=TIFF)
    if options.denoiser and options.foreground is None:
        raise ParameterError("--denoiser is for a --foreground that looks at the image")
    saved = read_affinity_file(options.affinities)
    shape = saved.affinities.shape
    if options.foreground is None:
        foreground = saved.foreground
    else:
        foreground = _chosen_foreground(options, shape)
    if reads_outline(options):
        mask = np.ones(shape, bool) if foreground is None else foreground
        labels = partition_outline(
            mask, outline_parameters(options), diameter=options.diameter or _MODEL_DIAMETER
        )
    else:
        usual = PartitionParameters(options.partition or saved.partition or DEFAULT_METHOD)
        if saved.alpha is not None and usual.method in MUTEX_WATERSHEDS:
            usual = replace(usual, alpha=saved.alpha)
        parameters = _follow_diameter(partition_parameters(options, usual), options.diameter)
        labels = partition(saved.affinities, foreground=foreground, parameters=parameters)
    write_labels(options.output, labels, scale=saved.scale, units=saved.units)
    report_labels(options.output, labels)


def _chosen_foreground(options: argparse.Namespace, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the foreground that takes the place of the saved one."""
    from napari_inpaintaff.foreground import foreground_probability, threshold
    from napari_inpaintaff.images import read_image

    source = resolve_foreground(options.foreground, device=options.device)
    model = load_denoiser(options, source)
    if isinstance(source, np.ndarray):
        return fitting(source, shape, options.foreground)
    if isinstance(source, str) and source == "none":
        return np.ones(shape, dtype=bool)
    if options.image is None:
        raise ParameterError(
            f"--foreground {options.foreground} looks at the image; give it with --image"
        )
    image = read_image(options.image, channel=options.channel).data
    fitting(image, shape, str(options.image))
    if not isinstance(source, str):
        return threshold(source.probability(image, diameter=options.diameter))
    seen = image if model is None else model.denoise(image)
    return threshold(foreground_probability(seen, source, **given(options, diameter="diameter")))


def _follow_diameter(
    parameters: PartitionParameters, diameter: float | None
) -> PartitionParameters:
    """Scale the lengths as `segment` does for a model of the usual diameter."""
    from napari_inpaintaff.images.zoom import Zoom

    factor = Zoom.between(_MODEL_DIAMETER, diameter).factor
    return parameters.at_scale(factor)

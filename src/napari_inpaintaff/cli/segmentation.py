"""The command from image to labels: segment."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from napari_inpaintaff.cli.console import follow, read_count
from napari_inpaintaff.cli.foreground_choice import (
    add_foreground,
    foreground_files,
    resolve_foreground,
    source_of_planes,
)
from napari_inpaintaff.cli.labels_written import TIFF, report_labels
from napari_inpaintaff.cli.model_choice import add_model, load_chosen_model, refuse_model
from napari_inpaintaff.cli.options import (
    Commands,
    add_command,
    add_device,
    add_diameter,
    add_image,
    add_mode,
    add_output,
    add_partition,
    add_patches,
    add_seed,
    check_output,
    outline_parameters,
    partition_parameters,
    reads_outline,
    separation_parameters,
)
from napari_inpaintaff.errors import ParameterError

_NPZ = (".npz",)


def add_commands(commands: Commands) -> None:
    """Add segment."""
    command = add_command(
        commands,
        "segment",
        run_segment,
        "image to label image",
        "Stacks (time, z) are worked on plane by plane; labels count from 1 in every plane.",
    )
    add_image(command)
    add_output(command, "LABELS.tif", "label image to write, with the axes and scale of IMAGE")
    add_model(command)
    add_foreground(
        command,
        "otsu",
        "an FGNet (name or file), a mask or label image (what is not zero is foreground), or a "
        "method: otsu (default), global_otsu, iem, or none, which labels every pixel",
    )
    add_diameter(command, "typical diameter of a cell (default: that of the model)")
    command.add_argument(
        "--region",
        metavar="Y0:Y1,X0:X1",
        help="label only these rows and columns; LABELS.tif keeps the full size",
    )
    add_partition(command)
    add_mode(command)
    add_patches(command)
    command.add_argument(
        "--save-affinities",
        metavar="FILE.npz",
        type=Path,
        help="keep the affinities for `inpaintaff partition`",
    )
    add_device(command)
    add_seed(command)


def run_segment(options: argparse.Namespace) -> None:
    """Write the labels of an image, and its affinities on demand."""
    from napari_inpaintaff.images import parse_region, read_image, write_affinities, write_labels

    outline = reads_outline(options)
    _check_files(options)
    image = read_image(options.image, channel=options.channel)
    planes = list(np.ndindex(image.data.shape[:-2]))
    if options.save_affinities and len(planes) > 1:
        raise ParameterError(
            f"--save-affinities keeps one plane, and {options.image} has {len(planes)}"
        )
    settings: dict[str, Any] = {"diameter": options.diameter, "drafts": False}
    if options.region:
        settings["region"] = parse_region(options.region, image.data.shape)
    settings |= {"partition": outline_parameters(options)} if outline else {}
    settings |= {} if outline else {"separation": separation_parameters(options)}
    foreground = resolve_foreground(options.foreground, device=options.device)
    sources = list(source_of_planes(foreground, image.data.shape, planes))

    from napari_inpaintaff.pipeline import default_partition, iterate_segmentation

    usual = None
    if not outline:
        model = load_chosen_model(options)
        usual = default_partition(model)
        settings |= {"model": model, "partition": partition_parameters(options, usual)}
    labels = np.zeros(image.data.shape, dtype=np.uint32)
    for number, (plane, source) in enumerate(zip(planes, sources, strict=True), start=1):
        result = follow(
            iterate_segmentation(image.data[plane], foreground=source, **settings),
            f"segment {image.name}" + (f" {number}/{len(planes)}" if len(planes) > 1 else ""),
            read_count,
        )
        labels[plane] = result.labels
        if options.save_affinities and usual is not None:
            write_affinities(
                options.save_affinities,
                result.affinities,
                foreground=result.foreground,
                scale=image.scale[-2:],
                units=image.units[-2:],
                alpha=usual.alpha,
            )
    write_labels(options.output, labels, axes=image.axes, scale=image.scale, units=image.units)
    report_labels(options.output, labels)


def _check_files(options: argparse.Namespace) -> None:
    """Raise what is wrong with the outputs, and with options that would do nothing."""
    inputs = [options.image, *foreground_files(options.foreground)]
    check_output(options.output, *inputs, suffixes=TIFF)
    if options.save_affinities:
        check_output(options.save_affinities, *inputs, suffixes=_NPZ)
    if reads_outline(options):
        refuse_model(options)
        if options.save_affinities:
            raise ParameterError(
                f"{options.partition} computes no affinities: leave --save-affinities out"
            )

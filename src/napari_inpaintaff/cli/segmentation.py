"""The command from image to labels: segment."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_inpaintaff.cli.console import follow, read_count
from napari_inpaintaff.cli.folder_segmentation import check_folder, segment_folder
from napari_inpaintaff.cli.foreground_choice import (
    add_foreground,
    add_outlines,
    foreground_files,
    resolve_foreground,
    source_of_planes,
)
from napari_inpaintaff.cli.labels_written import TIFF, ZARR, report_labels, report_moved
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
from napari_inpaintaff.cli.tiled_segmentation import (
    add_tiles,
    check_tiles,
    goes_in_tiles,
    segment_in_tiles,
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
        "Stacks (time, z) are worked on plane by plane; labels count from 1 in every plane. Large "
        "planes are worked on in tiles. A run of these that was ended goes on with the same "
        "command. Of a folder every image is worked on.",
    )
    add_image(command)
    add_output(
        command,
        "LABELS",
        "label image to write, .tif (OME-TIFF) or .zarr (OME-Zarr), with the axes and scale of "
        "IMAGE; for a folder of images, a folder for files NAME_cells.tif",
    )
    command.add_argument(
        "--replace",
        action="store_true",
        help="for a folder: label images anew whose labels are there already",
    )
    add_model(command)
    add_foreground(
        command,
        "otsu",
        "a foreground network (name or file), a mask or label image (what is not zero is "
        "foreground), or a method: otsu (default), global_otsu, iem, grabcut, largest, or none, "
        "which labels every pixel",
    )
    add_outlines(command)
    add_diameter(command, "typical diameter of a cell (default: that of the model)")
    command.add_argument(
        "--region",
        metavar="Y0:Y1,X0:X1",
        help="label only these rows and columns; LABELS keeps the full size",
    )
    add_partition(command)
    add_mode(command)
    add_patches(command)
    command.add_argument(
        "--save-affinities",
        metavar="FILE.npz",
        type=Path,
        help="keep the affinities for `inpaintaff partition`; of stacks and large planes "
        "--keep-affinities does that",
    )
    add_tiles(command)
    add_device(command)
    add_seed(command)


def run_segment(options: argparse.Namespace) -> None:
    """Write the labels of an image, or of a folder, and the affinities on demand."""
    from napari_inpaintaff.images.ome_zarr import is_zarr

    if options.image.is_dir() and not is_zarr(options.image):
        check_folder(options)
        _check_model(options)
        foreground = resolve_foreground(options.foreground, device=options.device)
        segment_folder(options, foreground, _settings(options))
    else:
        _segment_file(options)


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of `iterate_segmentation`."""
    from napari_inpaintaff.pipeline import default_partition

    settings: dict[str, Any] = {
        "diameter": options.diameter,
        "outlines": options.outlines,
        "drafts": False,
    }
    if reads_outline(options):
        return {**settings, "partition": outline_parameters(options)}
    separation = separation_parameters(options)
    model = load_chosen_model(options)
    partition = partition_parameters(options, default_partition(model, options.partition))
    return {**settings, "separation": separation, "model": model, "partition": partition}


def _segment_file(options: argparse.Namespace) -> None:
    from napari_inpaintaff.images import open_planes

    if options.replace:
        raise ParameterError("--replace is for a folder of images; one file is always replaced")
    _check_files(options)
    image = open_planes(options.image, channel=options.channel)
    if goes_in_tiles(options, image.shape):
        segment_in_tiles(options, image)
    else:
        _segment_plane(options)


def _segment_plane(options: argparse.Namespace) -> None:
    """Label a single plane in memory."""
    from napari_inpaintaff.images import parse_region, read_image, write_affinities, write_labels
    from napari_inpaintaff.pipeline import default_partition, iterate_segmentation

    image = read_image(options.image, channel=options.channel)
    foreground = resolve_foreground(options.foreground, device=options.device)
    (source,) = source_of_planes(foreground, image.data.shape, [()])
    settings = _settings(options)
    settings["region"] = parse_region(options.region, image.data.shape) if options.region else None
    result = follow(
        iterate_segmentation(image.data, foreground=source, **settings),
        f"segment {image.name}",
        read_count,
    )
    if options.save_affinities:
        write_affinities(
            options.save_affinities,
            result.affinities,
            foreground=result.foreground,
            scale=image.scale,
            units=image.units,
            alpha=default_partition(settings["model"], "mutex_watershed").alpha,
            partition=default_partition(settings["model"]).method,
        )
    write_labels(
        options.output, result.labels, axes=image.axes, scale=image.scale, units=image.units
    )
    report_labels(options.output, result.labels)
    report_moved([result.moved])


def _check_files(options: argparse.Namespace) -> None:
    """Raise what is wrong with the outputs, and with options that would do nothing."""
    inputs = [options.image, *foreground_files(options.foreground)]
    check_tiles(options)
    if options.output.suffix.lower() not in ZARR:
        check_output(options.output, *inputs, suffixes=(*TIFF, *ZARR))
    if options.save_affinities:
        check_output(options.save_affinities, *inputs, suffixes=_NPZ)
    _check_model(options)


def _check_model(options: argparse.Namespace) -> None:
    """Raise what is wrong with options that would do nothing without affinities."""
    if reads_outline(options):
        refuse_model(options)
        if options.save_affinities:
            raise ParameterError(
                f"{options.partition} computes no affinities: leave --save-affinities out"
            )

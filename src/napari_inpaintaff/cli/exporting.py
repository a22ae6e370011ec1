"""The command from label images to the files of other programs: export."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_inpaintaff.cli.console import follow, read_count
from napari_inpaintaff.cli.options import (
    Commands,
    add_command,
    add_output,
    given,
    refuse_input,
)
from napari_inpaintaff.errors import ParameterError

# Kept here, not imported: --help must be fast.
FORMATS = ("tiff", "ctc", "ome-zarr", "imagej-rois")


def add_commands(commands: Commands) -> None:
    """Add export."""
    command = add_command(
        commands,
        "export",
        run_export,
        "label image to the files of other programs",
        "Objects are filtered plane by plane; sizes are in pixels.",
    )
    command.add_argument("labels", metavar="LABELS", type=Path, help="label image or stack")
    add_output(command, "OUT", "file, or folder for ctc and ome-zarr, to write")
    command.add_argument(
        "--format",
        choices=FORMATS,
        required=True,
        help="OME-TIFF; mask000.tif and so on of the Cell Tracking Challenge; OME-Zarr; or "
        "outlines for ImageJ's ROI Manager",
    )
    command.add_argument(
        "--link",
        action="store_true",
        help="give objects that overlap in neighbouring frames or planes the same number",
    )
    command.add_argument(
        "--min-size", metavar="PIXELS", type=int, help="leave out objects with fewer pixels"
    )
    command.add_argument(
        "--max-size", metavar="PIXELS", type=int, help="leave out objects with more pixels"
    )
    command.add_argument("--fill-holes", action="store_true", help="fill the holes in objects")
    command.add_argument(
        "--clear-border",
        action="store_true",
        help="leave out objects that touch the edge of the image",
    )


def run_export(options: argparse.Namespace) -> None:
    """Write the labels in another format."""
    from napari_inpaintaff.images import LABEL_FORMATS, read_label_image
    from napari_inpaintaff.measurement import ObjectFilter, iterate_preparation

    form = LABEL_FORMATS[options.format]
    form.check(options.output)
    refuse_input(options.output, options.labels)
    wanted = ObjectFilter(
        fill_holes=options.fill_holes,
        clear_border=options.clear_border,
        **given(options, minimum_size="min_size", maximum_size="max_size"),
    )
    labels = read_label_image(options.labels)
    if options.link and labels.data.ndim == 2:
        raise ParameterError(f"--link is for stacks, and {options.labels} is one plane")
    preparation = iterate_preparation(
        labels.data,
        axes=labels.axes,
        scale=labels.scale,
        units=labels.units,
        name=labels.name,
        wanted=wanted,
        link=options.link,
    )
    prepared = follow(preparation, f"read {labels.name}", read_count)
    follow(form.write(options.output, prepared.labels), f"write {options.output}", read_count)
    left_out = f", {prepared.left_out} left out" if prepared.left_out else ""
    print(f"{options.output}: {prepared.kept} objects{left_out}")

"""The command from label images to tables: measure."""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_inpaintaff.cli.console import follow, read_count
from napari_inpaintaff.cli.matching import label_files, match_files
from napari_inpaintaff.cli.options import Commands, add_command, add_output, check_output
from napari_inpaintaff.cli.tuning import TABLE_SUFFIXES
from napari_inpaintaff.errors import ImageError, ParameterError

if TYPE_CHECKING:
    from napari_inpaintaff.images import ImageData
    from napari_inpaintaff.measurement import Measurements


@dataclass(frozen=True)
class _Field:
    """A label image and the images of its channels, as files by name of the channel."""

    name: str
    labels: Path
    channels: dict[str, Path]


def add_commands(commands: Commands) -> None:
    """Add measure."""
    command = add_command(
        commands,
        "measure",
        run_measure,
        "sizes, shapes and intensities of objects, as a table",
        "LABELS are label images, or folders of them. Every object of every plane is a row.",
    )
    command.add_argument("labels", metavar="LABELS", type=Path, nargs="+")
    command.add_argument(
        "--image",
        metavar="IMAGE",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        help="images in which intensities are measured, all channels of each; for several label "
        "images a folder per channel, with files of the same names, numbers or order",
    )
    add_output(command, "TABLE.csv", "table to write, with one row per object and plane")
    command.add_argument(
        "--summary", metavar="FILE.csv", type=Path, help="also write one row per label image"
    )


def run_measure(options: argparse.Namespace) -> None:
    """Write the table, and perhaps the summary."""
    from napari_inpaintaff.measurement import write_measurements, write_summary

    fields = _fields(options)
    inputs = [path for one in fields for path in (one.labels, *one.channels.values())]
    check_output(options.output, *inputs, suffixes=TABLE_SUFFIXES)
    if options.summary:
        check_output(options.summary, *inputs, suffixes=TABLE_SUFFIXES)
        if options.summary.resolve() == options.output.resolve():
            raise ParameterError("--summary and --output are the same file: give two names")
    measured = {one.name: _measure(one) for one in fields}
    objects = sum(map(len, measured.values()))
    where = f" in {len(fields)} images" if len(fields) > 1 else ""
    write_measurements(options.output, measured)
    print(f"{options.output}: {objects} objects{where}")
    if options.summary:
        write_summary(options.summary, measured)
        print(f"{options.summary}: {len(fields)} rows")


def _measure(field: _Field) -> Measurements:
    from napari_inpaintaff.images import read_label_image
    from napari_inpaintaff.images.units import UNKNOWN_UNIT
    from napari_inpaintaff.measurement import ReadPlane, iterate_measurement

    labels = read_label_image(field.labels)
    channels: dict[str, ReadPlane] = {}
    for name, path in field.channels.items():
        for channel, image in _read_channels(path, name).items():
            if image.data.shape != labels.data.shape:
                raise ImageError(
                    f"{path} has the shape {image.data.shape}, "
                    f"but {field.labels} {labels.data.shape}"
                )
            channels[channel] = image.data.__getitem__
            if set(labels.units) == {UNKNOWN_UNIT}:
                # Many programs save label images without the scale of the image.
                labels = replace(labels, axes=image.axes, scale=image.scale, units=image.units)
    return follow(iterate_measurement(labels, channels), f"measure {field.name}", read_count)


def _read_channels(path: Path, name: str) -> dict[str, ImageData]:
    """Read all channels of an image."""
    from napari_inpaintaff.images import channel_count, read_image

    count = channel_count(path)
    if count == 1:
        return {name: read_image(path)}
    return {f"{name}_{number}": read_image(path, channel=number) for number in range(count)}


def _fields(options: argparse.Namespace) -> list[_Field]:
    labels = [file for path in options.labels for file in _files(path)]
    names = Counter(path.name for path in labels)
    several = len(labels) > 1
    channels: dict[Path, dict[str, Path]] = {path: {} for path in labels}
    if len(channels) < len(labels):
        raise ParameterError("a label image was given twice")
    for image in options.image:
        if several and not _is_folder(image):
            raise ParameterError(
                f"{len(labels)} label images need a folder of images per channel, "
                f"and {image} is one image"
            )
        pairs = match_files(_files(image), labels, kinds=("images", "label images"))
        name = image.name if _is_folder(image) else _stem(image)
        for file, wanted in pairs:
            while name in channels[wanted]:
                name = f"{name}_"
            channels[wanted][name] = file
    return [
        _Field(path.name if names[path.name] == 1 else str(path), path, channels[path])
        for path in labels
    ]


def _files(path: Path) -> list[Path]:
    return label_files(path) if _is_folder(path) else [path]


def _is_folder(path: Path) -> bool:
    from napari_inpaintaff.images.ome_zarr import is_zarr

    return path.is_dir() and not is_zarr(path)


def _stem(path: Path) -> str:
    from napari_inpaintaff.images.reading import short_name

    return short_name(path)

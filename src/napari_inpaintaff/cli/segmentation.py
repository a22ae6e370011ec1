"""The commands that make label images and masks: segment, partition, foreground."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.cli.console import follow, read_count
from napari_inpaintaff.cli.model_choice import add_model, load_chosen_model
from napari_inpaintaff.cli.options import (
    Commands,
    add_channel,
    add_command,
    add_device,
    add_diameter,
    add_foreground,
    add_image,
    add_mode,
    add_output,
    add_partition,
    add_patches,
    add_seed,
    check_output,
    given,
    resolve_foreground,
    separation_parameters,
)
from napari_inpaintaff.errors import ImageError, ParameterError

if TYPE_CHECKING:
    from napari_inpaintaff.images import ImageData
    from napari_inpaintaff.partition import PartitionParameters

ScalarT = TypeVar("ScalarT", bound=np.generic)

_TIFF = (".tif", ".tiff")
_NPZ = (".npz",)
_MODEL_DIAMETER = 25.0  # of the shipped inpainters


def add_commands(commands: Commands) -> None:
    """Add segment, partition and foreground."""
    _add_segment(commands)
    _add_partition(commands)
    _add_foreground(commands)


def _add_segment(commands: Commands) -> None:
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
        "mask or label image (what is not zero is foreground), or a method: otsu (default), "
        "or none, which labels every pixel",
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

    mask_file = _existing(options.foreground)
    check_output(options.output, options.image, *mask_file, suffixes=_TIFF)
    if options.save_affinities:
        check_output(options.save_affinities, options.image, *mask_file, suffixes=_NPZ)
    image = read_image(options.image, channel=options.channel)
    planes = list(np.ndindex(image.data.shape[:-2]))
    if options.save_affinities and len(planes) > 1:
        raise ParameterError(
            f"--save-affinities keeps one plane, and {options.image} has {len(planes)}"
        )
    settings: dict[str, Any] = {
        "separation": separation_parameters(options),
        "diameter": options.diameter,
        "drafts": False,
    }
    if options.region:
        settings["region"] = parse_region(options.region, image.data.shape)
    foreground = resolve_foreground(options.foreground)
    sources = list(_per_plane(foreground, image, planes))

    from napari_inpaintaff.pipeline import default_partition, iterate_segmentation

    model = load_chosen_model(options)
    usual = default_partition(model)
    settings |= {"model": model, "partition": _partition_parameters(options, usual)}
    labels = np.zeros(image.data.shape, dtype=np.uint32)
    for number, (plane, source) in enumerate(zip(planes, sources, strict=True), start=1):
        result = follow(
            iterate_segmentation(image.data[plane], foreground=source, **settings),
            f"segment {image.name}" + (f" {number}/{len(planes)}" if len(planes) > 1 else ""),
            read_count,
        )
        labels[plane] = result.labels
        if options.save_affinities:
            write_affinities(
                options.save_affinities,
                result.affinities,
                foreground=result.foreground,
                scale=image.scale[-2:],
                units=image.units[-2:],
                alpha=usual.alpha,
            )
    write_labels(options.output, labels, axes=image.axes, scale=image.scale, units=image.units)
    _report(options.output, labels)


def _add_partition(commands: Commands) -> None:
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
        "mask or label image, or a method: none labels every pixel, the others need --image "
        "(default: the foreground of the run that wrote AFFINITIES)",
    )
    command.add_argument(
        "--image", metavar="IMAGE", type=Path, help="image that a foreground method looks at"
    )
    add_channel(command)
    add_diameter(command, "typical diameter of a cell, as given to segment (default 25)")
    add_partition(command)


def run_partition(options: argparse.Namespace) -> None:
    """Write the labels that a file of affinities gives."""
    from napari_inpaintaff.images import read_affinity_file, write_labels
    from napari_inpaintaff.partition import PartitionParameters, partition

    inputs = [options.affinities, *_existing(options.foreground)]
    inputs += [options.image] if options.image else []
    check_output(options.output, *inputs, suffixes=_TIFF)
    saved = read_affinity_file(options.affinities)
    usual = PartitionParameters()
    usual = usual if saved.alpha is None else replace(usual, alpha=saved.alpha)
    parameters = _follow_diameter(_partition_parameters(options, usual), options.diameter)
    if options.foreground is None:
        foreground = saved.foreground
    else:
        foreground = _foreground_of_affinities(options, saved.affinities.shape)
    labels = partition(saved.affinities, foreground=foreground, parameters=parameters)
    write_labels(options.output, labels, scale=saved.scale, units=saved.units)
    _report(options.output, labels)


def _foreground_of_affinities(
    options: argparse.Namespace, shape: tuple[int, int]
) -> NDArray[np.bool_]:
    from napari_inpaintaff.foreground import foreground_probability, threshold
    from napari_inpaintaff.images import read_image

    source = resolve_foreground(options.foreground)
    if not isinstance(source, str):
        return _fitting(source, shape, options.foreground)
    if source == "none":
        return np.ones(shape, dtype=bool)
    if options.image is None:
        raise ParameterError(f"--foreground {source} looks at the image; give it with --image")
    image = read_image(options.image, channel=options.channel)
    _fitting(image.data, shape, str(options.image))
    settings = given(options, diameter="diameter")
    return threshold(foreground_probability(image.data, source, **settings))


def _add_foreground(commands: Commands) -> None:
    command = add_command(
        commands, "foreground", run_foreground, "image to foreground mask, 0 or 1 (uint8)"
    )
    add_image(command)
    add_output(command, "MASK.tif", "mask to write")
    command.add_argument("--method", metavar="METHOD", required=True, help="otsu or none")
    command.add_argument(
        "--probability", action="store_true", help="write the probability instead (float32)"
    )
    add_diameter(command, "typical diameter of a cell (default 25)")


def run_foreground(options: argparse.Namespace) -> None:
    """Write the foreground of an image."""
    from napari_inpaintaff.foreground import foreground_probability, threshold
    from napari_inpaintaff.images import read_image, write_array

    check_output(options.output, options.image, suffixes=_TIFF)
    image = read_image(options.image, channel=options.channel)
    settings = given(options, diameter="diameter")
    probability = np.zeros(image.data.shape, dtype=np.float32)
    for plane in np.ndindex(image.data.shape[:-2]):
        probability[plane] = foreground_probability(image.data[plane], options.method, **settings)
    mask = threshold(probability)
    written = probability if options.probability else mask
    write_array(options.output, written, axes=image.axes, scale=image.scale, units=image.units)
    print(f"{options.output}: {mask.mean():.1%} foreground")


def _partition_parameters(
    options: argparse.Namespace, usual: PartitionParameters
) -> PartitionParameters:
    """Return the usual parameters with the values that the user gave."""
    values = given(options, method="partition", alpha="alpha", minimum_size="minimum_size")
    return replace(usual, **values)


def _follow_diameter(
    parameters: PartitionParameters, diameter: float | None
) -> PartitionParameters:
    """Scale the minimum size as `segment` does for a model of the usual diameter."""
    from napari_inpaintaff.separation.zoom import Zoom

    factor = Zoom.between(_MODEL_DIAMETER, diameter).factor
    return replace(parameters, minimum_size=round(parameters.minimum_size * factor**2))


def _existing(text: str | None) -> list[Path]:
    """Return the file that an option names, if it names one."""
    return [Path(text)] if text and Path(text).exists() else []


def _per_plane(
    foreground: str | NDArray[np.bool_], image: ImageData, planes: list[tuple[int, ...]]
) -> Iterator[str | NDArray[np.bool_]]:
    """Give every plane its foreground: one mask serves all planes, a stack one each."""
    for plane in planes:
        if isinstance(foreground, str) or foreground.shape == image.data.shape[-2:]:
            yield foreground
        else:
            yield _fitting(foreground, image.data.shape, "the foreground")[plane]


def _fitting(array: NDArray[ScalarT], shape: tuple[int, ...], name: str) -> NDArray[ScalarT]:
    if array.shape != shape:
        raise ImageError(f"{name} has the shape {array.shape}, the image {shape}")
    return array


def _report(path: Path, labels: NDArray[np.integer[Any]]) -> None:
    planes = labels.reshape(-1, *labels.shape[-2:])
    counts = [int(np.count_nonzero(np.unique(plane))) for plane in planes]
    where = f" in {len(planes)} planes" if len(planes) > 1 else ""
    print(f"{path}: {sum(counts)} objects{where}")

"""The command segment on stacks and large planes: in tiles, by several workers, resumable."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from napari_inpaintaff.cli.console import follow, print_line, read_count
from napari_inpaintaff.cli.foreground_choice import locate_foreground
from napari_inpaintaff.cli.labels_written import ZARR, report_counts, report_moved
from napari_inpaintaff.cli.model_choice import chosen_model_name, load_chosen_model
from napari_inpaintaff.cli.options import (
    outline_parameters,
    partition_parameters,
    reads_outline,
    separation_parameters,
)
from napari_inpaintaff.errors import ParameterError

if TYPE_CHECKING:
    from napari_inpaintaff.images import OpenedImage
    from napari_inpaintaff.pipeline.tasks import Pool
    from napari_inpaintaff.pipeline.tiled import Recipe
    from napari_inpaintaff.pipeline.tiled.recipe import ForegroundSource

# Kept here, not imported: --help must be fast.
_TILE = 2048
_SERIAL = "serial"
#: A single plane with no longer side is labelled in memory.
_SMALL = 4096


def add_tiles(command: argparse.ArgumentParser) -> None:
    """Add how stacks and large planes are worked on."""
    group = command.add_argument_group("stacks and large planes")
    group.add_argument(
        "--tile",
        type=int,
        metavar="PIXELS",
        help=f"largest side of a tile, a multiple of 512 (default {_TILE}); smaller ones need less "
        "memory",
    )
    group.add_argument(
        "--memory",
        type=float,
        metavar="GIB",
        help="choose tiles so that all workers on this computer together need no more than this",
    )
    group.add_argument(
        "--scheduler",
        metavar="NAME|ADDRESS",
        help="who does the work: serial (default), threads, processes, or a cluster by the address "
        "of its dask scheduler, such as tcp://192.168.0.1:8786",
    )
    group.add_argument(
        "--workers", type=int, metavar="N", help="threads or processes (default: half of the cores)"
    )
    group.add_argument(
        "--keep-affinities",
        action="store_true",
        help="keep the affinities beside LABELS as NAME_affinities.zarr",
    )
    group.add_argument(
        "--restart",
        action="store_true",
        help="throw away what an ended run with other settings has left",
    )


def check_tiles(options: argparse.Namespace) -> None:
    """Raise what is wrong with options of `add_tiles`, before anything is read.

    Raises
    ------
    ParameterError
        If options contradict each other.
    """
    if options.workers is not None and options.scheduler not in ("threads", "processes"):
        raise ParameterError("--workers is for --scheduler threads and --scheduler processes")
    if options.memory is not None and options.tile is not None:
        raise ParameterError("--memory chooses the size of tiles: leave --tile out")
    if options.save_affinities and options.output.suffix.lower() in ZARR:
        raise ParameterError("--save-affinities is for one plane: use --keep-affinities")


def goes_in_tiles(options: argparse.Namespace, shape: tuple[int, ...]) -> bool:
    """Tell whether an image is worked on in tiles.

    Parameters
    ----------
    options : Namespace
        With those of `add_tiles`, ``output`` and ``save_affinities``.
    shape : tuple of int
        Of the image; ends in (Y, X).

    Raises
    ------
    ParameterError
        If it is, and the affinities shall be saved as of one plane.
    """
    from napari_inpaintaff.images.memory import available_memory
    from napari_inpaintaff.pipeline.tiled.memory import needed_memory

    asked = (options.tile, options.memory, options.scheduler)
    tiled = any(value is not None for value in asked) or options.keep_affinities or options.restart
    tiled = tiled or options.output.suffix.lower() in ZARR or len(shape) > 2
    plane = shape[-2], shape[-1]
    tiled = tiled or max(plane) > _SMALL
    tiled = tiled or needed_memory(max(plane), plane) > available_memory()
    if tiled and options.save_affinities:
        size = "x".join(map(str, shape))
        raise ParameterError(
            f"--save-affinities keeps one plane, and {options.image} ({size}) is worked on "
            "in tiles: use --keep-affinities"
        )
    return tiled


def segment_in_tiles(options: argparse.Namespace, image: OpenedImage) -> None:
    """Write the labels of a stack or a large plane.

    Parameters
    ----------
    options : Namespace
        Of the command.
    image : OpenedImage
        The image.

    Raises
    ------
    InpaintAffError
        If nothing can be labelled.
    """
    from napari_inpaintaff.pipeline.tasks import Pool
    from napari_inpaintaff.pipeline.tiled import ImageFile, iterate_tiled_segmentation

    pool = Pool(options.scheduler or _SERIAL, options.workers or 0)
    steps = iterate_tiled_segmentation(
        ImageFile(options.image, options.channel),
        options.output,
        _recipe(options, image),
        tile=_tile(options, pool, image),
        pool=pool,
        keep_affinities=options.keep_affinities,
        restart=options.restart,
    )
    result = follow(steps, f"segment {options.image.name}", read_count)
    for plane in result.skipped:
        print_line(f"warning: {plane.path_or_name} was skipped: {plane.reason}")
    report_counts(result.path, result.cells)
    report_moved(result.moved)
    if result.affinities is not None:
        print(f"{result.affinities}: affinities")


def _tile(options: argparse.Namespace, pool: Pool, image: OpenedImage) -> int:
    from napari_inpaintaff.pipeline.tiled.memory import fitting_tile

    if options.memory is None:
        return options.tile or _TILE
    plane = image.shape[-2], image.shape[-1]
    processes = pool.scheduler == "processes"
    return fitting_tile(options.memory, plane, max(1, pool.count), processes=processes)


def _recipe(options: argparse.Namespace, image: OpenedImage) -> Recipe:
    from napari_inpaintaff.images import parse_region
    from napari_inpaintaff.pipeline import default_partition
    from napari_inpaintaff.pipeline.tiled import Recipe

    common = {
        "foreground": _foreground(options.foreground),
        "diameter": options.diameter,
        "region": parse_region(options.region, image.shape) if options.region else None,
        "outlines": options.outlines,
        "device": options.device,
    }
    if reads_outline(options):
        return Recipe(**common, partition=outline_parameters(options))
    separation = separation_parameters(options)
    model = load_chosen_model(options)
    return Recipe(
        **common,
        model=chosen_model_name(options),
        separation=separation,
        partition=partition_parameters(options, default_partition(model, options.partition)),
    )


def _foreground(text: str) -> ForegroundSource:
    """Return where the foreground comes from: a method, the file of a network, or a mask."""
    from napari_inpaintaff.pipeline.tiled import ImageFile

    place = locate_foreground(text)
    if isinstance(place, str):
        return place
    return place.path if place.is_model else ImageFile(place.path)

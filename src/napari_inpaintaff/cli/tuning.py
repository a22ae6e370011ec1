"""The command that chooses alpha, or sigma, on labelled images: tune."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_inpaintaff.cli.console import follow, print_line, read_count
from napari_inpaintaff.cli.foreground_choice import fitting, foreground_files, resolve_foreground
from napari_inpaintaff.cli.model_choice import add_model, load_chosen_model, refuse_model
from napari_inpaintaff.cli.model_making import counted
from napari_inpaintaff.cli.options import (
    Commands,
    add_command,
    add_device,
    add_diameter,
    add_mode,
    add_patches,
    add_seed,
    check_output,
    separation_parameters,
)
from napari_inpaintaff.cli.pairs import LabelledPlane, add_pairs, find_pairs, read_pairs
from napari_inpaintaff.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_inpaintaff.foreground import ForegroundModel
    from napari_inpaintaff.pipeline.tuning_curves import Tuning

# Kept here, not imported: --help must be fast.
METRICS = ("seg", "f1", "ap", "accuracy", "det", "vi")
PLOT_SUFFIXES = (".png", ".svg", ".pdf")
TABLE_SUFFIXES = (".csv",)
#: Stands for all partition methods.
ALL = "all"
#: Takes the ground truth for the foreground.
TRUTH = "truth"


def add_commands(commands: Commands) -> None:
    """Add tune."""
    command = add_command(
        commands,
        "tune",
        run_tune,
        "choose alpha on labelled images, for any measure and partition method",
        "Affinities are computed once for every image. Take images that nothing was trained on. "
        "Cells may be missing in TRUTH for seg, accuracy and vi, which look at annotated cells "
        "only; the other measures take every object without a cell for wrong.",
    )
    add_pairs(command, "TRUTH", "0 is background, every other number one cell")
    command.add_argument(
        "-o", "--output", metavar="CURVE.csv", type=Path, help="write the curves as a table"
    )
    command.add_argument(
        "--plot", metavar="CURVE.png", type=Path, help="draw the curves (PNG, SVG or PDF)"
    )
    add_model(command)
    command.add_argument(
        "--foreground",
        metavar="MODEL|FILE|METHOD",
        nargs="+",
        default=["otsu"],
        help="as for segment (default otsu), or one mask for every image; or truth: that of "
        "TRUTH, with gaps of one pixel between cells closed",
    )
    command.add_argument(
        "--partition",
        metavar="NAME",
        nargs="+",
        default=["region_merging"],
        help="one or more methods, see segment, or all (default region_merging)",
    )
    command.add_argument(
        "--metric", choices=METRICS, default="seg", help="what to measure (default seg)"
    )
    for name, of in (
        ("alphas", "the methods that have an alpha"),
        ("sigmas", "distance_watershed"),
    ):
        command.add_argument(
            f"--{name}",
            metavar="VALUE|FIRST:LAST:STEP",
            nargs="+",
            help=f"values to try with {of} (default: a range that suits it)",
        )
    command.add_argument(
        "--minimum-size", metavar="PIXELS", type=int, help="as for segment; follows --diameter"
    )
    add_diameter(command, "typical diameter of a cell (default: that of the model)")
    add_mode(command)
    add_patches(command)
    add_device(command)
    add_seed(command)


def run_tune(options: argparse.Namespace) -> None:
    """Print the best value of every method, and write the curves on demand."""
    from napari_inpaintaff.partition import OUTLINE_METHODS, PARTITION_METHODS

    known = (*PARTITION_METHODS, *OUTLINE_METHODS)
    methods = known if ALL in options.partition else tuple(options.partition)
    needs_model = any(method not in OUTLINE_METHODS for method in methods)
    settings: dict[str, Any] = {
        "methods": methods,
        "metric": options.metric,
        "alphas": _values(options.alphas),
        "sigmas": _values(options.sigmas),
        "minimum_size": options.minimum_size,
        "diameter": options.diameter,
        "device": options.device,
    }
    pairs = find_pairs(options.pairs, "TRUTH")
    _check_files(options, [file for pair in pairs for file in pair])
    planes = read_pairs(pairs, channel=options.channel, region=options.region)

    from napari_inpaintaff.pipeline.tuning import plan_tuning, tune

    # Before masks and models are loaded.
    plan_tuning(methods, options.metric, settings["alphas"], settings["sigmas"])
    settings["foreground"] = _foreground(options, planes)
    settings["outlines"] = "keep" if options.foreground == [TRUTH] else "auto"
    if needs_model:
        settings["separation"] = separation_parameters(options)
        settings["model"] = load_chosen_model(options)
    else:
        refuse_model(options)
    images, truths = [plane.image for plane in planes], [plane.labels for plane in planes]
    tuning = follow(tune(images, truths, **settings), "tune", read_count)
    if options.output:
        from napari_inpaintaff.pipeline.tuning_curves import write_tuning_table

        write_tuning_table(options.output, tuning)
    if options.plot:
        from napari_inpaintaff.pipeline.tuning_plot import write_tuning_plot

        write_tuning_plot(options.plot, tuning)
    _tell(tuning, options)


def _check_files(options: argparse.Namespace, files: Sequence[Path]) -> None:
    """Refuse outputs that cannot be written, or are inputs."""
    inputs = [*files, *(file for text in options.foreground for file in foreground_files(text))]
    if options.output:
        check_output(options.output, *inputs, suffixes=TABLE_SUFFIXES)
    if options.plot:
        check_output(options.plot, *inputs, suffixes=PLOT_SUFFIXES)


def _foreground(
    options: argparse.Namespace, planes: Sequence[LabelledPlane]
) -> str | ForegroundModel | list[NDArray[np.bool_]]:
    """Return one source for all images, or a mask for every one."""
    if options.foreground == [TRUTH]:
        from napari_inpaintaff.evaluation import close_gaps

        return [close_gaps(plane.labels) for plane in planes]
    if len(options.foreground) == 1:
        source = resolve_foreground(options.foreground[0], device=options.device)
        if not isinstance(source, np.ndarray):
            return source
    return _masks(options, planes)


def _masks(options: argparse.Namespace, planes: Sequence[LabelledPlane]) -> list[NDArray[np.bool_]]:
    """Read a mask for every image."""
    from napari_inpaintaff.images import parse_region, read_mask

    if len(options.foreground) != len(planes):
        raise ParameterError(
            f"there are {counted(planes, 'plane')}, but {counted(options.foreground, 'mask')}: "
            f"give one for each, or a method or a model for all"
        )
    masks = []
    for file, plane in zip(options.foreground, planes, strict=True):
        mask = read_mask(file)
        if options.region is not None:
            mask = mask[(..., *parse_region(options.region, mask.shape))]
        masks.append(fitting(mask, plane.image.shape, file))
    return masks


def _values(texts: Sequence[str] | None) -> list[float] | None:
    """Read numbers, and ranges of them."""
    if texts is None:
        return None
    values: list[float] = []
    for text in texts:
        try:
            parts = [float(part) for part in text.split(":")]
        except ValueError:
            parts = []
        if len(parts) == 1:
            values += parts
        elif len(parts) == 3 and parts[2] > 0 and 0 <= parts[1] - parts[0] < 1000 * parts[2]:
            first, last, step = parts
            count = int((last - first) / step + 1e-9) + 1
            values += [round(first + step * number, 10) for number in range(count)]
        else:
            raise ParameterError(
                f"{text!r} is neither a number nor FIRST:LAST:STEP, such as 0.8:2:0.1"
            )
    return values


def _tell(tuning: Tuning, options: argparse.Namespace) -> None:
    from napari_inpaintaff.pipeline.tuning_curves import METRICS as MEASURES

    title = MEASURES[options.metric].title
    cells = counted(tuning.reference_objects, "annotated cell")
    print(f"{title} of {cells} in {counted(tuning.images, 'image')}")
    width = max(len(curve.method) for curve in tuning.curves)
    for curve in tuning.curves:
        at = "" if curve.parameter is None else f" at {curve.parameter} {curve.best.value:g}"
        print(f"{curve.method:<{width}}  {curve.best.score:.4f}{at}")
        if curve.edge is not None:
            beyond = "larger" if curve.edge == "largest" else "smaller"
            print_line(
                f"warning: the best {curve.parameter} of {curve.method}, {curve.best.value:g}, is "
                f"the {curve.edge} that was tried: a {beyond} one may be better"
            )
    for path in filter(None, (options.output, options.plot)):
        print(f"curves: {path}")
    print(f"use it: {shlex.join(_command(tuning, options))}")


def _command(tuning: Tuning, options: argparse.Namespace) -> list[str]:
    """Return the command that segments with the best method and value."""
    from napari_inpaintaff.partition import OUTLINE_METHODS

    best = tuning.best
    command = ["inpaintaff", "segment", "IMAGE", "-o", "labels.tif"]
    for name in ("model", "engine", "mode", "patch", "stride", "iterations"):
        value = getattr(options, name)
        if value is not None and best.method not in OUTLINE_METHODS:
            command += [f"--{name}", str(value)]
    if len(options.foreground) == 1 and options.foreground not in (["otsu"], [TRUTH]):
        command += ["--foreground", options.foreground[0]]
    if options.diameter is not None:
        command += ["--diameter", f"{options.diameter:g}"]
    command += ["--partition", best.method]
    if best.parameter is not None:
        command += [f"--{best.parameter}", f"{best.best.value:g}"]
    return command

"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from napari_inpaintaff.errors import OutputError, ParameterError
from napari_inpaintaff.networks.compute import DEVICES

if TYPE_CHECKING:
    from napari_inpaintaff.partition import OutlineParameters, PartitionParameters
    from napari_inpaintaff.separation import SeparationParameters

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

# Kept here, not imported: --help must be fast.
MODES = ("draft", "balanced", "paper")
DEFAULT_MODE = "balanced"
#: Of a mode, that have an option of their own.
SINGLE_VALUES = ("patch", "stride", "iterations")


def add_command(
    commands: Commands,
    name: str,
    run: Callable[[argparse.Namespace], None],
    summary: str,
    details: str = "",
) -> argparse.ArgumentParser:
    """Add a command.

    Parameters
    ----------
    commands : subparsers
        Of the main parser.
    name : str
        What the user types.
    run : callable
        Called with the parsed options.
    summary : str
        One line for the list of commands.
    details : str, optional
        More lines for the command's own help.
    """
    command = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}. {details}".strip(),
    )
    command.set_defaults(run=run)
    return command


def add_image(command: argparse.ArgumentParser) -> None:
    """Add the input image and its channel."""
    command.add_argument(
        "image", metavar="IMAGE", type=Path, help="TIFF, OME-Zarr, PNG, JPEG, CZI, ND2 or LIF"
    )
    add_channel(command)


def add_channel(command: argparse.ArgumentParser) -> None:
    """Add the channel, for images that have several."""
    command.add_argument(
        "--channel",
        metavar="C",
        type=_channel,
        help="which channel of a colour or multi-channel image: a number from 0, or the name that "
        "OME metadata gives it; 0+2 combines channels, each normalised robustly",
    )


def _channel(text: str) -> int | str:
    from napari_inpaintaff.images import parse_channel

    try:
        return parse_channel(text)
    except ParameterError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add_output(command: argparse.ArgumentParser, metavar: str, explanation: str) -> None:
    """Add the file to write."""
    command.add_argument(
        "-o", "--output", metavar=metavar, type=Path, required=True, help=explanation
    )


def add_diameter(
    command: argparse.ArgumentParser, explanation: str, default: float | None = None
) -> None:
    """Add the typical diameter of a cell."""
    command.add_argument(
        "--diameter", metavar="PIXELS", type=_read_diameter, default=default, help=explanation
    )


def _read_diameter(text: str) -> float:
    diameter = float(text)
    if not 0 < diameter < math.inf:
        raise argparse.ArgumentTypeError(f"the cell diameter must be above 0 pixels, got {text}")
    return diameter


def add_partition(command: argparse.ArgumentParser) -> None:
    """Add what decides how affinities, or the outline of the foreground, become labels."""
    command.add_argument(
        "--alpha",
        metavar="A",
        type=float,
        help="weight of the repulsive edges: more gives more objects",
    )
    command.add_argument(
        "--partition",
        metavar="NAME",
        help="region_merging (default; of an AffNet mutex_watershed), which weighs shape and "
        "image, mutex_watershed, outline_mutex_watershed, which looks at the outline of the "
        "foreground too, greedy_additive, greedy_fixation, average_linkage or "
        "connected_components; or distance_watershed or foreground_components, which look at "
        "the outline of the foreground only and need no model",
    )
    command.add_argument(
        "--minimum-size",
        metavar="PIXELS",
        type=int,
        help="smaller fragments are given to a neighbouring object; follows --diameter",
    )
    command.add_argument(
        "--sigma",
        metavar="PIXELS",
        type=float,
        help="of distance_watershed: how much the distances are smoothed, for cells of 25 pixels",
    )
    command.add_argument(
        "--minimum-distance",
        metavar="PIXELS",
        type=float,
        help="of distance_watershed: between the middles of two cells, for cells of 25 pixels",
    )


def reads_outline(options: argparse.Namespace) -> bool:
    """Return whether the partition looks at the outline of the foreground only."""
    from napari_inpaintaff.partition import OUTLINE_METHODS

    return options.partition in OUTLINE_METHODS


def partition_parameters(
    options: argparse.Namespace, usual: PartitionParameters
) -> PartitionParameters:
    """Return the usual parameters with the values that the user gave.

    Parameters
    ----------
    options : Namespace
        With those of `add_partition`.
    usual : PartitionParameters
        Of the model.

    Raises
    ------
    ParameterError
        If a value cannot work, or is for another method.
    """
    _refuse(options, ("sigma", "minimum_distance"), "is for --partition distance_watershed")
    values = given(options, method="partition", alpha="alpha", minimum_size="minimum_size")
    return replace(usual, **values)


def outline_parameters(options: argparse.Namespace) -> OutlineParameters:
    """Return how the outline of the foreground becomes labels.

    Parameters
    ----------
    options : Namespace
        With those of `add_partition`, for which `reads_outline` is true.

    Raises
    ------
    ParameterError
        If a value cannot work, or is for another method.
    """
    from napari_inpaintaff.partition import OutlineParameters

    _refuse(options, ("alpha", "minimum_size"), f"has no meaning for {options.partition}")
    if options.partition != "distance_watershed":
        _refuse(options, ("sigma", "minimum_distance"), "is for --partition distance_watershed")
    values = given(options, sigma="sigma", minimum_distance="minimum_distance")
    return OutlineParameters(options.partition, **values)


def _refuse(options: argparse.Namespace, names: Sequence[str], reason: str) -> None:
    """Refuse options that the user gave, because they would do nothing."""
    for name in names:
        if getattr(options, name) is not None:
            raise ParameterError(f"--{name.replace('_', '-')} {reason}: leave it out")


def add_mode(command: argparse.ArgumentParser) -> None:
    """Add the mode: how patches are split, by name."""
    command.add_argument(
        "--mode",
        choices=MODES,
        help="draft (fast), balanced (default) or paper (slow, a little better)",
    )


def add_patches(command: argparse.ArgumentParser) -> None:
    """Add single values of the mode."""
    for option, metavar, explanation in (
        ("--patch", "P", "side of the square patches that are split"),
        ("--stride", "S", "distance between patches; smaller is slower and a little better"),
        ("--iterations", "T", "updates of every split"),
    ):
        command.add_argument(
            option, metavar=metavar, type=int, help=f"{explanation}; default: that of the mode"
        )


def separation_parameters(options: argparse.Namespace) -> SeparationParameters:
    """Return the parameters of the mode, with the single values that the user gave.

    Parameters
    ----------
    options : Namespace
        With those of `add_mode` and `add_seed`, and perhaps those of `add_patches`.

    Raises
    ------
    ParameterError
        If a value cannot work.
    """
    from napari_inpaintaff.separation import SEPARATION_MODES

    chosen = SEPARATION_MODES[options.mode or DEFAULT_MODE]
    values = given(options, **{name: name for name in SINGLE_VALUES if hasattr(options, name)})
    return replace(chosen, seed=options.seed, **values)


def add_device(command: argparse.ArgumentParser) -> None:
    """Add the device to compute on."""
    command.add_argument(
        "--device", choices=DEVICES, default="auto", help="where the network runs (default auto)"
    )


def add_seed(command: argparse.ArgumentParser) -> None:
    """Add the seed of all random choices."""
    command.add_argument(
        "--seed",
        metavar="N",
        type=_read_seed,
        default=0,
        help="of all random choices (default 0)",
    )


def _read_seed(text: str) -> int:
    seed = int(text)
    if not 0 <= seed < 2**32:
        raise argparse.ArgumentTypeError(f"the seed must be 0 to 4294967295, got {seed}")
    return seed


def given(options: argparse.Namespace, **names: str) -> dict[str, Any]:
    """Collect the options that the user gave, under the names of a parameter object.

    Parameters
    ----------
    options : Namespace
        Parsed options; None means "not given", the default of the parameter object counts.
    **names : str
        Name of the parameter to name of the option.
    """
    values = {parameter: getattr(options, option) for parameter, option in names.items()}
    return {parameter: value for parameter, value in values.items() if value is not None}


def check_output(path: Path, *inputs: Path, suffixes: tuple[str, ...]) -> None:
    """Refuse an output that cannot be written, or that is one of the inputs.

    Parameters
    ----------
    path : Path
        The file to be written after the long work.
    *inputs : Path
        Files that are read.
    suffixes : tuple of str
        Endings of which the name must have one.

    Raises
    ------
    OutputError
        With what to do instead.
    """
    from napari_inpaintaff.images import check_writable

    check_writable(path, suffixes=suffixes)
    refuse_input(path, *inputs)


def refuse_input(path: Path, *inputs: Path) -> None:
    """Raise OutputError if an output is one of the inputs."""
    for source in inputs:
        if path.exists() and source.exists() and path.samefile(source):
            raise OutputError(f"{path} is an input of this command; write to another file")

"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from napari_inpaintaff.errors import OutputError, ParameterError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_inpaintaff.separation import SeparationParameters

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

# Kept here, not imported: --help must be fast.
DEVICES = ("auto", "cpu", "cuda", "mps")
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
    command.add_argument("image", metavar="IMAGE", type=Path, help="TIFF, PNG or JPEG")
    add_channel(command)


def add_channel(command: argparse.ArgumentParser) -> None:
    """Add the channel, for images that have several."""
    command.add_argument(
        "--channel",
        metavar="C",
        type=int,
        help="which channel of a colour or multi-channel image, counted from 0",
    )


def add_output(command: argparse.ArgumentParser, metavar: str, explanation: str) -> None:
    """Add the file to write."""
    command.add_argument(
        "-o", "--output", metavar=metavar, type=Path, required=True, help=explanation
    )


def add_foreground(command: argparse.ArgumentParser, default: str | None, explanation: str) -> None:
    """Add the source of the foreground."""
    command.add_argument("--foreground", metavar="FILE|METHOD", default=default, help=explanation)


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
    """Add what decides how affinities become labels."""
    command.add_argument(
        "--alpha",
        metavar="A",
        type=float,
        help="weight of the repulsive edges: more gives more objects",
    )
    command.add_argument(
        "--partition",
        metavar="NAME",
        help="mutex_watershed (default), greedy_additive, greedy_fixation, average_linkage or "
        "connected_components",
    )
    command.add_argument(
        "--minimum-size",
        metavar="PIXELS",
        type=int,
        help="smaller fragments are given to a neighbouring object; follows --diameter",
    )


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
    for source in inputs:
        if path.exists() and source.exists() and path.samefile(source):
            raise OutputError(f"{path} is an input of this command; write to another file")


def resolve_foreground(text: str) -> str | NDArray[np.bool_]:
    """Tell a method from a file, and read the file.

    Parameters
    ----------
    text : str
        Name of a foreground method, or of a mask or label image.

    Returns
    -------
    str or ndarray of bool
        The method, or the mask with the axes of its file.

    Raises
    ------
    ParameterError
        If it is neither.
    """
    from napari_inpaintaff.foreground import FOREGROUND_METHODS
    from napari_inpaintaff.images import read_mask

    if text in FOREGROUND_METHODS:
        return text
    if not Path(text).exists():
        raise ParameterError(
            f"unknown foreground {text!r}: there is no such file, and the methods are "
            f"{', '.join(FOREGROUND_METHODS)}"
        )
    return read_mask(text)

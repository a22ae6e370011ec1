"""The commands, and what every one of them does at its end.

Exit code 0, or one line on standard error and exit code 2 (130 after Ctrl-C). Nothing heavy is
imported before a command runs: ``inpaintaff --help`` must answer at once.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from napari_inpaintaff.cli import (
    affinity_training,
    demonstration,
    distillation,
    evaluation,
    exporting,
    foreground_tables,
    foreground_training,
    foregrounds,
    iem_training,
    information,
    measurement,
    partitioning,
    perturbgan_training,
    redo_training,
    reproduction,
    segmentation,
    sharing,
    simulation,
    training,
    tuning,
    viewer,
)
from napari_inpaintaff.cli.console import print_line, warnings_as_lines
from napari_inpaintaff.errors import InpaintAffError, ParameterError

FAILED = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells count


class _Parser(argparse.ArgumentParser):
    """A parser that leaves the error message to `main`: one line, no usage text."""

    def __init__(self, **settings: Any) -> None:
        # Abbreviations of options would break when a later version adds an option.
        super().__init__(**settings, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise ParameterError(f"{message} (see: {self.prog} --help)")


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *arguments: object) -> NoReturn:
        from importlib.metadata import version

        print(f"inpaintaff {version('napari-inpaintaff')}")
        parser.exit()


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; every command sets ``run``.

    Returns
    -------
    ArgumentParser
        Raises `ParameterError` for a wrong command line.
    """
    parser: argparse.ArgumentParser = _Parser(
        prog="inpaintaff",
        description="Separate touching cells in microscopy images without labels.",
        epilog="inpaintaff COMMAND --help explains a command.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", dest="command", required=True
    )
    segmentation.add_commands(commands)
    partitioning.add_commands(commands)
    foregrounds.add_commands(commands)
    measurement.add_commands(commands)
    exporting.add_commands(commands)
    evaluation.add_commands(commands)
    tuning.add_commands(commands)
    training.add_commands(commands)
    foreground_training.add_commands(commands)
    iem_training.add_commands(commands)
    perturbgan_training.add_commands(commands)
    redo_training.add_commands(commands)
    distillation.add_commands(commands)
    affinity_training.add_commands(commands)
    information.add_commands(commands)
    sharing.add_commands(commands)
    reproduction.add_commands(commands)
    foreground_tables.add_commands(commands)
    simulation.add_commands(commands)
    demonstration.add_commands(commands)
    viewer.add_commands(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``inpaintaff``.

    Parameters
    ----------
    arguments : sequence of str, optional
        The command line without the program's name; default that of the process.

    Returns
    -------
    int
        The exit code: 0, 2 after an error, 130 after Ctrl-C.
    """
    # Libraries log what they think of a file; what matters reaches the user as an error.
    logging.getLogger().addHandler(logging.NullHandler())
    with warnings_as_lines():
        try:
            options = build_parser().parse_args(arguments)
            options.run(options)
            sys.stdout.flush()
        except BrokenPipeError:
            # The reader of a pipe has seen enough. Python would complain once more at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except KeyboardInterrupt:
            print_line("interrupted")
            return INTERRUPTED
        except Exception as error:
            if os.environ.get("INPAINTAFF_TRACEBACK"):
                raise
            print_line(f"error: {explain(error)}")
            return FAILED
    return 0


def explain(error: Exception) -> str:
    """Say in one line what went wrong.

    Parameters
    ----------
    error : Exception
        Anything that a command raised.

    Returns
    -------
    str
        The message of our own errors; file and reason of an `OSError`; for anything else,
        which is a bug, how to see the traceback.
    """
    if isinstance(error, InpaintAffError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}"
    if isinstance(error, MemoryError):
        return f"not enough memory ({error})" if str(error) else "not enough memory"
    return (
        f"internal error, please report it: {type(error).__name__}: {error} "
        f"(set INPAINTAFF_TRACEBACK=1 to see where)"
    )

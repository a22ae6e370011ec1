"""The command that runs the papers' experiments: reproduce."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_inpaintaff.cli.console import follow, log_as_lines, print_line, read_count
from napari_inpaintaff.cli.options import (
    Commands,
    add_command,
    add_device,
    add_mode,
    add_seed,
    given,
    separation_parameters,
)
from napari_inpaintaff.errors import ParameterError

if TYPE_CHECKING:
    from napari_inpaintaff.pipeline.reproduction import Reproduction

# Kept here, not imported: --help must be fast.
SPLITS = ("paper", "development")
DATA_SETS = ("Fluo-N2DL-HeLa", "PhC-C2DL-PSC", "BBBC039", "DSB2018")
PARTS = ("table1", "figure4", "figure5", "clustering", "appendix")
ENGINES = ("igm", "student", "both")
CONFIGS = ("small", "paper")
_MOST_WORKERS = 8


def add_commands(commands: Commands) -> None:
    """Add reproduce."""
    command = add_command(
        commands,
        "reproduce",
        run_reproduce,
        "the papers' tables and figures, measured on the Cell Tracking Challenge's data",
        "Writes Table 1, Figures 4 and 5, the clustering methods and the choices of appendix A as "
        "Markdown, CSV and figures. The same command again goes on where it was interrupted.",
    )
    command.add_argument(
        "root",
        metavar="CTC_ROOT",
        type=Path,
        help="folder with the data sets Fluo-N2DL-HeLa and PhC-C2DL-PSC, as the challenge packs "
        "them; whatever part of them is there is used",
    )
    command.add_argument(
        "-o", "--output", metavar="FOLDER", type=Path, required=True, help="folder to write to"
    )
    command.add_argument(
        "--quick", action="store_true", help="minutes instead of hours: a first look, no results"
    )
    _add_choices(command)
    _add_lengths(command)
    add_mode(command)
    add_device(command)
    add_seed(command)


def _add_choices(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--split",
        choices=SPLITS,
        default=SPLITS[0],
        help="paper (default), or development: sequence 01 and silver truth, and BBBC039 and "
        "DSB2018 if they are there",
    )
    command.add_argument(
        "--datasets", metavar="NAME", nargs="+", choices=DATA_SETS, default=[], help="only these"
    )
    command.add_argument(
        "--only", metavar="PART", nargs="+", choices=PARTS, default=PARTS, help=", ".join(PARTS)
    )
    command.add_argument(
        "--model",
        metavar="DATASET=MODEL",
        nargs="+",
        default=[],
        help="inpainter for a data set, by name or file (default: nuclei-small for nuclei; for "
        "PhC-C2DL-PSC one is trained on its images)",
    )
    command.add_argument(
        "--engine",
        choices=ENGINES,
        help="how InpaintAff works: igm (default), a student distilled on the way, or both",
    )
    command.add_argument(
        "--config",
        choices=CONFIGS,
        help="networks of FGNet and AffNet: small (default), or those of the paper, for a GPU",
    )


def _add_lengths(command: argparse.ArgumentParser) -> None:
    length = command.add_mutually_exclusive_group()
    length.add_argument(
        "--minutes", metavar="M", type=float, help="of every training of FGNet and AffNet"
    )
    length.add_argument("--steps", metavar="N", type=int, help="of the same instead (1200)")
    command.add_argument(
        "--inpainter-minutes", metavar="M", type=float, help="of the training of an inpainter (20)"
    )
    command.add_argument(
        "--seeds", metavar="N", type=int, help="how often every network is trained (3)"
    )
    command.add_argument(
        "--workers",
        metavar="N",
        type=int,
        help="processes that work at the same time (default: one for every core, 1 on a GPU)",
    )


def run_reproduce(options: argparse.Namespace) -> None:
    """Run the experiments and say where the results are."""
    from napari_inpaintaff.pipeline.reproduction import iterate_reproduction

    settings = _settings(options)
    with log_as_lines():
        updates = iterate_reproduction(options.root, options.output, settings)
        results = follow(updates, "reproduce", read_count)
    for path in results.files:
        print(path)
    kept = f", {results.kept} kept from before" if results.kept else ""
    print_line(f"{results.computed} units of work done{kept}")


def _settings(options: argparse.Namespace) -> Reproduction:
    """Make the settings of the options; what was given counts in a quick run, too."""
    from napari_inpaintaff.pipeline.reproduction import Reproduction, quick

    settings = Reproduction(
        split=options.split,
        data_sets=tuple(dict.fromkeys(options.datasets)),
        parts=tuple(part for part in PARTS if part in options.only),
        inpainters=_models(options.model),
        separation=separation_parameters(options),
        device=options.device,
        workers=_workers(options),
    )
    changes: dict[str, Any] = given(
        options,
        engine="engine",
        config="config",
        minutes="minutes",
        inpainter_minutes="inpainter_minutes",
        seeds="seeds",
        steps="steps",
    )
    if "steps" in changes:
        changes["minutes"] = None
    elif "minutes" in changes:
        changes["steps"] = None
    if options.quick:
        settings = quick(settings)
        if options.mode:
            changes["separation"] = separation_parameters(options)
    return replace(settings, **changes)


def _models(given_models: Sequence[str]) -> dict[str, str]:
    """Read what --model says."""
    models: dict[str, str] = {}
    for text in given_models:
        data_set, sign, model = text.partition("=")
        if not sign or not model or data_set not in DATA_SETS:
            raise ParameterError(
                f"--model takes a data set and a model, such as {DATA_SETS[0]}=nuclei-small, "
                f"got {text!r}"
            )
        models[data_set] = model
    return models


def _workers(options: argparse.Namespace) -> int:
    if options.workers is not None:
        workers: int = options.workers
        return workers
    from napari_inpaintaff.networks.devices import pick_device

    if pick_device(options.device).type != "cpu":
        return 1
    return min(_MOST_WORKERS, os.cpu_count() or 1)

"""The commands that hand models to other people: export-model, import-model."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_inpaintaff.cli.options import Commands, add_command, add_output, refuse_input


def add_commands(commands: Commands) -> None:
    """Add export-model and import-model."""
    command = add_command(
        commands,
        "export-model",
        run_export,
        "model to a BioImage.IO package",
        "The package holds the model file, a model card, and its network for other programs.",
    )
    command.add_argument("model", metavar="NAME|FILE", help="any model, see `inpaintaff models`")
    add_output(command, "PACKAGE.zip", "package to write")
    command.add_argument(
        "--author",
        metavar="NAME",
        action="append",
        default=[],
        help="who made the model; for several people give it several times",
    )
    command.add_argument(
        "--license",
        metavar="SPDX",
        help="licence of the model, such as CC-BY-4.0 (default: that of its training data)",
    )
    command = add_command(
        commands,
        "import-model",
        run_import,
        "model out of a BioImage.IO package",
        "Packages of export-model are read. Nothing that came with a package is run.",
    )
    command.add_argument("package", metavar="PACKAGE", type=Path, help="zip file or folder")
    add_output(command, "MODEL.safetensors", "model file to write")


def run_export(options: argparse.Namespace) -> None:
    """Write the package."""
    from napari_inpaintaff.sharing import export_package

    refuse_input(options.output, Path(options.model))
    written = export_package(
        options.model, options.output, authors=options.author, licence=options.license
    )
    by = "checked by" if written.checked else "not checked: install"
    print(f"{written.path}: BioImage.IO package of {options.model} ({by} bioimageio.spec)")


def run_import(options: argparse.Namespace) -> None:
    """Write the model file."""
    from napari_inpaintaff.sharing import import_package

    refuse_input(options.output, options.package)
    path = import_package(options.package, options.output)
    print(f"{path}: give it to --model or --foreground, or put it in the folder of your models")

"""Which model separates the cells, and whether the other options fit it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from napari_inpaintaff.cli.options import SINGLE_VALUES
from napari_inpaintaff.errors import ParameterError

if TYPE_CHECKING:
    from napari_inpaintaff.inpainting import Inpainter
    from napari_inpaintaff.separation import Student

ENGINES = ("igm", "student")


def add_model(command: argparse.ArgumentParser) -> None:
    """Add the model, and the engine that it must be made for."""
    command.add_argument(
        "--model",
        metavar="NAME|FILE",
        help="inpainter or student, see `inpaintaff models` (default nuclei-small; "
        "nuclei-student with --engine student)",
    )
    command.add_argument(
        "--engine",
        choices=ENGINES,
        help="igm takes patches apart with an inpainter, student needs one pass of a student "
        "(default: that of the model)",
    )


def load_chosen_model(options: argparse.Namespace) -> Inpainter | Student:
    """Load the model that the user chose.

    Parameters
    ----------
    options : Namespace
        With those of `add_model`, `options.add_mode` and `options.add_patches`, and the device.

    Returns
    -------
    Inpainter or Student
        Ready to use.

    Raises
    ------
    ParameterError
        If the model is not of the engine, or an option does not fit it.
    ModelFileError
        If it cannot be loaded.
    """
    from napari_inpaintaff.inpainting import DEFAULT_INPAINTER
    from napari_inpaintaff.separation import DEFAULT_STUDENT, Student, load_model

    default = DEFAULT_STUDENT if options.engine == "student" else DEFAULT_INPAINTER
    name = options.model or default
    model = load_model(name, device=options.device)
    kind, engine = ("student", "student") if isinstance(model, Student) else ("inpainter", "igm")
    if options.engine not in (None, engine):
        raise ParameterError(
            f"the {kind} {name} is not for --engine {options.engine}: leave --engine out, "
            f"or choose another model (see: inpaintaff models)"
        )
    names = ("mode", *SINGLE_VALUES)
    useless = [f"--{name}" for name in names if getattr(options, name) is not None]
    if useless and kind == "student":
        raise ParameterError(
            f"the student {name} takes no patches apart: leave {' and '.join(useless)} out"
        )
    return model

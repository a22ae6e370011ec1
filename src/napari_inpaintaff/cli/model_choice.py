"""Which model separates the cells, and whether the other options fit it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from napari_inpaintaff.cli.options import SINGLE_VALUES
from napari_inpaintaff.errors import ParameterError

if TYPE_CHECKING:
    from napari_inpaintaff.inpainting import Inpainter
    from napari_inpaintaff.separation import Student

ENGINES = ("igm", "student", "affnet")
#: What the model of an engine is called, by its kind.
ENGINE_OF = {"inpainter": "igm", "student": "student", "affnet": "affnet"}


def add_model(command: argparse.ArgumentParser) -> None:
    """Add the model, and the engine that it must be made for."""
    command.add_argument(
        "--model",
        metavar="NAME|FILE",
        help="inpainter, student or AffNet, see `inpaintaff models` (default nuclei-small; "
        "nuclei-student with --engine student)",
    )
    command.add_argument(
        "--engine",
        choices=ENGINES,
        help="igm takes patches apart with an inpainter; student and affnet need one pass of a "
        "student or an AffNet (default: that of the model)",
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
    from napari_inpaintaff.separation import Student, load_model

    if options.engine == "affnet" and options.model is None:
        raise ParameterError(
            "no AffNet is included: train one with `inpaintaff train-affinities`, and name it "
            "with --model"
        )
    name = chosen_model_name(options)
    model = load_model(name, device=options.device)
    kind = model.metadata.kind
    if options.engine not in (None, ENGINE_OF[kind]):
        raise ParameterError(
            f"the {kind} {name} is not for --engine {options.engine}: leave --engine out, "
            f"or choose another model (see: inpaintaff models)"
        )
    useless = _given_flags(options, ("mode", *SINGLE_VALUES))
    if useless and isinstance(model, Student):
        raise ParameterError(
            f"the {kind} {name} takes no patches apart: leave {' and '.join(useless)} out"
        )
    return model


def chosen_model_name(options: argparse.Namespace) -> str:
    """Return the name or file of the model that the user chose, or that suits the engine."""
    from napari_inpaintaff.inpainting import DEFAULT_INPAINTER
    from napari_inpaintaff.separation import DEFAULT_STUDENT

    default = DEFAULT_STUDENT if options.engine == "student" else DEFAULT_INPAINTER
    return str(options.model or default)


def refuse_model(options: argparse.Namespace) -> None:
    """Refuse options about the model where none is needed.

    Parameters
    ----------
    options : Namespace
        With those of `load_chosen_model`, and ``partition``.

    Raises
    ------
    ParameterError
        If one was given.
    """
    names = ("model", "engine", "mode", *SINGLE_VALUES)
    useless = _given_flags(options, [name for name in names if hasattr(options, name)])
    if useless:
        raise ParameterError(
            f"{options.partition} needs no model: leave {' and '.join(useless)} out"
        )


def _given_flags(options: argparse.Namespace, names: Sequence[str]) -> list[str]:
    return [f"--{name}" for name in names if getattr(options, name) is not None]

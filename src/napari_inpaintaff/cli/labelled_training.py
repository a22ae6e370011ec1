"""What the commands that train a model on labels share: options, the start, and the display."""

from __future__ import annotations

import argparse
import math
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from napari_inpaintaff.cli.console import Reading, follow
from napari_inpaintaff.cli.model_making import check_model_file, duration, read_preparation
from napari_inpaintaff.cli.options import add_device, add_diameter, add_output, add_seed
from napari_inpaintaff.cli.pairs import LabelledPlane, add_pairs, find_pairs, read_pairs
from napari_inpaintaff.errors import ModelFileError

if TYPE_CHECKING:
    from napari_inpaintaff.jobs import Progress

ModelT = TypeVar("ModelT")

# Kept here, not imported: --help must be fast.
CONFIGURATIONS = ("small", "paper")
NORMALISATIONS = ("fluorescence", "linear")
#: Begins with random weights.
NOTHING = "none"


class TrainingStep(Protocol):
    """An update of a training."""

    @property
    def step(self) -> int:
        """Steps taken."""

    @property
    def loss(self) -> float:
        """Average over the last steps."""

    @property
    def progress(self) -> float:
        """Fraction of the training that is done, 0 to 1."""

    @property
    def seconds_left(self) -> float:
        """Estimate; perhaps infinite."""


def add_labelled_training(
    command: argparse.ArgumentParser, *, explanation: str, length: str, start: str
) -> None:
    """Add everything that such a command needs.

    Parameters
    ----------
    command : ArgumentParser
        Gets pairs of images and labels, the model file, and how to train.
    explanation : str
        What the labels mean.
    length : str
        How long the training is by default.
    start : str
        What it can begin with.
    """
    add_pairs(command, "LABELS", explanation)
    add_output(command, "MODEL.safetensors", "model file to write")
    budget = command.add_mutually_exclusive_group()
    budget.add_argument("--minutes", metavar="M", type=float, help=f"how long (default: {length})")
    budget.add_argument(
        "--steps", metavar="N", type=int, help="how many steps instead; reproducible on one machine"
    )
    command.add_argument(
        "--from",
        metavar="NAME|FILE",
        dest="model",
        help=f"model whose weights to begin with: {start}; or none (default nuclei-small)",
    )
    command.add_argument(
        "--config",
        choices=CONFIGURATIONS,
        help="network: small (the default), or paper, that of the papers, for GPUs",
    )
    command.add_argument(
        "--normalisation",
        choices=NORMALISATIONS,
        help="fluorescence: logarithm above the background; linear: everything else, for example "
        "phase contrast (default: that of the model to begin with)",
    )
    add_diameter(command, "typical diameter of a cell in these images (default: the model's)")
    add_device(command)
    add_seed(command)


def read_labelled(options: argparse.Namespace, start: Path | None) -> list[LabelledPlane]:
    """Check the files of a training, and read the images with their labels.

    Parameters
    ----------
    options : Namespace
        With those of `add_labelled_training`.
    start : Path or None
        Of the model to begin with.

    Raises
    ------
    OutputError
        If the model file cannot be written.
    InpaintAffError
        If images and labels cannot be read or do not fit.
    """
    pairs = find_pairs(options.pairs, "LABELS")
    files = [file for pair in pairs for file in pair]
    check_model_file(options.output, *files, *([start] if start else []))
    return read_pairs(pairs, channel=options.channel, region=options.region)


def find_start(options: argparse.Namespace, *kinds: str) -> tuple[Path, str] | None:
    """Find the model to begin with.

    Parameters
    ----------
    options : Namespace
        With those of `add_labelled_training`.
    *kinds : str
        Of models that can be begun with.

    Returns
    -------
    (Path, str) or None
        The file and its kind; None for random weights.

    Raises
    ------
    ModelFileError
        If there is no such model, or it is of another kind.
    """
    from napari_inpaintaff.inpainting import DEFAULT_INPAINTER, user_model_folder
    from napari_inpaintaff.networks.catalogue import find_model
    from napari_inpaintaff.networks.model_file import read_model_kind

    if options.model == NOTHING or (options.model is None and options.config == "paper"):
        return None
    path = find_model(options.model or DEFAULT_INPAINTER, user_model_folder(), kinds)
    kind = read_model_kind(path)
    if kind not in kinds:
        raise ModelFileError(
            f"{options.model} is a model of kind {kind!r}, with which this training cannot "
            f"begin: --from takes {', '.join(kinds)}, or {NOTHING}"
        )
    # By its path: a file in the working folder may have the name of a shipped model.
    return path.absolute(), kind


def follow_training(updates: Generator[Progress | Any, None, ModelT], description: str) -> ModelT:
    """Drain the updates of a training and show loss and time left.

    Parameters
    ----------
    updates : generator
        Yields `jobs.Progress` while images are read, then updates like `TrainingStep`.
    description : str
        What is being done.

    Returns
    -------
    object
        The trained model.
    """
    return follow(updates, description, _read, estimate=False)


def _read(update: Progress | TrainingStep) -> Reading:
    from napari_inpaintaff.jobs import Progress

    if isinstance(update, Progress):
        return read_preparation(update)
    notes = [f"step {update.step}", f"loss {update.loss:.3f}"]
    agreement = getattr(update, "agreement", None)
    if agreement is not None:
        notes.append(f"agreement {agreement:.3f}")
    if math.isfinite(update.seconds_left):
        notes.append(f"{duration(update.seconds_left)} left")
    return update.progress, 1.0, ", ".join(notes)

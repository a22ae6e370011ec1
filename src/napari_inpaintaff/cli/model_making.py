"""What the commands that make a model share: their images, the model file, and some words."""

from __future__ import annotations

import argparse
import shlex
import tempfile
from collections.abc import Sequence, Sized
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from napari_inpaintaff.cli.console import Reading, print_line
from napari_inpaintaff.cli.options import add_channel, add_output, check_output
from napari_inpaintaff.errors import OutputError, ParameterError

if TYPE_CHECKING:
    from napari_inpaintaff.images import PlaneCollection, SkippedImage
    from napari_inpaintaff.jobs import Progress

_NAMED = 5


class Saved(Protocol):
    """A model, of any kind."""

    def save(self, path: str | Path) -> Path:
        """Write the model to a file."""


def add_images_and_model(command: argparse.ArgumentParser) -> None:
    """Add the images to learn from, their channel, and the model file to write."""
    command.add_argument(
        "images",
        metavar="IMAGE",
        nargs="+",
        help="TIFF, PNG, JPEG or OME-Zarr, a folder of them, or a pattern such as 'day*/*.tif'",
    )
    add_channel(command)
    add_output(command, "MODEL.safetensors", "model file to write")


def add_resume(command: argparse.ArgumentParser) -> None:
    """Add the option to go on with a training."""
    command.add_argument(
        "--resume",
        action="store_true",
        help="go on with a training that was stopped or killed, from its checkpoint",
    )


def add_samples(command: argparse.ArgumentParser, shown: str) -> None:
    """Add the picture that is renewed during a training."""
    command.add_argument(
        "--samples",
        metavar="FILE.png",
        type=Path,
        help=f"picture of {shown}, renewed while it trains (default MODEL-samples.png beside the "
        "model)",
    )


def checked_samples(options: argparse.Namespace) -> Path:
    """Return where the picture of a training is; it must not be read as an image of it.

    Raises
    ------
    OutputError
        If it cannot be written.
    ParameterError
        If it lies among the images.
    """
    picture: Path = options.samples or options.output.with_name(
        f"{options.output.stem}-samples.png"
    )
    check_output(picture, suffixes=(".png",))
    if any(picture.parent.resolve() == Path(one).resolve() for one in options.images):
        raise ParameterError(
            f"{picture} would lie among the images of the training: "
            "write the model, or --samples, to another folder"
        )
    return picture


def check_model_file(path: Path, *inputs: Path) -> None:
    """Refuse a model file that cannot be written, or would not be found by its name.

    Parameters
    ----------
    path : Path
        The file to be written.
    *inputs : Path
        Files that are read.

    Raises
    ------
    OutputError
        With what to do instead.
    """
    from napari_inpaintaff.inpainting import user_model_folder
    from napari_inpaintaff.networks.catalogue import named_models

    check_output(path, *inputs, suffixes=(".safetensors",))
    own = user_model_folder()
    if path.resolve().parent == own.resolve():
        shipped = {model.name for model in named_models(own) if model.path.parent != own}
        if path.stem in shipped:
            raise OutputError(
                f"{path.stem} is the name of an included model; give yours another name"
            )


def check_checkpoint(checkpoint: Path, *, resume: bool) -> None:
    """Refuse to lose an unfinished training, or to go on with none.

    Parameters
    ----------
    checkpoint : Path
        Of the training.
    resume : bool
        Whether to go on from it.

    Raises
    ------
    ParameterError
        With what to do instead.
    """
    if resume and not checkpoint.exists():
        raise ParameterError(f"there is no checkpoint {checkpoint}; leave --resume out")
    if checkpoint.exists() and not resume:
        raise ParameterError(
            f"{checkpoint} is the checkpoint of a training that was not finished: "
            f"go on with it with --resume, or remove it to begin anew"
        )


def gather(options: argparse.Namespace, *, ignore: str = "") -> PlaneCollection:
    """Find the planes, and say which images are left out.

    Parameters
    ----------
    options : Namespace
        With those of `add_images_and_model`.
    ignore : str, optional
        Name of a file that may lie among the images without being one.

    Raises
    ------
    ImageError
        If none of them can be read.
    """
    from napari_inpaintaff.images import gather_planes

    collection = gather_planes(options.images, channel=options.channel)
    planes = tuple(plane for plane in collection.planes if plane.name != ignore)
    skipped = [one for one in collection.skipped if Path(one.path_or_name).name != ignore]
    tell_skipped(skipped)
    return replace(collection, planes=planes or collection.planes)


def tell_skipped(images: Sequence[SkippedImage]) -> None:
    """Say which images are left out, the first of them by name."""
    for one in images[:_NAMED]:
        print_line(f"warning: skipped {one.path_or_name}: {one.reason}")
    if len(images) > _NAMED:
        print_line(f"warning: skipped {len(images)} images altogether")


def save_model(model: Saved, path: Path) -> None:
    """Save a model; where that fails, save the hours of work somewhere else.

    Raises
    ------
    OutputError
        If it is not where it should be; the message names the other place.
    """
    try:
        model.save(path)
    except OutputError as error:
        try:
            rescued = model.save(Path(tempfile.mkdtemp(prefix="inpaintaff-")) / path.name)
        except OSError:
            raise error from None
        raise OutputError(f"{error}; the model was saved as {rescued} instead") from error


def finish(checkpoint: Path, *, stopped: bool) -> None:
    """Remove the checkpoint of a training; that of a stopped one stays, and is told of."""
    if stopped:
        print(f"stopped early: the same command with --resume goes on from {checkpoint}")
    else:
        checkpoint.unlink(missing_ok=True)


def tell_use(model: Path) -> None:
    """Say how a model that finds the foreground is used."""
    command = ["inpaintaff", "foreground", "IMAGE", "-o", "mask.tif", "--model", str(model)]
    print(f"use it: {shlex.join(command)}")


def read_preparation(update: Progress) -> Reading:
    """Read an update of what comes before the training, which counts nothing yet."""
    counted = f" {update.done} of {update.total}" if update.total else ""
    return 0.0, 1.0, f"{update.message}{counted}"


def duration(seconds: float) -> str:
    """Return a time in words.

    Parameters
    ----------
    seconds : float
        Not negative.
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes / 60:.1f} h"


def counted(things: Sized | int, singular: str) -> str:
    """Return a number of things in words, such as ``"1 image"`` and ``"2 images"``."""
    number = things if isinstance(things, int) else len(things)
    return f"{number} {singular}{'' if number == 1 else 's'}"

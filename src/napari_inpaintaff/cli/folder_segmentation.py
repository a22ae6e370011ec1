"""The command segment on a folder: every image into a label image of its own."""

from __future__ import annotations

import argparse
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.cli.console import Reading, follow, print_line
from napari_inpaintaff.cli.labels_written import TIFF
from napari_inpaintaff.errors import ImageError, OutputError, ParameterError

if TYPE_CHECKING:
    from napari_inpaintaff.cli.foreground_choice import Source


def check_folder(options: argparse.Namespace) -> None:
    """Raise what is wrong with the options of a folder, before a model is loaded.

    Raises
    ------
    ParameterError
        For options that mean a single image.
    OutputError
        If the output is no folder, or cannot be made.
    """
    if options.region:
        raise ParameterError("--region means one image: leave it out for a folder")
    if options.save_affinities:
        raise ParameterError("--save-affinities keeps one plane: leave it out for a folder")
    if options.output.suffix.lower() in TIFF:
        raise OutputError(
            f"{options.image} is a folder: name a folder for its labels, not {options.output.name}"
        )
    try:
        options.output.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"the folder {options.output} cannot be made: {error.strerror or error}"
        ) from error


def segment_folder(
    options: argparse.Namespace, foreground: Source, settings: dict[str, Any]
) -> None:
    """Write the labels of every image of a folder.

    Parameters
    ----------
    options : Namespace
        With ``image``, ``output``, ``channel`` and ``replace``.
    foreground : str or FGNet
        A mask fits one image only.
    settings : dict
        Of `iterate_segmentation`.

    Raises
    ------
    InpaintAffError
        If nothing can be labelled.
    """
    from napari_inpaintaff.images import SkippedImage
    from napari_inpaintaff.pipeline import (
        FileDone,
        PlaneShare,
        iterate_files,
        iterate_segmentation,
        label_targets,
    )
    from napari_inpaintaff.pipeline.folders import FileKept

    if isinstance(foreground, np.ndarray):
        raise ParameterError("a mask fits one image: give a method or an FGNet for a folder")

    def label(
        index: tuple[int, ...], image: NDArray[Any]
    ) -> Generator[Any, None, NDArray[np.uint32]]:
        result = yield from iterate_segmentation(image, foreground=foreground, **settings)
        return result.labels

    targets = label_targets(options.image, options.output)
    labelled: list[object] = []
    last: Reading = (0.0, len(targets), "")

    def read(update: object) -> Reading:
        nonlocal last
        if isinstance(update, PlaneShare):
            last = (update.done + update.share, update.total, update.name)
        elif isinstance(update, SkippedImage):
            print_line(f"warning: {update.path_or_name} was skipped: {update.reason}")
        elif isinstance(update, FileKept):
            labelled.append(update)
            print_line(f"{update.target} is there already; --replace makes it anew")
        elif isinstance(update, FileDone):
            labelled.append(update)
            for plane in update.skipped:
                print_line(f"warning: {plane.path_or_name} was skipped: {plane.reason}")
            print(f"{update.target}: {update.cells} objects", flush=True)
        return last

    steps = iterate_files(targets, label, channel=options.channel, replace=options.replace)
    follow(steps, f"segment {options.image.name}", read)
    if not labelled:
        raise ImageError(f"no image of {options.image} can be used")

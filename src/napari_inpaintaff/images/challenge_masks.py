"""Label images as the Cell Tracking Challenge names them: one file per frame."""

from __future__ import annotations

import re
from collections.abc import Generator
from os import PathLike
from pathlib import Path

import numpy as np

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images.axes import ImageData
from napari_inpaintaff.images.files import atomic_folder
from napari_inpaintaff.images.writing import write_labels
from napari_inpaintaff.jobs import Job, Progress

_MASK = re.compile(r"mask\d+\.tif")


def write_challenge_masks(folder: str | PathLike[str], labels: ImageData) -> Path:
    """Write ``mask000.tif``, ``mask001.tif`` and so on, one file per frame.

    Parameters
    ----------
    folder : path-like
        The folder to make. One that holds nothing but such masks is replaced.
    labels : ImageData
        0 is background. Every time point makes a file, of one plane or a stack; without a
        time axis there is one file.

    Returns
    -------
    pathlib.Path
        The folder. Files are uint16, with axes and scale; their numbers have three digits,
        from 1000 frames on four.

    Raises
    ------
    ParameterError
        If a label is above 65535, which the format does not allow, or is negative.
    OutputError
        If the folder cannot be written, or holds something else.
    """
    return Job(iterate_challenge_masks(folder, labels), name="masks").run()


def iterate_challenge_masks(
    folder: str | PathLike[str], labels: ImageData
) -> Generator[Progress, None, Path]:
    """Do what `write_challenge_masks` does, and say how far it is after every file."""
    folder = Path(folder)
    largest = int(labels.data.max(initial=0))
    if largest > np.iinfo(np.uint16).max:
        raise ParameterError(
            f"the Cell Tracking Challenge allows labels up to 65535, and the largest is {largest}: "
            "choose another format, or leave out objects"
        )
    timed = labels.axes.startswith("T")
    frames = labels.data if timed else labels.data[np.newaxis]
    own = slice(int(timed), None)
    digits = 3 if len(frames) <= 1000 else 4
    with atomic_folder(folder, replaces=holds_masks) as unfinished:
        yield Progress(0, len(frames), "Writing the label images…")
        for number, frame in enumerate(frames):
            write_labels(
                unfinished / f"mask{number:0{digits}}.tif",
                frame,
                axes=labels.axes[own],
                scale=labels.scale[own],
                units=labels.units[own],
            )
            yield Progress(number + 1, len(frames))
    return folder


def holds_masks(folder: Path) -> bool:
    """Return whether there is nothing but masks in a folder."""
    return all(_MASK.fullmatch(path.name) for path in folder.iterdir())

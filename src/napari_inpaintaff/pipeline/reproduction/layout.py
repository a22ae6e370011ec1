"""The files of the data sets: the folders of the Cell Tracking Challenge, and plain pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.images import read_image, read_labels

#: Who made a ground truth: people; people and programs; the fusion of several programs'
#: results; the same, recovered from a damaged copy.
TruthKind = Literal["gold", "annotated", "silver", "recovered"]

_TRUTH_FOLDERS: dict[str, str] = {
    "gold": "{}_GT/SEG",
    "silver": "{}_ST/SEG",
    "recovered": "{}_ST_recovered/SEG",
}
_SUFFIXES = (".tif", ".tiff")


@dataclass(frozen=True)
class Frame:
    """An image with its ground truth, not read yet.

    Attributes
    ----------
    name : str
        Within its data set, such as ``"01/t075"``.
    image, truth : Path
        Files.
    truth_kind : {"gold", "annotated", "silver", "recovered"}
        Who made the ground truth.
    complete : bool
        Whether every cell is annotated. If not, only measures that ask for annotated cells
        mean anything: SEG and the detection accuracy.
    crop : int or None
        Side of the square around the centre that is read; None reads everything.
    """

    name: str
    image: Path
    truth: Path
    truth_kind: TruthKind
    complete: bool = True
    crop: int | None = None

    def read(self) -> tuple[NDArray[Any], NDArray[np.integer[Any]]]:
        """Read intensities and labels.

        Returns
        -------
        image : ndarray, shape (Y, X)
            Raw intensities.
        truth : ndarray of int, shape (Y, X)
            0 is background, or not annotated where the truth is not complete.

        Raises
        ------
        ImageError
            If a file cannot be read, or the two do not fit.
        """
        image, truth = read_image(self.image).data, read_labels(self.truth)
        if image.ndim != 2 or truth.shape != image.shape:
            raise ImageError(
                f"{self.truth} has the shape {truth.shape}, but {self.image} {image.shape}: "
                "planes (Y, X) of one shape are needed"
            )
        window = self.window((image.shape[0], image.shape[1]))
        return image[window], truth[window]

    def window(self, shape: tuple[int, int]) -> tuple[slice, slice]:
        """Return the rows and columns that are read of an image of a shape."""
        if self.crop is None:
            return slice(0, shape[0]), slice(0, shape[1])
        rows, columns = (
            slice(max(0, (size - self.crop) // 2), max(0, (size - self.crop) // 2) + self.crop)
            for size in shape
        )
        return rows, columns


@dataclass(frozen=True)
class FrameChoice:
    """Some frames of a sequence of the challenge, with one kind of truth.

    Attributes
    ----------
    sequence : str
        ``"01"`` or ``"02"``.
    numbers : tuple of int
        Of the frames.
    truth : {"gold", "silver", "recovered"}
        Which of the ground truths.
    complete : bool
        Whether every cell of these frames is annotated.
    """

    sequence: str
    numbers: tuple[int, ...]
    truth: TruthKind = "gold"
    complete: bool = True

    def __post_init__(self) -> None:
        if self.truth not in _TRUTH_FOLDERS:
            raise ParameterError(
                f"the challenge has no {self.truth} truth; choose one of: "
                f"{', '.join(_TRUTH_FOLDERS)}"
            )


def challenge_frames(
    folder: Path, choices: Sequence[FrameChoice]
) -> tuple[tuple[Frame, ...], tuple[str, ...]]:
    """Find frames of a data set in the layout of the Cell Tracking Challenge.

    Images are ``01/t013.tif``, their truth ``01_GT/SEG/man_seg013.tif`` (gold) or
    ``01_ST/SEG/man_seg013.tif`` (silver); numbers have three digits or four.

    Parameters
    ----------
    folder : Path
        Of the data set.
    choices : sequence of FrameChoice
        What to look for.

    Returns
    -------
    frames : tuple of Frame
        Those whose image and truth are both there, in the order of the choices.
    missing : tuple of str
        Files that are not, relative to the folder.
    """
    frames: list[Frame] = []
    missing: list[str] = []
    for choice in choices:
        truths = folder / _TRUTH_FOLDERS[choice.truth].format(choice.sequence)
        for number in choice.numbers:
            image = _numbered(folder / choice.sequence, "t", number)
            truth = _numbered(truths, "man_seg", number)
            absent = [file for file in (image, truth) if not file.is_file()]
            missing += [file.relative_to(folder).as_posix() for file in absent]
            if not absent:
                name = f"{choice.sequence}/{image.stem}"
                frames.append(Frame(name, image, truth, choice.truth, choice.complete))
    return tuple(frames), tuple(missing)


def _numbered(folder: Path, prefix: str, number: int) -> Path:
    """Return the file with a number, of three digits where there is none."""
    long = folder / f"{prefix}{number:04d}.tif"
    return long if long.is_file() else folder / f"{prefix}{number:03d}.tif"


def paired_frames(folder: Path) -> tuple[Frame, ...]:
    """Find the annotated images of a data set that has pairs of files.

    Parameters
    ----------
    folder : Path
        With ``labelled/img`` and ``labelled/gt``, files of the same names.

    Returns
    -------
    tuple of Frame
        By name; empty if there are none.
    """
    labelled = folder / "labelled"
    return tuple(
        Frame(path.stem, path, labelled / "gt" / path.name, "annotated")
        for path in _images_in(labelled / "img")
        if (labelled / "gt" / path.name).is_file()
    )


def unlabelled_images(folder: Path, without: Sequence[Frame]) -> tuple[Path, ...]:
    """Find images of a data set from which an inpainter can learn.

    Parameters
    ----------
    folder : Path
        Of the data set: sequences ``01`` and ``02``, or ``unlabelled``.
    without : sequence of Frame
        Whose images are left out: those that are scored.

    Returns
    -------
    tuple of Path
        By name.
    """
    left_out = {frame.image for frame in without}
    sources = ("01", "02", "unlabelled")
    images = [path for source in sources for path in _images_in(folder / source)]
    return tuple(path for path in images if path not in left_out)


def _images_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")
    )

"""The files of the data sets: the folders of the Cell Tracking Challenge, and plain pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

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
        Side of the square that is looked at, where most cells touch; None is everything.
        Networks see the whole image, or its intensities would mean something else to them.
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
            0 is background, or not annotated where the truth is not complete, and everything
            outside the square.

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
        if self.crop is None:
            return image, truth
        inside = np.zeros_like(truth)
        window = crowded_window(truth, self.crop)
        inside[window] = truth[window]
        return image, inside

    def window(self) -> tuple[slice, slice]:
        """Return the rows and columns that are looked at."""
        truth = read_labels(self.truth)
        return crowded_window(truth, max(truth.shape) if self.crop is None else self.crop)


def touching_pixels(labels: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return the pixels of cells, in a label image (Y, X), that are next to another cell."""
    highest = ndimage.maximum_filter(labels, 3)
    lowest = ndimage.minimum_filter(np.where(labels > 0, labels, labels.max() + 1), 3)
    touching: NDArray[np.bool_] = (labels > 0) & (highest != lowest)
    return touching


def crowded_window(labels: NDArray[np.integer], side: int) -> tuple[slice, slice]:
    """Return the window in which most cells touch.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        0 is background.
    side : int
        Of the window, in pixels; it is smaller where the image is.

    Returns
    -------
    tuple of two slices
        Rows and columns, inside the image.
    """
    touching = touching_pixels(labels)
    # Where none touch, where most of the cells are.
    seen = touching if touching.any() else labels > 0
    density = seen.astype(np.float64)
    # Twice, so that what counts is in the middle of the window rather than at its edge.
    for _ in range(2):
        density = ndimage.uniform_filter(density, side, mode="constant")
    middle = np.unravel_index(int(density.argmax()), density.shape)
    rows, columns = (
        slice(start, min(size, start + side))
        for start, size in (
            (int(np.clip(place - side // 2, 0, max(0, size - side))), size)
            for place, size in zip(middle, labels.shape, strict=True)
        )
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

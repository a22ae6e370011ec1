"""The images of a folder one after the other, each into a label image of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from os import path as os_path
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError, OutputError
from napari_inpaintaff.images import (
    ChannelChoice,
    OpenedImage,
    SkippedImage,
    images_in,
    open_planes,
)
from napari_inpaintaff.images.reading import short_name
from napari_inpaintaff.images.writing import iterate_label_tiff
from napari_inpaintaff.pipeline.planewise import (
    PlaneDone,
    PlaneShare,
    SegmentPlane,
    iterate_planes,
)

#: Put behind the name of an image, for its labels.
LABEL_ENDING = "_cells.tif"


@dataclass(frozen=True)
class FileDone:
    """The labels of an image were written.

    Attributes
    ----------
    path, target : Path
        The image and its labels.
    cells : int
        Objects in all planes together.
    skipped : tuple of SkippedImage
        Planes that cannot be used; they have no labels.
    """

    path: Path
    target: Path
    cells: int
    skipped: tuple[SkippedImage, ...]


@dataclass(frozen=True)
class FileKept:
    """The labels of an image are there already, and stay.

    Attributes
    ----------
    path, target : Path
        The image and its labels.
    """

    path: Path
    target: Path


FileUpdate: TypeAlias = PlaneShare | FileDone | FileKept | SkippedImage


def label_targets(folder: Path, output: Path) -> dict[Path, Path]:
    """Say where the labels of every image of a folder belong.

    Parameters
    ----------
    folder : Path
        With images, see `gather_planes`; what lies in folders in it is left out.
    output : Path
        Folder for the labels. It may be the same: labels are no images then.

    Returns
    -------
    dict of Path to Path
        Images, in the order of their names, and files ``<name>_cells.tif``.

    Raises
    ------
    ImageError
        If there is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise ImageError(f"there is no folder {folder}")
    images = sorted(images_in(folder), key=os_path.abspath)
    names = Counter(short_name(image).casefold() for image in images)
    targets = {}
    for image in images:
        alone = names[short_name(image).casefold()] == 1
        name = short_name(image) if alone else image.name.replace(".", "_")
        targets[image] = output / f"{name}{LABEL_ENDING}"
    written = {target.resolve() for target in targets.values()}
    targets = {image: to for image, to in targets.items() if image.resolve() not in written}
    if not targets:
        raise ImageError(f"there is no image in {folder}")
    return targets


def iterate_files(
    targets: dict[Path, Path],
    segment: SegmentPlane,
    *,
    channel: ChannelChoice | None = None,
    replace: bool = False,
) -> Generator[FileUpdate, None, None]:
    """Label images file by file, stacks plane by plane.

    A file of labels appears when it is complete, so a cancelled run keeps all that are done,
    and another one goes on with the rest.

    Parameters
    ----------
    targets : dict of Path to Path
        Images, and where their labels belong, see `label_targets`.
    segment : callable
        Labels a plane, see `iterate_planes`.
    channel : int, str or sequence of them, optional
        Which channel to take of images that have several, or which ones to combine, see
        `read_image`.
    replace : bool, optional
        Whether labels that are there already are replaced; otherwise their image is left out.

    Yields
    ------
    PlaneShare, FileDone, FileKept or SkippedImage
        The last for an image that cannot be read or used, with the reason.

    Raises
    ------
    OutputError
        If labels cannot be written.
    InpaintAffError
        If ``segment`` raises anything but an ImageError.
    """
    for number, (path, target) in enumerate(targets.items()):
        if target.exists() and not replace:
            yield FileKept(path, target)
            continue
        if target.resolve() == path.resolve():
            raise OutputError(f"{target} is an image: choose another folder for the labels")
        yield PlaneShare(path.name, number, len(targets))
        try:
            image = open_planes(path, channel=channel)
            done = yield from _label_file(path, target, image, segment, number, len(targets))
        except ImageError as error:
            yield SkippedImage(path.name, SkippedImage.because(str(path), error).reason)
            continue
        yield done


def _label_file(
    path: Path,
    target: Path,
    image: OpenedImage,
    segment: SegmentPlane,
    number: int,
    files: int,
) -> Generator[PlaneShare, None, FileDone]:
    labels: NDArray[np.uint32] = np.zeros(image.shape, np.uint32)
    skipped: list[SkippedImage] = []
    cells = 0
    for update in iterate_planes(image.planes, segment):
        if isinstance(update, PlaneDone):
            labels[update.index] = update.labels
            cells += int(np.count_nonzero(np.unique(update.labels)))
        elif isinstance(update, SkippedImage):
            skipped.append(update)
        elif isinstance(update, PlaneShare):
            share = (update.done + update.share) / update.total
            yield PlaneShare(update.name, number, files, share)
    if len(skipped) == len(image.planes):
        raise ImageError(f"{path} {skipped[0].reason}")
    for _ in iterate_label_tiff(
        target, labels, axes=image.axes, scale=image.scale, units=image.units
    ):
        yield PlaneShare(path.name, number, files, 1.0)
    return FileDone(path, target, cells, tuple(skipped))

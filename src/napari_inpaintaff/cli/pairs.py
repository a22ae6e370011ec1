"""Images with their label images, given as IMAGE LABELS [IMAGE LABELS ...]."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_inpaintaff.cli.matching import label_files, match_files
from napari_inpaintaff.cli.options import add_channel
from napari_inpaintaff.errors import ImageError, ParameterError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class LabelledPlane:
    """A plane of an image, and its labels.

    Attributes
    ----------
    name : str
        Of the file of labels, and the plane of a stack, for messages.
    image : ndarray, shape (Y, X)
        Raw intensities.
    labels : ndarray of int, shape (Y, X)
        As they are in the file.
    """

    name: str
    image: NDArray[Any]
    labels: NDArray[np.integer[Any]]


def add_pairs(command: argparse.ArgumentParser, labels: str, explanation: str) -> None:
    """Add images, each with its label image, their channel and region.

    Parameters
    ----------
    command : ArgumentParser
        Gets ``pairs``, ``channel`` and ``region``.
    labels : str
        What the label images are called.
    explanation : str
        What they mean.
    """
    command.add_argument(
        "pairs",
        metavar=f"IMAGE {labels}",
        nargs="+",
        type=Path,
        help=f"image and label image in turn, or folder and folder, whose files are matched by "
        f"name or number; {explanation}",
    )
    add_channel(command)
    command.add_argument(
        "--region",
        metavar="Y0:Y1,X0:X1",
        help="use these rows and columns of every image only, for example where all is labelled",
    )


def find_pairs(paths: Sequence[Path], labels: str) -> list[tuple[Path, Path]]:
    """Return the image and the label file of every pair.

    Parameters
    ----------
    paths : sequence of Path
        In turn an image and its label image, or a folder of each.
    labels : str
        What the label images are called.

    Returns
    -------
    list of (Path, Path)
        Those of folders in the order of the images.

    Raises
    ------
    ParameterError
        If one is left over.
    ImageError
        If an image has a folder of labels or the other way round, or files of two folders
        do not fit each other.
    """
    if len(paths) % 2:
        raise ParameterError(
            f"give IMAGE {labels} [IMAGE {labels} ...], an image and its labels in turn: "
            f"{_named(paths)} without a partner"
        )
    found: list[tuple[Path, Path]] = []
    for image, given in zip(paths[::2], paths[1::2], strict=True):
        if not given.is_dir():
            if image.is_dir() and not _is_zarr(image):
                raise ImageError(f"{image} is a folder, but {given} is none: give two of a kind")
            found.append((image, given))
        elif image.is_dir():
            kinds = ("images", "label images")
            # In the order of the images: that of masks for them.
            found += sorted(match_files(_images_in(image), label_files(given), kinds=kinds))
        else:
            raise ImageError(f"{given} is a folder, but {image} is none: give two of a kind")
    return found


def read_pairs(
    pairs: Sequence[tuple[Path, Path]], *, channel: int | str | None, region: str | None
) -> list[LabelledPlane]:
    """Read images and their labels.

    Parameters
    ----------
    pairs : sequence of (Path, Path)
        See `find_pairs`.
    channel : int, str or None
        Of those images that have several.
    region : str or None
        Rows and columns to keep, see `parse_region`.

    Returns
    -------
    list of LabelledPlane
        All planes of all images; of a stack only those in which something is labelled.

    Raises
    ------
    ImageError
        If a file cannot be read, labels are not whole numbers or negative, or shapes differ.
    ParameterError
        If an image does not hold the region.
    """
    import numpy as np

    from napari_inpaintaff.images import parse_region, read_image, read_labels

    planes: list[LabelledPlane] = []
    for image_file, label_file in pairs:
        labels = read_labels(label_file)
        image = read_image(image_file, channel=channel).data
        if labels.shape != image.shape:
            raise ImageError(
                f"{label_file} has the shape {labels.shape}, but its image {image_file} has "
                f"the shape {image.shape}"
            )
        if region is not None:
            part = (..., *parse_region(region, image.shape))
            image, labels = image[part], labels[part]
        several = image.ndim > 2
        for index in np.ndindex(image.shape[:-2]):
            if several and not labels[index].any():
                continue
            name = f"{label_file} [{', '.join(map(str, index))}]" if several else str(label_file)
            planes.append(LabelledPlane(name, image[index], labels[index]))
        if several and not labels.any():
            raise ImageError(f"{label_file} holds no label: all its pixels are 0")
    return planes


def _images_in(folder: Path) -> list[Path]:
    """List the images of a folder, by their endings."""
    from napari_inpaintaff.images.reading import IMAGE_SUFFIXES

    images = sorted(
        path
        for path in folder.iterdir()
        if (path.suffix.lower() in IMAGE_SUFFIXES or _is_zarr(path))
        and not path.name.startswith(".")
    )
    if not images:
        raise ImageError(f"there is no image ({', '.join(IMAGE_SUFFIXES)}) in {folder}")
    return images


def _is_zarr(path: Path) -> bool:
    from napari_inpaintaff.images.ome_zarr import is_zarr

    return path.is_dir() and is_zarr(path)


def _named(paths: Sequence[Path]) -> str:
    if len(paths) == 1:
        return f"{paths[0]} is"
    return f"{len(paths)} files leave {paths[-1]}"

"""Finding the planes of many images: files, folders and glob patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images.axes import CANONICAL_AXES, Layout, find_layout
from napari_inpaintaff.images.ome_zarr import is_zarr
from napari_inpaintaff.images.pixels import Pixels, check_intensities, reading_pixels
from napari_inpaintaff.images.planes import Plane, PlaneCollection, SkippedImage
from napari_inpaintaff.images.reading import IMAGE_SUFFIXES, open_without_pixels

#: How many reasons are named when no image at all can be used.
_NAMED = 3


def gather_planes(
    sources: Sequence[str | os.PathLike[str]], *, channel: int | None = None
) -> PlaneCollection:
    """Find the planes of many images without reading their pixels.

    Parameters
    ----------
    sources : sequence of str or path-like
        Files, folders (the images right in them) and glob patterns (``**`` stands for
        any number of folders), in any order and any mix. Images are TIFF (stacks and
        time-lapses, too), PNG, JPEG and OME-Zarr folders, see `read_image`; they may differ
        in size and type.
    channel : int, optional
        Which channel of those images that have several, counted from 0.

    Returns
    -------
    PlaneCollection
        The planes ordered by the path of their file, then by T and Z; a file that is given
        several times counts once. Images that cannot be used are left out and named.

    Raises
    ------
    ImageError
        If there is nothing to read, or none of it can be read.
    """
    skipped: list[SkippedImage] = []
    planes: list[Plane] = []
    files = 0
    # Files that belong to an image which another file of it has opened already.
    parts: set[Path] = set()
    for path in _unique(path for source in sources for path in _expand(source, skipped)):
        if path.resolve() in parts:
            continue
        try:
            with reading_pixels(path):
                of_file, others = _open_planes(path, channel)
        except ImageError as error:
            skipped.append(SkippedImage.because(str(path), error))
            continue
        planes += of_file
        parts |= others
        files += 1
    if not planes:
        raise _nothing_found(skipped)
    return PlaneCollection(tuple(planes), tuple(skipped), files)


def _unique(paths: Iterable[Path]) -> list[Path]:
    """Return every file once, in an order that depends on nothing but the names."""
    found: dict[str, Path] = {}
    for path in sorted(paths, key=os.path.abspath):
        found.setdefault(os.path.normcase(path.resolve()), path)
    return list(found.values())


def _expand(source: str | os.PathLike[str], skipped: list[SkippedImage]) -> list[Path]:
    """Return the images that a file, folder or pattern stands for."""
    path = Path(source)
    if path.is_dir() and not is_zarr(path):
        images = _images_in(path)
        reason = f"a folder without images ({', '.join(IMAGE_SUFFIXES)}, OME-Zarr)"
    # A file may have the signs of a pattern in its name.
    elif os.path.lexists(path) or not any(sign in str(source) for sign in "*?["):
        return [path]
    else:
        images = _matches(str(source))
        reason = "no image matches this pattern"
    if not images:
        skipped.append(SkippedImage(str(source), reason))
    return images


def _images_in(folder: Path) -> list[Path]:
    # Some systems leave hidden files behind that have the ending of the image they belong to.
    return [
        path
        for path in folder.iterdir()
        if not path.name.startswith(".")
        and (is_zarr(path) if path.is_dir() else path.suffix.lower() in IMAGE_SUFFIXES)
    ]


def _matches(pattern: str) -> list[Path]:
    found = [Path(match) for match in glob.glob(pattern, recursive=True)]
    folders = [path for path in found if path.is_dir()]
    images = {path for path in folders if is_zarr(path)}
    # What lies in an OME-Zarr image is no image of its own.
    found = [path for path in found if images.isdisjoint(path.parents)]
    files = [path for path in found if not path.is_dir()]
    # Where a pattern matches everything, tables and texts are not meant; where it matches
    # no known ending, the names say nothing.
    named = [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]
    inside = [
        image
        for folder in folders
        if folder not in images and images.isdisjoint(folder.parents)
        for image in _images_in(folder)
    ]
    return [*(image for image in images if image in found), *inside, *(named or files)]


def _open_planes(path: Path, channel: int | None) -> tuple[list[Plane], frozenset[Path]]:
    raw = open_without_pixels(path)
    # An axis without a name may hold the channels, too.
    axes = zip(raw.axes, raw.data.shape, strict=True)
    single = all(axis in CANONICAL_AXES or size == 1 for axis, size in axes)
    layout = find_layout(raw, channel=None if single else channel, where=str(path))
    check_intensities(raw.data.dtype, path)
    height, width = layout.shape[-2:]
    planes = []
    for position in np.ndindex(layout.shape[:-2]):
        named = ", ".join(
            f"{axis.lower()}={place}" for axis, place in zip(layout.axes, position, strict=False)
        )
        name = f"{path.name} [{named}]" if position else path.name
        read = partial(_read, name, layout, raw.data, position)
        planes.append(Plane(name, (height, width), read))
    return planes, raw.files


def _read(name: str, layout: Layout, pixels: Pixels, position: tuple[int, ...]) -> NDArray[Any]:
    with reading_pixels(name):
        return layout.read(pixels, position)


def _nothing_found(skipped: Sequence[SkippedImage]) -> ImageError:
    if not skipped:
        return ImageError("there is no image to read; give at least one")
    named = "; ".join(f"{one.path_or_name}: {one.reason}" for one in skipped[:_NAMED])
    more = f"; and {len(skipped) - _NAMED} more" if len(skipped) > _NAMED else ""
    return ImageError(f"no image can be read ({named}{more})")

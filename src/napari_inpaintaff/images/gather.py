"""Finding the planes of many images: files, folders and glob patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images.channels import ChannelChoice
from napari_inpaintaff.images.microscopes import scenes_of, split_scene
from napari_inpaintaff.images.ome_zarr import is_zarr
from napari_inpaintaff.images.opened import open_planes
from napari_inpaintaff.images.planes import Plane, PlaneCollection, SkippedImage
from napari_inpaintaff.images.reading import IMAGE_SUFFIXES

#: How many reasons are named when no image at all can be used.
_NAMED = 3


def gather_planes(
    sources: Sequence[str | os.PathLike[str]], *, channel: ChannelChoice | None = None
) -> PlaneCollection:
    """Find the planes of many images without reading their pixels.

    Parameters
    ----------
    sources : sequence of str or path-like
        Files, folders (the images right in them) and glob patterns (``**`` stands for
        any number of folders), in any order and any mix. Images are TIFF (stacks and
        time-lapses, too), PNG, JPEG and OME-Zarr folders, see `read_image`; they may differ
        in size and type.
    channel : int, str or sequence of them, optional
        Which channel of those images that have several, or which ones to combine, see
        `read_image`.

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
    found, skipped = find_images(sources)
    planes: list[Plane] = []
    files = 0
    # Files that belong to an image which another file of it has opened already.
    parts: set[Path] = set()
    for path in (scene for file in found for scene in scenes_of(file)):
        if path.resolve() in parts:
            continue
        try:
            image = open_planes(path, channel=channel)
        except ImageError as error:
            skipped.append(SkippedImage.because(str(path), error))
            continue
        planes += image.planes.values()
        parts |= image.files
        files += 1
    if not planes:
        raise nothing_found(skipped)
    return PlaneCollection(tuple(planes), tuple(skipped), files)


def find_images(
    sources: Iterable[str | os.PathLike[str]],
) -> tuple[list[Path], list[SkippedImage]]:
    """Find the files of images without opening any.

    Parameters
    ----------
    sources : iterable of str or path-like
        See `gather_planes`.

    Returns
    -------
    (list of Path, list of SkippedImage)
        Every file once, ordered by its path; and sources that hold none.
    """
    skipped: list[SkippedImage] = []
    return _unique(path for source in sources for path in _expand(source, skipped)), skipped


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
        images = images_in(path)
        reason = f"a folder without images ({', '.join(IMAGE_SUFFIXES)}, OME-Zarr)"
    # A file may have the signs of a pattern in its name.
    elif (
        os.path.lexists(path) or split_scene(path) or not any(sign in str(source) for sign in "*?[")
    ):
        return [path]
    else:
        images = _matches(str(source))
        reason = "no image matches this pattern"
    if not images:
        skipped.append(SkippedImage(str(source), reason))
    return images


def images_in(folder: Path) -> list[Path]:
    """List the images right in a folder, by their endings and in any order.

    Parameters
    ----------
    folder : Path
        One that can be listed.

    Returns
    -------
    list of Path
        Files, and folders with an OME-Zarr image.
    """
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
        for image in images_in(folder)
    ]
    return [*(image for image in images if image in found), *inside, *(named or files)]


def nothing_found(skipped: Sequence[SkippedImage]) -> ImageError:
    """Return the error that says why no image can be read."""
    if not skipped:
        return ImageError("there is no image to read; give at least one")
    named = "; ".join(f"{one.path_or_name}: {one.reason}" for one in skipped[:_NAMED])
    more = f"; and {len(skipped) - _NAMED} more" if len(skipped) > _NAMED else ""
    return ImageError(f"no image can be read ({named}{more})")

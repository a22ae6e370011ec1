"""Finding the files that belong together by their names."""

from __future__ import annotations

import re
from pathlib import Path

from napari_inpaintaff.errors import ImageError

_LABEL_SUFFIXES = (".tif", ".tiff", ".png")


def match_files(
    files: list[Path],
    wanted: list[Path],
    *,
    kinds: tuple[str, str] = ("label images", "ground truths"),
) -> list[tuple[Path, Path]]:
    """Find the file that belongs to every one of others.

    Parameters
    ----------
    files, wanted : list of Path
        For example label images, and their ground truths.
    kinds : tuple of (str, str), optional
        What the two are, for the error message.

    Returns
    -------
    list of (Path, Path)
        One pair for each of ``wanted``: of one name; else of one last number in the name, as
        in the Cell Tracking Challenge (``mask079.tif`` and ``man_seg079.tif``); else, if there
        are as many of both, in the order of their names.

    Raises
    ------
    ImageError
        If no rule fits.
    """
    for key in (_stem, _last_number):
        found = {key(path): path for path in files}
        asked = {key(path): path for path in wanted}
        unique = len(found) == len(files) and len(asked) == len(wanted)
        if unique and found.keys() >= asked.keys():
            return [(found[name], path) for name, path in asked.items()]
    if len(files) == len(wanted):
        return list(zip(sorted(files), sorted(wanted), strict=True))
    lonely = f", and none is for {asked[min(asked.keys() - found)].name}" if unique else ""
    raise ImageError(
        f"{len(files)} {kinds[0]} do not fit {len(wanted)} {kinds[1]}{lonely}: "
        f"give the files that belong together the same name or number"
    )


def label_files(folder: Path) -> list[Path]:
    """List the label images in a folder, in the order of their names.

    Parameters
    ----------
    folder : Path
        Subfolders and hidden files do not count.

    Raises
    ------
    ImageError
        If there is none.
    """
    files = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in _LABEL_SUFFIXES and not path.name.startswith(".")
    )
    if not files:
        raise ImageError(f"there is no label image ({', '.join(_LABEL_SUFFIXES)}) in {folder}")
    return files


def _stem(path: Path) -> str:
    return path.stem


def _last_number(path: Path) -> str:
    numbers = re.findall(r"\d+", path.stem)
    return numbers[-1].lstrip("0") if numbers else path.stem

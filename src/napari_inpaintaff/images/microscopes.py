"""Opening the files of microscopes, CZI, ND2 and LIF, with the readers of bioio.

The readers are an optional extra. Of each the class ``Reader`` is used, see
https://bioio-devs.github.io/bioio: scenes, axes by name, blocks of dask, and sizes of pixels
in micrometers.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images.layout import RawImage


@dataclass(frozen=True)
class _Format:
    """How the files of one ending are read."""

    module: str
    package: str
    options: dict[str, Any]


# One plane is the least that these readers read at once; left to themselves, they take stacks.
_PLANES = {"chunk_dims": ["Y", "X", "S"]}
_FORMATS = {
    ".czi": _Format("bioio_czi", "bioio-czi", _PLANES),
    ".nd2": _Format("bioio_nd2", "bioio-nd2", {}),
    ".lif": _Format("bioio_lif", "bioio-lif", _PLANES),
}

#: Endings of the files of microscopes, whether they can be read here or not.
MICROSCOPE_SUFFIXES = tuple(_FORMATS)

_AXES = "TCZYXS"


def readable_suffixes() -> tuple[str, ...]:
    """Return the endings of those microscopes whose readers are installed."""
    return tuple(suffix for suffix, one in _FORMATS.items() if importlib.util.find_spec(one.module))


def split_scene(path: Path) -> tuple[Path, str] | None:
    """Find the microscope's file in the path of one of its scenes.

    Parameters
    ----------
    path : Path
        Such as ``slide.czi``, or ``experiment.lif/Position 3``.

    Returns
    -------
    file : Path
        An existing file.
    scene : str
        Empty where none is named. None is returned for any other path.
    """
    for file in (path, *path.parents):
        if file.suffix.lower() in _FORMATS and file.is_file():
            return file, "" if file == path else path.relative_to(file).as_posix()
    return None


def scenes_of(path: Path) -> list[Path]:
    """Return the paths of the scenes of a microscope's file, or the path itself.

    Any path that is no such file, or one that cannot be read, stands for itself.
    """
    with contextlib.suppress(Exception):
        if split_scene(path) == (path, ""):
            scenes = tuple(_reader(path).scenes)
            if len(scenes) > 1:
                names = scenes if len(set(scenes)) == len(scenes) else range(len(scenes))
                return [path / str(name) for name in names]
    return [path]


def open_microscope(file: Path, scene: str = "") -> RawImage:
    """Open one image of a microscope's file.

    Parameters
    ----------
    file : Path
        With the ending ``.czi``, ``.nd2`` or ``.lif``.
    scene : str, optional
        Name or number (from 0) of the image, needed where there are several.

    Returns
    -------
    RawImage
        The pixels are read plane by plane when they are asked for; tiles of a mosaic are
        stitched by the reader.

    Raises
    ------
    ImageError
        If the reader for these files is not installed, or there are several images and it is
        not clear which is meant. Other errors of the readers have to be dealt with by the
        caller, see `pixels.reading_pixels`.
    """
    reader = _reader(file)
    _choose_scene(reader, file, scene)
    array = reader.xarray_dask_data
    if "M" in array.dims:
        array = reader.mosaic_xarray_dask_data
    # A letter that is neither known nor one of those that stand for an axis without a name.
    axes = "".join(str(axis) if str(axis) in _AXES else "P" for axis in array.dims)
    scale, units = _scale(reader)
    names = tuple(str(name) for name in reader.channel_names or ())
    count = dict(zip(axes, array.shape, strict=True)).get("C", 1)
    named = len(names) == count and all(names)
    return RawImage(array.data, axes, scale, units, channels=names if named else ())


def _reader(file: Path) -> Any:
    suffix = file.suffix.lower()
    one = _FORMATS[suffix]
    try:
        module = importlib.import_module(one.module)
    except ImportError as error:
        raise ImageError(
            f"{file} is a {suffix[1:].upper()} file of a microscope: install the package "
            f"{one.package} to read it (pip install {one.package}), or save it as OME-TIFF"
        ) from error
    return module.Reader(file, **one.options)


def _choose_scene(reader: Any, file: Path, scene: str) -> None:
    scenes = [str(name) for name in reader.scenes]
    if not scene:
        if len(scenes) == 1:
            return
        shown = ", ".join(scenes[:5]) + (", …" if len(scenes) > 5 else "")
        raise ImageError(f"{file} holds {len(scenes)} images ({shown}): give one, {file / '0'}")
    if scenes.count(scene) == 1:
        reader.set_scene(scenes.index(scene))
    elif scene.isdecimal() and int(scene) < len(scenes):
        reader.set_scene(int(scene))
    else:
        raise ImageError(f"{file} has no image {scene!r}, but {', '.join(scenes)}")


def _scale(reader: Any) -> tuple[dict[str, float], dict[str, str]]:
    sizes = reader.physical_pixel_sizes
    known = {axis: getattr(sizes, axis, None) for axis in "ZYX"}
    units = dict.fromkeys("ZYX", "micrometer")
    interval = getattr(reader, "time_interval", None)
    if interval is not None:
        known["T"], units["T"] = interval.total_seconds(), "second"
    scale = {
        axis: float(step)
        for axis, step in known.items()
        if step is not None and 0 < step < math.inf
    }
    return scale, {axis: units[axis] for axis in scale}

"""Opening OME-Zarr images (0.4 and 0.5) and plain Zarr arrays.

Specification: https://ngff.openmicroscopy.org. Of an image in several resolutions the
finest is used.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images.layout import RawImage
from napari_inpaintaff.images.memory import check_fits_memory
from napari_inpaintaff.images.units import unit_name
from napari_inpaintaff.images.zarr_codecs import check_codecs

if TYPE_CHECKING:
    import zarr

_MARKERS = ("zarr.json", ".zgroup", ".zarray")
_AXES = "TCZYX"
#: Plates have rows, wells, fields and levels.
_DEEPEST = 8


def is_zarr(folder: Path) -> bool:
    """Return whether a folder is a Zarr group or array, of version 2 or 3."""
    return any((folder / marker).is_file() for marker in _MARKERS)


def open_zarr(path: Path) -> RawImage:
    """Open an OME-Zarr image, or a plain Zarr array.

    Parameters
    ----------
    path : pathlib.Path
        The folder of the image.

    Returns
    -------
    RawImage
        The pixels are read chunk by chunk when they are asked for, from any thread.

    Raises
    ------
    ImageError
        If the folder holds no image, several, or a plate, or its metadata is damaged.
    """
    # Imported here: zarr is slow to import and most images are files.
    import zarr

    node = zarr.open(path, mode="r")
    if isinstance(node, zarr.Array):
        if node.ndim < 2:
            raise ImageError(f"{path} is a Zarr array of {node.ndim} axes, but an image has two")
        _check(node, path)
        return RawImage(node, _axes_of_array(node), {}, {})
    attributes: dict[str, Any] = dict(node.attrs)
    ome = attributes.get("ome", attributes)
    try:
        if "multiscales" in ome:
            return _open_multiscale(node, ome, path)
        if "plate" in ome or "well" in ome:
            raise ImageError(
                f"{path} is a plate of many images: give these, "
                f"for example with the pattern {path / '*' / '*' / '*'}"
            )
        if "bioformats2raw.layout" in ome:
            return _open_only_image(node, path)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ImageError(f"{path} has damaged OME-Zarr metadata: {error!r}") from error
    raise ImageError(f"{path} is a Zarr group without an OME-Zarr image")


def check_before_opening(path: Path) -> None:
    """Refuse a Zarr folder with arrays that could run code, whoever is going to read it.

    Parameters
    ----------
    path : pathlib.Path
        Anything; what is not a Zarr folder is passed over.

    Raises
    ------
    ImageError
        If an array in it may not be read.
    """
    import zarr

    if not is_zarr(path):
        return
    node = zarr.open(path, mode="r")
    arrays = [node] if isinstance(node, zarr.Array) else _arrays_in(node)
    for array in arrays:
        check_codecs(array, path)


def _arrays_in(group: zarr.Group) -> Iterator[zarr.Array[Any]]:
    import zarr

    for _, member in group.members(max_depth=_DEEPEST):
        if isinstance(member, zarr.Array):
            yield member


def _open_only_image(group: zarr.Group, path: Path) -> RawImage:
    """Open the image of a file that bioformats2raw made of a file of one or more images."""
    count = sum(name.isdigit() for name in group.group_keys())
    if count != 1:
        raise ImageError(f"{path} holds {count} images: give these ({path / '0'}, ...)")
    return open_zarr(path / "0")


def _open_multiscale(group: zarr.Group, ome: Mapping[str, Any], path: Path) -> RawImage:
    import zarr

    multiscale = ome["multiscales"][0]
    finest = multiscale["datasets"][0]
    array = group[finest["path"]]
    if not isinstance(array, zarr.Array):
        raise ImageError(f"{path} has damaged OME-Zarr metadata: {array.name} is no array")
    _check(array, path)
    # Before 0.4 an axis was a name only, and before that there were always these five.
    axes = multiscale.get("axes", list(_AXES.lower()))
    described = [{"name": axis} if isinstance(axis, str) else axis for axis in axes]
    letters = "".join(_letter(axis) for axis in described)
    if len(letters) != array.ndim:
        raise ImageError(f"{path} has damaged OME-Zarr metadata: {array.ndim} axes, not {letters}")
    steps = [1.0] * array.ndim
    for part in (finest, multiscale):
        for change in part.get("coordinateTransformations", ()):
            if change.get("type") == "scale" and "scale" in change:
                steps = [a * float(b) for a, b in zip(steps, change["scale"], strict=True)]
    return RawImage(
        array,
        letters,
        {a: step for a, step in zip(letters, steps, strict=True) if 0 < step < math.inf},
        {a: unit_name(axis.get("unit")) for a, axis in zip(letters, described, strict=True)},
        channels=_channel_names(ome, dict(zip(letters, array.shape, strict=True)).get("C", 1)),
    )


def _channel_names(ome: Mapping[str, Any], count: int) -> tuple[str, ...]:
    """Return the names of the channels, if every one has one."""
    described = ome.get("omero", {}).get("channels", [])
    names = tuple(str(channel.get("label", "")) for channel in described)
    return names if all(names) and len(names) == count else ()


def _check(array: zarr.Array[Any], path: Path) -> None:
    check_codecs(array, path)
    # A chunk is unpacked as a whole, however little of it is asked for.
    check_fits_memory(array.chunks, array.dtype, path)


def _letter(axis: Mapping[str, Any]) -> str:
    name = str(axis["name"]).upper()
    kind = {"time": "T", "channel": "C"}.get(str(axis.get("type")))
    return kind or (name if len(name) == 1 and name in _AXES else "Q")


def _axes_of_array(array: zarr.Array[Any]) -> str:
    """Return the axes of a plain array by name, if it has names, and else by number."""
    names = getattr(array.metadata, "dimension_names", None) or ()
    letters = "".join(str(name).upper() for name in names)
    if len(letters) == array.ndim and set("YX") <= set(letters) <= set(_AXES):
        return letters
    # "Q" is how tifffile calls an axis without a meaning.
    return "Q" * (array.ndim - 2) + "YX"

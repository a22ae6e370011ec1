"""Writing label images as OME-Zarr (0.4 and 0.5), in several resolutions.

Specification: https://ngff.openmicroscopy.org.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_inpaintaff.errors import OutputError, ParameterError
from napari_inpaintaff.images.axes import ImageData, LazyImage
from napari_inpaintaff.images.files import atomic_folder
from napari_inpaintaff.images.lazy_labels import BLOCK, label_dtype, read_block
from napari_inpaintaff.images.ome_zarr import is_zarr
from napari_inpaintaff.images.regions import blocks_of
from napari_inpaintaff.images.units import UNKNOWN_UNIT, unit_name
from napari_inpaintaff.jobs import Job, Progress

if TYPE_CHECKING:
    import zarr

#: Endings of the folders that `write_ome_zarr_labels` writes.
ZARR_SUFFIXES = (".zarr",)

OmeZarrVersion = Literal["0.4", "0.5"]
_ZARR_FORMAT: dict[OmeZarrVersion, Literal[2, 3]] = {"0.4": 2, "0.5": 3}

_CHUNK = 1024
#: The coarsest resolution is the first that is not larger.
_COARSEST = 512


def write_ome_zarr_labels(
    path: str | PathLike[str], labels: ImageData, *, version: OmeZarrVersion = "0.4"
) -> Path:
    """Write a label image as OME-Zarr with axes, scale and several resolutions.

    Parameters
    ----------
    path : path-like
        The folder to make; its name ends in ``.zarr``. A Zarr folder of that name is replaced.
    labels : ImageData
        0 is background. Coarser resolutions take every second pixel along Y and X, so that
        no number appears that is not in the image.
    version : {"0.4", "0.5"}
        Of OME-Zarr. More programs read 0.4 (Zarr 2) than 0.5 (Zarr 3).

    Returns
    -------
    pathlib.Path
        The folder: uint16 where the largest label allows, otherwise uint32.

    Raises
    ------
    ParameterError
        If the labels are no integers, negative or above what uint32 allows, or the version
        is unknown.
    OutputError
        If the folder cannot be written or holds something else; an existing one stays.
    """
    return Job(iterate_ome_zarr_labels(path, labels, version=version), name="OME-Zarr").run()


def iterate_ome_zarr_labels(
    path: str | PathLike[str],
    labels: LazyImage,
    *,
    version: OmeZarrVersion = "0.4",
    largest: int | None = None,
) -> Generator[Progress, None, Path]:
    """Do what `write_ome_zarr_labels` does, block by block, and say how far it is.

    Labels that lie in a file or are computed (zarr, dask) are never in memory as a whole, nor
    is a plane of them; every resolution is made from the one before.

    Parameters
    ----------
    path, version
        As for `write_ome_zarr_labels`.
    labels : LazyImage
        As for `write_ome_zarr_labels`. They are read twice where neither their type nor
        `largest` says whether uint16 will do.
    largest : int, optional
        The largest label, where it is known.

    Yields
    ------
    Progress
        Of planes, or of blocks of large planes.

    Raises
    ------
    ParameterError, OutputError
        As for `write_ome_zarr_labels`; also if there is a label that `largest` does not allow.
    """
    # Imported here: zarr is slow to import.
    import zarr

    path = Path(path)
    if path.suffix.lower() not in ZARR_SUFFIXES:
        raise OutputError(f"{path} cannot be written: the name must end in .zarr")
    if version not in _ZARR_FORMAT:
        raise ParameterError(f"the version must be 0.4 or 0.5, got {version!r}")
    dtype = label_dtype(labels.data, largest)
    shape = tuple(int(length) for length in labels.data.shape)
    steps = _steps(shape)
    blocks = list(blocks_of(shape, BLOCK))
    leading = shape[:-2]
    done, total = 0, int(np.prod(leading)) * len(blocks)
    with atomic_folder(path, replaces=is_zarr) as unfinished:
        group = zarr.create_group(unfinished, zarr_format=_ZARR_FORMAT[version])
        levels = [_level(group, n, labels, step, dtype) for n, step in enumerate(steps)]
        group.attrs.update(_metadata(labels, steps, version))
        yield Progress(0, total, "Writing the label image…")
        for index in np.ndindex(leading):
            for region in blocks:
                levels[0][(*index, *region)] = read_block(labels.data, index, region, dtype)
                done += region is not blocks[-1]
                yield Progress(done, total)
            for finer, coarser in itertools.pairwise(levels):
                for rows, columns in blocks_of(coarser.shape, BLOCK):
                    wanted = (slice(2 * part.start, 2 * part.stop, 2) for part in (rows, columns))
                    coarser[(*index, rows, columns)] = finer[(*index, *wanted)]
                    yield Progress(done, total)
            done += 1
            yield Progress(done, total)
    return path


def _steps(shape: tuple[int, ...]) -> list[int]:
    steps = [1]
    while max(shape[-2:]) > _COARSEST * steps[-1]:
        steps.append(2 * steps[-1])
    return steps


def _level(
    group: zarr.Group, number: int, labels: LazyImage, step: int, dtype: np.dtype[Any]
) -> zarr.Array[Any]:
    shape = labels.data.shape
    size = (-(-shape[-2] // step), -(-shape[-1] // step))
    leading = (1,) * (len(shape) - 2)
    return group.create_array(
        str(number),
        shape=(*shape[:-2], *size),
        chunks=(*leading, min(_CHUNK, size[0]), min(_CHUNK, size[1])),
        dtype=dtype,
        fill_value=0,
        dimension_names=list(labels.axes.lower()) if group.metadata.zarr_format == 3 else None,
    )


def _metadata(labels: LazyImage, steps: list[int], version: OmeZarrVersion) -> dict[str, Any]:
    multiscale = multiscale_metadata(
        labels.name, labels.axes, labels.scale, labels.units, steps=steps
    )
    multiscale["type"] = "nearest"
    if version == "0.5":
        return {"ome": {"version": version, "multiscales": [multiscale], "image-label": {}}}
    return {
        "multiscales": [multiscale | {"version": version}],
        "image-label": {"version": version},
    }


def multiscale_metadata(
    name: str,
    axes: str,
    scale: Sequence[float],
    units: Sequence[str],
    *,
    steps: Sequence[int] = (1,),
) -> dict[str, Any]:
    """Describe an image in one or several resolutions, as OME-Zarr does.

    Parameters
    ----------
    name : str
        Of the image.
    axes : str
        Of T, C, Z, Y and X, the last two being Y and X.
    scale, units : sequence of float and of str
        One per axis.
    steps : sequence of int
        Of every resolution, how many pixels of the finest one make a pixel along Y and X;
        the arrays are called ``0``, ``1`` and so on.

    Returns
    -------
    dict
        An entry of ``multiscales``.
    """
    kinds = {"T": "time", "C": "channel"}
    described: list[dict[str, str]] = []
    for axis, unit in zip(axes, units, strict=True):
        known = unit_name(unit)
        entry = {"name": axis.lower(), "type": kinds.get(axis, "space")}
        described.append(entry | ({} if known == UNKNOWN_UNIT else {"unit": known}))
    datasets = [
        {
            "path": str(number),
            "coordinateTransformations": [
                {"type": "scale", "scale": [*scale[:-2], *(step * one for one in scale[-2:])]}
            ],
        }
        for number, step in enumerate(steps)
    ]
    return {"name": name, "axes": described, "datasets": datasets}

"""What a run of tiles keeps on disk while it goes on.

A folder of OME-Zarr images (labels, foreground, affinities) and of records: one for every tile
and plane whose data is safely on the disk. A run that was killed goes on with what has no record.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities, Offset
from napari_inpaintaff.errors import OutputError
from napari_inpaintaff.images import Region, atomic_path
from napari_inpaintaff.images.files import check_replaceable
from napari_inpaintaff.images.ome_zarr import is_zarr
from napari_inpaintaff.pipeline.planewise import PlaneIndex
from napari_inpaintaff.pipeline.tasks import make_folder, read_record, write_record
from napari_inpaintaff.pipeline.tiled.tiles import CHUNK

if TYPE_CHECKING:
    import zarr

_RUN = "run.json"
_RECORDS = "records"
#: Changes with what records hold: work of another format cannot be finished.
_FORMAT = 2
#: Values of pairs of which nothing is known.
_UNKNOWN = math.nan


@dataclass(frozen=True)
class Store:
    """The folder of a run.

    Attributes
    ----------
    folder : Path
        Where it is.
    """

    folder: Path

    def begin(self, fingerprint: str, described: Mapping[str, Any], *, restart: bool) -> None:
        """Make the folder, or go on with one of the same run.

        Parameters
        ----------
        fingerprint : str
            Of all that the results depend on.
        described : mapping
            The same for people; plain values.
        restart : bool
            Whether another run's work is thrown away.

        Raises
        ------
        OutputError
            If there is work of another run, something else, or the folder cannot be made.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise OutputError(f"{self.folder} is a file, but unfinished work belongs there")
        before = read_record(self.folder / _RUN)
        if before is None and self.folder.is_dir() and any(self.folder.iterdir()):
            if not restart or not (self.folder / _RECORDS).is_dir():
                raise OutputError(f"{self.folder} holds other files: remove or rename it")
            before = {}
        run = {"format": _FORMAT, "fingerprint": fingerprint, "run": dict(described)}
        same = ("format", "fingerprint")
        if before is not None and any(before.get(key) != run[key] for key in same):
            if not restart:
                raise OutputError(
                    f"{self.folder} holds unfinished work on another image, with another model or "
                    "other settings, or of another version: use these again to finish it, or "
                    "remove that folder to begin anew (on the command line: --restart)"
                )
            shutil.rmtree(self.folder)
        make_folder(self.folder / _RECORDS)
        if read_record(self.folder / _RUN) != run:
            write_record(self.folder / _RUN, run)

    def fingerprint(self) -> str:
        """Return that of the run."""
        return str((read_record(self.folder / _RUN) or {})["fingerprint"])

    def has(self, record: str) -> bool:
        """Return whether something was recorded."""
        return self.read(record) is not None

    def read(self, record: str) -> dict[str, Any] | None:
        """Return what was recorded, None if nothing."""
        return read_record(self.folder / _RECORDS / f"{record}.json")

    def write(self, record: str, values: Mapping[str, Any]) -> None:
        """Record that something is on the disk.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        write_record(self.folder / _RECORDS / f"{record}.json", values)

    def write_labels_of_tile(self, name: str, labels: NDArray[np.uint32]) -> None:
        """Keep the labels of a tile with its margin."""
        path = self._tile_file(name)
        with atomic_path(path) as unfinished, unfinished.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, labels=labels)

    def read_labels_of_tile(self, name: str) -> NDArray[np.uint32]:
        """Read what `write_labels_of_tile` wrote."""
        with np.load(self._tile_file(name), allow_pickle=False) as archive:
            labels: NDArray[np.uint32] = archive["labels"]
            return labels

    def _tile_file(self, name: str) -> Path:
        return self.folder / _RECORDS / f"{name}.npz"

    def create(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str,
        fill: float,
        multiscale: Mapping[str, Any],
        **about: Any,
    ) -> None:
        """Make an OME-Zarr image, if it is not there yet.

        Parameters
        ----------
        name : str
            Of the image.
        shape : sequence of int
            Ends in (Y, X).
        dtype : str
            Of its values.
        fill : float
            What is read where nothing was written.
        multiscale : mapping
            See `multiscale_metadata`.
        **about
            More about it, as JSON values.
        """
        import zarr

        if self.has(f"array-{name}"):
            return
        height, width = shape[-2:]
        group = zarr.create_group(self.folder / name, zarr_format=3, overwrite=True)
        group.create_array(
            "0",
            shape=tuple(shape),
            chunks=(*(1,) * (len(shape) - 2), min(CHUNK, height), min(CHUNK, width)),
            dtype=dtype,
            fill_value=fill,
            dimension_names=[axis["name"] for axis in multiscale["axes"]],
        )
        group.attrs.update({"ome": {"version": "0.5", "multiscales": [dict(multiscale)]}, **about})
        self.write(f"array-{name}", {})

    def array(self, name: str) -> zarr.Array[Any]:
        """Open the pixels of an image of `create`."""
        import zarr

        return zarr.open_array(self.folder / name / "0", mode="r+")

    def put(self, name: str, index: PlaneIndex, region: Region, values: NDArray[Any]) -> None:
        """Write a region of a plane, and wait until it is on the disk.

        Parameters
        ----------
        name : str
            Of the image.
        index : tuple of int
            Position of the plane along T and Z.
        region : tuple of two slices
            Made of whole chunks.
        values : ndarray
            Of the shape of the region; of images with channels, these come first.
        """
        array = self.array(name)
        place = _place(array, index, region)
        array[place] = values
        # A record must never be there before its data.
        chunks = []
        for part, size, length in zip(place, array.shape, array.chunks, strict=True):
            pixels = range(size)[part] if isinstance(part, slice) else range(part, part + 1)
            chunks.append(range(pixels[0] // length, pixels[-1] // length + 1))
        for chunk in itertools.product(*chunks):
            path = self.folder / name / "0" / array.metadata.encode_chunk_key(chunk)
            if path.is_file():
                with path.open("rb") as file:
                    os.fsync(file.fileno())

    def get(self, name: str, index: PlaneIndex, region: Region) -> NDArray[Any]:
        """Read a region of a plane; see `put`."""
        array = self.array(name)
        return np.asarray(array[_place(array, index, region)])

    def give_away(self, name: str, target: Path) -> None:
        """Move an array out of the folder, over one of an earlier run.

        Raises
        ------
        OutputError
            If something else has that name.
        """
        check_replaceable(target, replaces=is_zarr)
        if target.exists():
            shutil.rmtree(target)
        (self.folder / name).replace(target)

    def remove(self) -> None:
        """Throw everything away."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _place(array: zarr.Array[Any], index: PlaneIndex, region: Region) -> tuple[int | slice, ...]:
    """Return where a region of a plane is, all channels of it if there are any."""
    names = list(getattr(array.metadata, "dimension_names", None) or ())
    leading: list[int | slice] = list(index)
    if "c" in names:
        leading.insert(names.index("c"), slice(None))
    return (*leading, *region)


def known_or_nan(affinities: Affinities) -> NDArray[np.float32]:
    """Return affinities as one array (K, Y, X), NaN where the weight is 0."""
    return np.where(affinities.weight > 0, affinities.values, np.float32(_UNKNOWN))


def from_known_or_nan(values: NDArray[np.float32], offsets: tuple[Offset, ...]) -> Affinities:
    """Return the affinities of such an array, with weight 1 where they are known."""
    known = ~np.isnan(values)
    return Affinities(np.where(known, values, 0), offsets, known.astype(np.float32))


def described(value: Any) -> Any:
    """Return a value as plain JSON, for people."""
    return json.loads(json.dumps(value, default=str))

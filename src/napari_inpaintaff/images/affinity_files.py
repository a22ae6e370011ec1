"""Affinities on disk: one .npz file of plain arrays, which cannot run code when loaded."""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.images.array_archives import read_arrays
from napari_inpaintaff.images.axes import complete_scale
from napari_inpaintaff.images.files import atomic_path, check_writable

#: Endings of the files that `write_affinities` writes.
AFFINITY_SUFFIXES = (".npz",)

_FORMAT = "inpaintaff affinities"
_VERSION = 1
_KEYS = ("format", "version", "values", "offsets", "weight", "scale", "units")


@dataclass(frozen=True)
class SavedAffinities:
    """What an affinity file holds: all that is needed to make labels again.

    Attributes
    ----------
    affinities : Affinities
        The affinities of one plane.
    foreground : ndarray of bool, shape (Y, X), or None
        The foreground of the run; None if the file holds none.
    scale : tuple of (float, float)
        Size of a pixel along Y and X.
    units : tuple of (str, str)
        Units of the scale, ``"pixel"`` when unknown.
    alpha : float or None
        Weight of the repulsive edges that suits these affinities in a mutex watershed; None
        for the usual one.
    partition : str or None
        Name of the partition method that suits these affinities; None for the usual one.

    Raises
    ------
    ParameterError
        If the foreground has another shape than the affinities, or alpha is not positive.
    """

    affinities: Affinities
    foreground: NDArray[np.bool_] | None = None
    scale: tuple[float, ...] = (1.0, 1.0)
    units: tuple[str, ...] = ("pixel", "pixel")
    alpha: float | None = None
    partition: str | None = None

    def __post_init__(self) -> None:
        complete_scale("YX", self.scale, self.units)
        if self.foreground is not None and self.foreground.shape != self.affinities.shape:
            raise ParameterError(
                f"the foreground must have the shape of the image {self.affinities.shape}, "
                f"got {self.foreground.shape}"
            )
        if self.alpha is not None and not 0 < self.alpha < math.inf:
            raise ParameterError(f"alpha must be a number above 0, got {self.alpha}")


def write_affinities(
    path: str | PathLike[str],
    affinities: Affinities,
    *,
    foreground: NDArray[np.bool_] | None = None,
    scale: tuple[float, ...] | None = None,
    units: tuple[str, ...] | None = None,
    alpha: float | None = None,
    partition: str | None = None,
) -> Path:
    """Write affinities to a compressed ``.npz`` file.

    Values and weights are stored as float32, without loss: a partition of the file gives
    the same labels as the run that wrote it.

    Parameters
    ----------
    path : path-like
        A name ending in ``.npz``.
    affinities : Affinities
        The affinities of one plane.
    foreground : ndarray of bool, shape (Y, X), optional
        The foreground of the run.
    scale, units : tuple, optional
        Size of a pixel along Y and X, and its units.
    alpha : float, optional
        Weight of the repulsive edges that suits these affinities in a mutex watershed, if it is
        not the usual one.
    partition : str, optional
        Name of the partition method that suits these affinities.

    Returns
    -------
    pathlib.Path
        The written file.

    Raises
    ------
    ParameterError
        If the foreground has another shape, or scale, units or alpha are wrong.
    OutputError
        If the file cannot be written; nothing is left behind, an existing file stays.
    """
    path = Path(path)
    scale, units = complete_scale("YX", scale, units)
    saved = SavedAffinities(affinities, foreground, scale, units, alpha, partition)
    arrays: dict[str, Any] = {
        "format": np.array(_FORMAT),
        "version": np.array(_VERSION),
        "values": affinities.values.astype(np.float32),
        "offsets": np.array(affinities.offsets, dtype=np.int32).reshape(-1, 2),
        "weight": affinities.weight.astype(np.float32),
        "scale": np.array(scale, dtype=np.float64),
        "units": np.array(units),
    }
    if saved.foreground is not None:
        arrays["foreground"] = saved.foreground.astype(bool)
    if alpha is not None:
        arrays["alpha"] = np.array(alpha, dtype=np.float64)
    if partition is not None:
        arrays["partition"] = np.array(partition)
    check_writable(path, suffixes=AFFINITY_SUFFIXES)
    # An open file, because savez adds .npz to any other name.
    with atomic_path(path) as unfinished, unfinished.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    return path


def read_affinities(path: str | PathLike[str]) -> Affinities:
    """Read the affinities of a file that `write_affinities` wrote.

    Raises
    ------
    ImageError
        If the file is missing, damaged, or no affinity file of this version.
    """
    return read_affinity_file(path).affinities


def read_affinity_file(path: str | PathLike[str]) -> SavedAffinities:
    """Read everything from a file that `write_affinities` wrote.

    Loading never executes code.

    Raises
    ------
    ImageError
        If the file is missing, damaged, or no affinity file of this version.
    """
    path = Path(path)
    arrays = _load(path)
    missing = [key for key in _KEYS if key not in arrays]
    if missing or str(arrays["format"]) != _FORMAT:
        reason = f" ({', '.join(missing)} missing)" if missing else ""
        raise ImageError(f"{path} is not an affinity file{reason}")
    version = arrays["version"]
    if version.shape or version.dtype.kind not in "iu":
        raise ImageError(f"{path} is a damaged affinity file: it has no version")
    if version != _VERSION:
        raise ImageError(
            f"{path} is an affinity file of version {version}, "
            f"this program reads version {_VERSION}"
        )
    try:
        return _checked(arrays)
    except (ParameterError, TypeError, ValueError) as error:
        raise ImageError(f"{path} is a damaged affinity file: {error}") from error


def _load(path: Path) -> dict[str, NDArray[Any]]:
    try:
        if path.is_dir():
            raise ImageError(f"{path} is a folder, not an affinity file")
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                raise ImageError(f"{path} is not an affinity file, or it is cut off")
            file.seek(0)
            return read_arrays(file, path)
    except ImageError:
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ImageError(f"there is no file {path}") from error
    except PermissionError as error:
        raise ImageError(f"no permission to read {path}") from error
    except MemoryError as error:
        raise ImageError(f"{path} does not fit into the memory of this computer") from error
    except Exception as error:  # zipfile, zlib and NumPy each have errors of their own
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ImageError(f"{path} is a damaged affinity file: {reason}") from error


def _checked(arrays: dict[str, NDArray[Any]]) -> SavedAffinities:
    values, weight, offsets = arrays["values"], arrays["weight"], arrays["offsets"]
    if values.dtype != np.float32 or weight.dtype != np.float32:
        raise ParameterError(f"values and weight must be float32, got {values.dtype}")
    if offsets.ndim != 2 or offsets.shape[1] != 2 or offsets.dtype.kind != "i":
        raise ParameterError(f"offsets must be pairs of integers, got {offsets.shape}")
    affinities = Affinities(values, tuple((int(y), int(x)) for y, x in offsets), weight)
    if not ((values >= 0) & (values <= 1)).all():
        raise ParameterError("values must lie between 0 and 1")
    if not ((weight >= 0) & (weight < np.inf)).all():
        raise ParameterError("weights must be finite and not negative")
    foreground = arrays.get("foreground")
    if foreground is not None and foreground.dtype != np.bool_:
        raise ParameterError(f"the foreground must be bool, got {foreground.dtype}")
    return SavedAffinities(
        affinities=affinities,
        foreground=foreground,
        scale=tuple(float(step) for step in arrays["scale"]),
        units=tuple(str(unit) for unit in arrays["units"]),
        alpha=float(arrays["alpha"]) if "alpha" in arrays else None,
        partition=str(arrays["partition"]) if "partition" in arrays else None,
    )

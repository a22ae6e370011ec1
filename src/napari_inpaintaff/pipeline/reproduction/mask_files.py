"""Masks of finished work on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.images import atomic_path
from napari_inpaintaff.pipeline.tasks.records import make_folder


def write_masks(path: Path, masks: Mapping[str, NDArray[np.bool_]]) -> None:
    """Write masks by name atomically, as a compressed ``.npz``.

    Raises
    ------
    OutputError
        If they cannot be written.
    """
    make_folder(path.parent)
    names = {name.replace("/", "|"): mask for name, mask in masks.items()}
    with atomic_path(path) as unfinished, unfinished.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **names)


def read_mask_of(path: Path, name: str) -> NDArray[np.bool_]:
    """Read one of the masks that `write_masks` wrote."""
    with np.load(path, allow_pickle=False) as archive:
        mask: NDArray[np.bool_] = archive[name.replace("/", "|")]
        return mask

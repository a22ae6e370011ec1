"""What ReDO makes of a few images, as one picture; torch-free."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.foreground.redo.updates import ReDOSamples
from napari_inpaintaff.images import atomic_path

#: Images side by side, and the least side of one of them in the picture.
_COLUMNS = 12
_SIDE = 64


def samples_picture(samples: ReDOSamples) -> NDArray[np.uint8]:
    """Lay samples out in columns: image, every mask, the image with every region redrawn.

    Parameters
    ----------
    samples : ReDOSamples
        Of which the first twelve are shown.

    Returns
    -------
    ndarray of uint8, shape (Y, X, 3)
    """
    images = samples.images[:_COLUMNS]
    masks = samples.masks[:_COLUMNS]
    rows = [images, *(masks[:, region, None] for region in range(masks.shape[1]))]
    rows += [redrawn[:_COLUMNS] for redrawn in samples.redrawn]
    colour = [np.broadcast_to(row, (len(row), 3, *row.shape[2:])) for row in rows]
    laid = np.concatenate([np.concatenate(list(row), axis=2) for row in colour], axis=1)
    enlarged = laid.repeat(factor := max(1, -(-_SIDE // images.shape[-1])), 1).repeat(factor, 2)
    return np.round(255 * enlarged.transpose(1, 2, 0)).astype(np.uint8)


def write_samples(path: Path, samples: ReDOSamples) -> None:
    """Write `samples_picture` as a PNG, atomically.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    from PIL import Image

    with atomic_path(path) as unfinished:
        Image.fromarray(samples_picture(samples)).save(unfinished, format="PNG")

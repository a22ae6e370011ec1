"""The picture of a training: generated scenes above their layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_inpaintaff.foreground.perturbgan.parameters import LayeredSamples
from napari_inpaintaff.images import atomic_path

_SHOWN = 12
#: Pixels of a scene in the picture, at least.
_LARGE = 64


def draw_samples(path: Path, samples: LayeredSamples) -> None:
    """Write a PNG with a column for each scene: image, background, foreground, mask.

    Parameters
    ----------
    path : Path
        The file; replaced only when the new one is complete.
    samples : LayeredSamples
        The first dozen is drawn.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    masks = np.repeat(samples.masks[:, None], samples.images.shape[1], axis=1)
    rows = [
        _row(images) for images in (samples.images, samples.backgrounds, samples.foregrounds, masks)
    ]
    picture = np.concatenate(rows)
    scale = max(1, _LARGE // samples.masks.shape[-1])
    picture = picture.repeat(scale, 0).repeat(scale, 1)
    with atomic_path(path) as temporary:
        Image.fromarray((255 * picture).round().astype(np.uint8)).save(temporary, format="PNG")


def _row(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Put images (N, C, Y, X) side by side, as (Y, N X, 3)."""
    row = np.concatenate(list(images[:_SHOWN]), axis=-1).transpose(1, 2, 0)
    return np.broadcast_to(row, (*row.shape[:2], 3))

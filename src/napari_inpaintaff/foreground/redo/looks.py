"""Looks at a training of ReDO: samples, and whether the run has collapsed."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_inpaintaff.foreground.redo.losses import redraw
from napari_inpaintaff.foreground.redo.networks import ReDONetworks
from napari_inpaintaff.foreground.redo.updates import ReDOSamples

#: A region is empty where it covers less of the pixels, over many images.
EMPTY = 0.01


def coverage(masks: NDArray[np.float32]) -> tuple[float, ...]:
    """Return which part of all pixels each region has.

    Parameters
    ----------
    masks : ndarray of float32, shape (N, regions, Y, X)
        In [0, 1].

    Returns
    -------
    tuple of float
        One per region; a pixel belongs to the most probable one.
    """
    regions = masks.shape[1]
    counts = np.bincount(masks.argmax(1).ravel(), minlength=regions)
    return tuple((counts / masks[:, 0].size).tolist())


def is_collapsed(covered: tuple[float, ...]) -> bool:
    """Return whether a region is all but empty, as it is when another is full.

    Parameters
    ----------
    covered : tuple of float
        See `coverage`.
    """
    return min(covered) < EMPTY


@torch.no_grad()
def look(networks: ReDONetworks, images: Tensor, codes: Tensor) -> ReDOSamples:
    """Divide images with the averaged mask network, and redraw every region of them.

    Parameters
    ----------
    networks : ReDONetworks
        Left as they are.
    images : Tensor, shape (N, C, Y, X)
        In [-1, 1].
    codes : Tensor, shape (N, Z)
        What regions are redrawn from.
    """
    masks = networks.averaged(images)
    redrawn = []
    # In training, spectral normalisation would go on with its power iterations.
    networks.generators.eval()
    for region, generator in enumerate(networks.generators):
        drawn = generator(masks[:, region : region + 1], codes)
        redrawn.append(redraw(images, masks, drawn, region))
    networks.generators.train()
    return ReDOSamples(_shown(images), masks.cpu().numpy(), _shown(torch.stack(redrawn)))


def _shown(values: Tensor) -> NDArray[np.float32]:
    shown: NDArray[np.float32] = ((values.float() + 1) / 2).clamp(0, 1).cpu().numpy()
    return shown

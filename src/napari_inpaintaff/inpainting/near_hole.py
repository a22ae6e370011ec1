"""How well an inpainter predicts hidden pixels near known ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from napari_inpaintaff.inpainting.crops import CropSampler
from napari_inpaintaff.inpainting.losses import pixel_error, split_head
from napari_inpaintaff.inpainting.masks import near_hole, random_conditionals


@dataclass(frozen=True)
class NearHoleError:
    """How well hidden pixels within 8 px of known ones are predicted.

    Attributes
    ----------
    l1 : float
        Mean absolute error in normalised units.
    prior_l1 : float
        That of the constant prior, the median of the image.
    nll : float or None
        Mean negative log-likelihood in nats; None for an L1 network.
    """

    l1: float
    prior_l1: float
    nll: float | None

    @property
    def ratio(self) -> float:
        """L1 error relative to the constant prior; below 1 is better than a constant.

        NaN where the constant prior was never wrong: nothing but background was held out.
        """
        return self.l1 / self.prior_l1 if self.prior_l1 > 0 else math.nan


@torch.no_grad()
def measure_near_hole(
    network: nn.Module,
    images: Sequence[NDArray[np.float32]],
    *,
    size: int = 64,
    crops: int = 16,
    seed: int = 0,
) -> NearHoleError:
    """Measure the error on hidden pixels within 8 px of known ones.

    Parameters
    ----------
    network : Module
        In evaluation mode, on the CPU.
    images : sequence of ndarray of float32, shape (Y, X)
        Normalised planes.
    size, crops : int, optional
        Side of the crops, and how many from every image.
    seed : int, optional
        Crops and masks are drawn from it.

    Returns
    -------
    NearHoleError
        Averaged over all such pixels of all crops.
    """
    generator = torch.Generator().manual_seed(seed)
    sums = np.zeros(3)
    count = 0
    laplace = True
    for index, image in enumerate(images):
        values = CropSampler([image], size, seed + index, zoom=1.0).draw(crops)
        masks = random_conditionals(crops, size, generator)
        output = network(values[:, None], masks.known[:, None].float())
        asked = near_hole(masks.known) & masks.region
        mean, log_scale = split_head(output)
        laplace = log_scale is not None
        prior = float(np.nanmedian(image))
        errors = ((values - mean).abs(), (values - prior).abs(), pixel_error(output, values))
        sums += [float(error[asked].sum()) for error in errors]
        count += int(asked.sum())
    l1, prior_l1, nll = sums / max(count, 1)
    return NearHoleError(float(l1), float(prior_l1), float(nll) if laplace else None)

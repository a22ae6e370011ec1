"""Generated masks on the whole: whether they have collapsed, and which layer is foreground."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from napari_inpaintaff.foreground.border import border_share
from napari_inpaintaff.foreground.perturbgan.adversarial import draw_latents
from napari_inpaintaff.foreground.perturbgan.composition import Layers
from napari_inpaintaff.foreground.perturbgan.generator import LayeredGenerator
from napari_inpaintaff.foreground.perturbgan.parameters import (
    Collapse,
    LayeredSamples,
    Scale,
)
from napari_inpaintaff.foreground.perturbgan.pictures import unit_range
from napari_inpaintaff.networks.devices import seeded

#: Masks that cover less than the first on the average, or more than the second, are of no use.
EMPTY_SHARE, FULL_SHARE = 0.02, 0.98


def collapse_of(masks: NDArray[np.float32]) -> Collapse | None:
    """Tell whether masks have collapsed.

    Parameters
    ----------
    masks : ndarray of float32, shape (N, Y, X)
        Of generated scenes, or of real images, in [0, 1].

    Returns
    -------
    {"empty", "full"} or None
        Whether they cover next to nothing or next to everything on the average.
    """
    share = float(masks.mean())
    if share < EMPTY_SHARE:
        return "empty"
    return "full" if share > FULL_SHARE else None


def less_border_layer(masks: NDArray[np.float32]) -> Literal["front", "back"]:
    """Return the layer that covers less of the border of the images.

    Parameters
    ----------
    masks : ndarray of float32, shape (N, Y, X)
        Of the front layer, in [0, 1].

    Returns
    -------
    {"front", "back"}
        The front layer where both cover the same.
    """
    return "front" if border_share(masks).mean() <= 0.5 else "back"


def generate(
    generator: LayeredGenerator, count: int, *, scale: Scale | None = None, seed: int = 0
) -> LayeredSamples:
    """Generate layered scenes to look at; same seed, same latent codes.

    Parameters
    ----------
    generator : LayeredGenerator
        In evaluation mode.
    count : int
        How many.
    scale : Scale, optional
        Side and fading; by default the full side.
    seed : int, optional
        Of the latent codes.
    """
    device = next(generator.parameters()).device
    side, alpha = (None, 1.0) if scale is None else (scale.side, scale.alpha)
    with seeded(seed, device), torch.no_grad():
        layers = generator(generator.styles(draw_latents(generator, count)), side, alpha)
    return samples_of(layers)


def samples_of(layers: Layers) -> LayeredSamples:
    """Return a batch of layered scenes as arrays, the images in [0, 1]."""
    return LayeredSamples(
        images=unit_range(layers.compose()),
        backgrounds=unit_range(layers.background),
        foregrounds=unit_range(layers.foreground),
        masks=layers.mask[:, 0].detach().cpu().numpy(),
    )

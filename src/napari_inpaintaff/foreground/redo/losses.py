"""What ReDO minimises, and how a region is redrawn (Chen et al. 2019, section 3.3)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def redraw(images: Tensor, masks: Tensor, drawn: Tensor, region: int) -> Tensor:
    """Replace one region of images; the others keep their pixels (assembling step).

    Parameters
    ----------
    images : Tensor, shape (B, C, Y, X)
        In [-1, 1].
    masks : Tensor, shape (B, regions, Y, X)
        In [0, 1]; they sum to 1.
    drawn : Tensor, shape (B, C, Y, X)
        The new pixels.
    region : int
        Which one, from 0.

    Returns
    -------
    Tensor, shape (B, C, Y, X)
        Where the mask of the region is 0, exactly the images; where it is 1, what was drawn.
    """
    mask = masks[:, region : region + 1]
    return images * (1 - mask) + drawn * mask


def discriminator_loss(real: Tensor, redrawn: Tensor) -> Tensor:
    """Return the hinge loss of the discriminator: a mean over images.

    Parameters
    ----------
    real, redrawn : Tensor, shape (B, 1)
        What it says of images and of redrawn ones.
    """
    return functional.relu(1 - real).mean() + functional.relu(1 + redrawn).mean()


def generator_loss(redrawn: Tensor) -> Tensor:
    """Return the loss of mask network and generators: a mean over what D says (B, 1)."""
    return -redrawn.mean()


def conservation_loss(found: Tensor, codes: Tensor) -> Tensor:
    """Return how much of the latent vectors cannot be found in the redrawn images.

    Parameters
    ----------
    found, codes : Tensor, shape (B, Z)
        What the encoder finds, and what was drawn from.

    Returns
    -------
    Tensor
        Squared distances, a mean over images. The objective squares the distance, Algorithm 1
        does not; the objective is taken.
    """
    return (found - codes).square().sum(1).mean()

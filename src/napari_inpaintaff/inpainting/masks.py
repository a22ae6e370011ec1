"""Random conditionals to train an inpainter on.

They have the shapes that the information-gain splits really feed to the network: a region of
the patch (everything outside is hidden), cut in two, with a band of hidden pixels along the
cut; one side is known. The shapes are random: none is ever derived from a segment that was
found in an image (Wolf et al. 2020, section 5).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from napari_inpaintaff.networks.morphology import band, dilate


@dataclass(frozen=True)
class Conditionals:
    """A batch of inpainting tasks.

    Attributes
    ----------
    known : Tensor of bool, shape (B, Y, X)
        Pixels that the network sees.
    region : Tensor of bool, shape (B, Y, X)
        Pixels that belong to the region being split; known ones are among them.
    """

    known: Tensor
    region: Tensor


def random_conditionals(
    batch: int, size: int, generator: torch.Generator, *, distance: int = 8
) -> Conditionals:
    """Draw conditionals as the splits produce them.

    Parameters
    ----------
    batch, size : int
        Number of masks and their side in pixels.
    generator : torch.Generator
        Source of randomness; its device is the device of the masks.
    distance : int, optional
        Largest half width of the hidden band, in pixels (Chebyshev), 1 or more.

    Returns
    -------
    Conditionals
        In one of thirty nothing is known: the constant prior has to be learnt, too. About
        a third of the bands have a half width of 1, the others 2 to ``distance``.
    """
    device = generator.device
    region = random_shapes(batch, size, generator, plane=0.5)
    whole = torch.rand(batch, generator=generator, device=device) < 0.3
    region = region | whole[:, None, None]
    side = random_shapes(batch, size, generator, plane=2.0) & region
    other = region & ~side
    reach = torch.randint(2, max(distance, 2) + 1, (batch,), generator=generator, device=device)
    narrow = torch.rand(batch, generator=generator, device=device) < 0.35
    reach = torch.where(narrow, torch.ones_like(reach), reach).clamp(max=distance)
    hidden = band(side, other, reach, distance)
    return Conditionals(known=side & ~hidden, region=region)


def random_shapes(batch: int, size: int, generator: torch.Generator, *, plane: float) -> Tensor:
    """Draw half planes, bands, blobs and their unions.

    A shape is where a random field exceeds one of its own quantiles. The field is a plane
    of random orientation plus smooth noise at a random scale of 1/2 to 1/12 of the patch:
    much plane gives straight cuts, none gives blobs and unions of blobs.

    Parameters
    ----------
    batch, size : int
        Number of shapes and their side in pixels.
    generator : torch.Generator
        Source of randomness.
    plane : float
        Typical weight of the plane relative to the noise.

    Returns
    -------
    Tensor of bool, shape (B, Y, X)
        Covers 15 to 85 percent of the patch.
    """
    device = generator.device
    angle = torch.rand(batch, generator=generator, device=device) * 2 * torch.pi
    upright = torch.rand(batch, generator=generator, device=device) < 0.5
    angle = torch.where(upright, (angle / (torch.pi / 2)).round() * (torch.pi / 2), angle)
    axis = torch.linspace(-1.7, 1.7, size, device=device)
    slope = (
        torch.cos(angle)[:, None, None] * axis[:, None]
        + torch.sin(angle)[:, None, None] * axis[None, :]
    )
    # Squared uniform numbers: many shapes are nearly pure noise, some nearly pure plane.
    weight = 2 * plane * torch.rand(batch, generator=generator, device=device).square()
    field = weight[:, None, None] * slope + _smooth_noise(batch, size, generator)
    level = 0.15 + 0.7 * torch.rand(batch, generator=generator, device=device)
    ordered = field.flatten(1).sort(dim=1).values
    cut = ordered.gather(1, (level * (size * size - 1)).long()[:, None])
    return field > cut[:, :, None]


def _smooth_noise(batch: int, size: int, generator: torch.Generator) -> Tensor:
    device = generator.device
    scales = (2, 3, 4, 6, 8, 12)
    choice = torch.randint(len(scales), (batch,), generator=generator, device=device)
    noise = torch.zeros(batch, size, size, device=device)
    for index, scale in enumerate(scales):
        coarse = torch.randn(batch, 1, scale + 1, scale + 1, generator=generator, device=device)
        fine = functional.interpolate(coarse, (size, size), mode="bicubic", align_corners=True)
        noise = torch.where((choice == index)[:, None, None], fine[:, 0], noise)
    return noise


def near_hole(known: Tensor, distance: int = 8) -> Tensor:
    """Return the hidden pixels within a distance of known ones.

    Parameters
    ----------
    known : Tensor of bool, shape (B, Y, X)
        Known pixels.
    distance : int, optional
        Chebyshev distance in pixels.

    Returns
    -------
    Tensor of bool, shape (B, Y, X)
        Where an inpainter is expected to know better than a constant.
    """
    return dilate(known, distance) & ~known

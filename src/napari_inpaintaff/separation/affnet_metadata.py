"""What is known about an AffNet besides its weights; importing this does not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from napari_inpaintaff.separation.student_metadata import StudentMetadata

AFFNET_KIND = "affnet"


@dataclass(frozen=True)
class AffNetMetadata(StudentMetadata):
    """Description of an AffNet, stored in its model file.

    Attributes
    ----------
    name : str
        Short name, as `AffNet.load` takes it.
    architecture : UNetArchitecture
        A plain U-Net, or that of pix2pix, with one output for every offset.
    normalisation : {"fluorescence", "linear"}
        Rule by which images become network input.
    diameter : float
        Typical diameter of the cells at its scale, in pixels.
    training : dict
        Images, labelled cells, steps, agreement, seed and minutes, as far as known.
    denoiser : UNetArchitecture or None
        Of the network that denoises raw images before they are normalised: that of the model
        that the training started from.
    offsets : tuple of (int, int)
        Pairs of pixels whose affinity it predicts, as (y, x), the two local ones first.
    alpha : float
        Weight of the repulsive edges in the mutex watershed that suits its affinities.
    """

    kind: ClassVar[str] = AFFNET_KIND

    # What its labels say is sharp: there is no doubt to be made up for.
    alpha: float = 1.0

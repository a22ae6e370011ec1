"""What is known about an inpainter besides its weights; importing this does not import torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.inpainting.model_metadata import ModelMetadata
from napari_inpaintaff.networks.architecture import UNetArchitecture

MODEL_KIND = "inpainter"

#: Architectures by name. ``paper``: Liu et al. 2018 scaled as in Wolf et al. 2020, section 3.3.
ARCHITECTURES: dict[str, UNetArchitecture] = {
    "small": UNetArchitecture("plain", (32, 64, 64, 64), stem=2),
    "pconv": UNetArchitecture("partial", (16, 32, 64, 64, 64)),
    "paper": UNetArchitecture("partial", (64, 128, 256, 512, 512), batch_norm=True),
}


@dataclass(frozen=True)
class InpainterMetadata(ModelMetadata):
    """Description of an inpainter, stored in its model file.

    Attributes
    ----------
    name : str
        Short name, as `Inpainter.load` takes it.
    architecture : UNetArchitecture
        With two output channels the head is a Laplace distribution, with one plain L1.
    normalisation : {"fluorescence", "linear"}
        Rule by which images become network input.
    diameter : float
        Typical diameter of the cells at the scale of the network, in pixels.
    training : dict
        Data, licence, steps, seed and near-hole error, as far as known.
    denoiser : UNetArchitecture or None
        Of the network that denoises raw images before they are normalised; None if they
        are taken as they are.
    """

    kind: ClassVar[str] = MODEL_KIND

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.architecture.outputs not in (1, 2):
            raise ParameterError(
                f"an inpainter has 1 output (L1) or 2 (Laplace), got {self.architecture.outputs}"
            )
        # Of L1 inpainters it is the unit of the errors.
        error = self.training.get("near_hole_l1")
        if error is not None and not (math.isfinite(error) and error >= 0):
            raise ParameterError(f"the near-hole error must be a number of 0 or more, got {error}")

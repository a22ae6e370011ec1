"""What is known about a foreground network besides its weights; torch-free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.inpainting.model_metadata import ModelMetadata

FGNET_KIND = "fgnet"


@dataclass(frozen=True)
class FGNetMetadata(ModelMetadata):
    """Description of a foreground network, stored in its model file.

    Attributes
    ----------
    name : str
        Short name, as `FGNet.load` takes it.
    architecture : UNetArchitecture
        A plain U-Net or that of pix2pix, with one output.
    normalisation : {"fluorescence", "linear"}
        Rule by which images become network input.
    diameter : float
        Typical diameter of the cells at its scale, in pixels.
    training : dict
        Images, labelled pixels, instances, steps, minutes, seed, loss, and the model it
        started from, as far as known.
    denoiser : UNetArchitecture or None
        Of the network that denoises raw images before they are normalised.
    image_diameter : float or None
        Typical diameter of the cells in the images that it has learned from, in their pixels.
    """

    kind: ClassVar[str] = FGNET_KIND

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.architecture.kind not in ("plain", "pix2pix"):
            raise ParameterError(
                "a foreground network is a plain U-Net or that of pix2pix, got "
                f"{self.architecture.kind!r}"
            )
        if self.architecture.outputs != 1:
            raise ParameterError(
                f"a foreground network has 1 output, got {self.architecture.outputs}"
            )

"""What is known about an inpainter besides its weights; importing this does not import torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from napari_inpaintaff.errors import InpaintAffError, ModelFileError, ParameterError
from napari_inpaintaff.images.normalise import NormalisationKind
from napari_inpaintaff.networks.architecture import UNetArchitecture

MODEL_KIND = "inpainter"

#: Architectures by name. ``paper``: Liu et al. 2018 scaled as in Wolf et al. 2020, section 3.3.
ARCHITECTURES: dict[str, UNetArchitecture] = {
    "small": UNetArchitecture("plain", (32, 64, 64, 64), stem=2),
    "pconv": UNetArchitecture("partial", (16, 32, 64, 64, 64)),
    "paper": UNetArchitecture("partial", (64, 128, 256, 512, 512), batch_norm=True),
}


@dataclass(frozen=True)
class InpainterMetadata:
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
        Typical diameter of the cells it was trained on, in pixels.
    training : dict
        Data, licence, steps, seed and near-hole error, as far as known.
    """

    name: str
    architecture: UNetArchitecture
    normalisation: NormalisationKind = "fluorescence"
    diameter: float = 25.0
    training: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.diameter > 0:
            raise ParameterError(f"the cell diameter must be positive, got {self.diameter}")

    def to_json(self) -> dict[str, Any]:
        """Return the description as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> InpainterMetadata:
        """Read the description from JSON values.

        Raises
        ------
        ModelFileError
            If a value is missing or cannot be.
        """
        try:
            architecture = dict(values["architecture"])
            architecture["widths"] = tuple(int(width) for width in architecture["widths"])
            return cls(**{**values, "architecture": UNetArchitecture(**architecture)})
        except (KeyError, TypeError, ValueError, InpaintAffError) as error:
            raise ModelFileError(
                f"the description of this inpainter is damaged: {error}"
            ) from error

"""What is known about an inpainter besides its weights; importing this does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args

from napari_inpaintaff.errors import InpaintAffError, ModelFileError, ParameterError
from napari_inpaintaff.images.normalise import NormalisationKind
from napari_inpaintaff.networks.architecture import UNetArchitecture
from napari_inpaintaff.networks.model_file import read_model_metadata

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
    denoiser : UNetArchitecture or None
        Of the network that denoises raw images before they are normalised; None if they
        are taken as they are.
    """

    name: str
    architecture: UNetArchitecture
    normalisation: NormalisationKind = "fluorescence"
    diameter: float = 25.0
    training: dict[str, Any] = field(default_factory=dict)
    denoiser: UNetArchitecture | None = None

    def __post_init__(self) -> None:
        if not self.diameter > 0:
            raise ParameterError(f"the cell diameter must be positive, got {self.diameter}")
        if self.normalisation not in get_args(NormalisationKind):
            raise ParameterError(
                f"unknown normalisation {self.normalisation!r}; "
                f"use one of {get_args(NormalisationKind)}"
            )
        if self.architecture.outputs not in (1, 2):
            raise ParameterError(
                f"an inpainter has 1 output (L1) or 2 (Laplace), got {self.architecture.outputs}"
            )
        if self.denoiser is not None and self.denoiser.outputs != 1:
            raise ParameterError(f"a denoiser has 1 output, got {self.denoiser.outputs}")

    def to_json(self) -> dict[str, Any]:
        """Return the description as JSON values."""
        values = asdict(self)
        if self.denoiser is None:  # readable by versions that know of no denoiser
            del values["denoiser"]
        return values

    @classmethod
    def read(cls, path: str | Path) -> InpainterMetadata:
        """Read the description from a model file, without its weights.

        Parameters
        ----------
        path : str or Path
            The file.

        Returns
        -------
        InpainterMetadata
            The description.

        Raises
        ------
        ModelFileError
            If the file is missing, damaged, of another version or not an inpainter.
        """
        return cls.from_json(read_model_metadata(path, MODEL_KIND), source=path)

    @classmethod
    def from_json(
        cls, values: dict[str, Any], *, source: str | Path = "a model file"
    ) -> InpainterMetadata:
        """Read the description from JSON values.

        Parameters
        ----------
        values : dict
            What `to_json` gave.
        source : str or Path, optional
            Where they come from, for the error message.

        Returns
        -------
        InpainterMetadata
            The description.

        Raises
        ------
        ModelFileError
            If a value is missing or cannot be.
        """
        try:
            denoiser = values.get("denoiser")  # older files do not have it
            return cls(
                **{
                    **values,
                    "architecture": _architecture(values["architecture"]),
                    "denoiser": None if denoiser is None else _architecture(denoiser),
                }
            )
        except (KeyError, TypeError, ValueError, InpaintAffError) as error:
            raise ModelFileError(
                f"the description of the inpainter in {str(source)!r} is damaged: {error}"
            ) from error


def _architecture(values: Mapping[str, Any]) -> UNetArchitecture:
    return UNetArchitecture(**{**values, "widths": tuple(int(width) for width in values["widths"])})

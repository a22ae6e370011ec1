"""What is known about any model besides its weights; importing this does not import torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self, get_args

from napari_inpaintaff.errors import InpaintAffError, ModelFileError, ParameterError
from napari_inpaintaff.images.normalise import NormalisationKind
from napari_inpaintaff.networks.architecture import UNetArchitecture
from napari_inpaintaff.networks.model_file import read_model_metadata


@dataclass(frozen=True)
class ModelMetadata:
    """Description of a model, stored in its file.

    Attributes
    ----------
    name : str
        Short name, to load it by.
    architecture : UNetArchitecture
        Of the network.
    normalisation : {"fluorescence", "linear"}
        Rule by which images become network input.
    diameter : float
        Typical diameter of the cells it was trained on, in pixels.
    training : dict
        What is known about the training: JSON values.
    denoiser : UNetArchitecture or None
        Of the network that denoises raw images before they are normalised; None if they
        are taken as they are.
    """

    #: What the model is for, as its file says.
    kind: ClassVar[str]

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
        if self.denoiser is not None and self.denoiser.outputs != 1:
            raise ParameterError(f"a denoiser has 1 output, got {self.denoiser.outputs}")

    def to_json(self) -> dict[str, Any]:
        """Return the description as JSON values."""
        values = asdict(self)
        if self.denoiser is None:  # readable by versions that know of no denoiser
            del values["denoiser"]
        return values

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read the description from a model file, without its weights.

        Parameters
        ----------
        path : str or Path
            The file.

        Returns
        -------
        ModelMetadata
            The description.

        Raises
        ------
        ModelFileError
            If the file is missing, damaged, of another version or of another kind.
        """
        return cls.from_json(read_model_metadata(path, cls.kind), source=path)

    @classmethod
    def from_json(cls, values: dict[str, Any], *, source: str | Path = "a model file") -> Self:
        """Read the description from JSON values.

        Parameters
        ----------
        values : dict
            What `to_json` gave.
        source : str or Path, optional
            Where they come from, for the error message.

        Returns
        -------
        ModelMetadata
            The description.

        Raises
        ------
        ModelFileError
            If a value is missing or cannot be.
        """
        try:
            return cls(**cls._parsed(values))
        except (KeyError, TypeError, ValueError, InpaintAffError) as error:
            raise ModelFileError(
                f"the description of the {cls.kind} in {str(source)!r} is damaged: {error}"
            ) from error

    @classmethod
    def _parsed(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of the class from JSON values; may raise what comes."""
        denoiser = values.get("denoiser")  # older files do not have it
        return {
            **values,
            "architecture": UNetArchitecture.from_json(values["architecture"]),
            "denoiser": None if denoiser is None else UNetArchitecture.from_json(denoiser),
        }

"""What is known about a PerturbGAN besides its weights; importing this does not import torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from napari_inpaintaff.errors import InpaintAffError, ModelFileError, ParameterError
from napari_inpaintaff.foreground.perturbgan.architecture import LayeredArchitecture
from napari_inpaintaff.networks.model_file import read_model_metadata

PERTURBGAN_KIND = "perturbgan"


@dataclass(frozen=True)
class PerturbGANMetadata:
    """Description of a PerturbGAN, stored in its model file.

    Attributes
    ----------
    name : str
        Short name, to load it by.
    architecture : LayeredArchitecture
        Of generator, critic and encoder.
    foreground_layer : {"front", "back"}
        Whether the foreground is the layer of the mask, or the one behind it.
    training : dict
        What is known about the training: JSON values.
    """

    kind: ClassVar[str] = PERTURBGAN_KIND

    name: str
    architecture: LayeredArchitecture
    foreground_layer: Literal["front", "back"] = "front"
    training: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not isinstance(self.training, dict):
            raise ParameterError("a model has a name and what is known about its training")
        if self.foreground_layer not in ("front", "back"):
            raise ParameterError(
                f"the foreground is the front or the back layer, got {self.foreground_layer!r}"
            )

    def to_json(self) -> dict[str, Any]:
        """Return the description as JSON values."""
        return asdict(self)

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read the description from a model file, without its weights.

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

        Raises
        ------
        ModelFileError
            If a value is missing or cannot be.
        """
        try:
            architecture = LayeredArchitecture.from_json(values["architecture"])
            return cls(**{**values, "architecture": architecture})
        except (AttributeError, KeyError, TypeError, ValueError, InpaintAffError) as error:
            raise ModelFileError(
                f"the description of the {cls.kind} in {str(source)!r} is damaged: {error}"
            ) from error

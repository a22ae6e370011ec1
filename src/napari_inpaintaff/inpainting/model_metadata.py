"""What is known about any model besides its weights; importing this does not import torch."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self, get_args

from napari_inpaintaff.errors import InpaintAffError, ModelFileError, ParameterError
from napari_inpaintaff.images.normalise import NormalisationKind
from napari_inpaintaff.images.zoom import Zoom
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
        Typical diameter of the cells at the scale of the network, in pixels: images of other
        cells are resampled to fit.
    training : dict
        What is known about the training: JSON values.
    denoiser : UNetArchitecture or None
        Of the network that denoises raw images before they are normalised; None if they
        are taken as they are.
    image_diameter : float or None
        Typical diameter of the cells in the images that it was trained on, in their pixels;
        what images are taken to hold where nobody says another. None means ``diameter``.
    """

    #: What the model is for, as its file says.
    kind: ClassVar[str]

    name: str
    architecture: UNetArchitecture
    normalisation: NormalisationKind = "fluorescence"
    diameter: float = 25.0
    training: dict[str, Any] = field(default_factory=dict)
    denoiser: UNetArchitecture | None = None
    image_diameter: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not isinstance(self.training, dict):
            raise ParameterError("a model has a name and what is known about its training")
        for given in (self.diameter, self.image_diameter):
            if given is not None and not (math.isfinite(given) and given > 0):
                raise ParameterError(f"the cell diameter must be positive, got {given}")
        if self.normalisation not in get_args(NormalisationKind):
            raise ParameterError(
                f"unknown normalisation {self.normalisation!r}; "
                f"use one of {get_args(NormalisationKind)}"
            )
        if self.denoiser is not None and self.denoiser.outputs != 1:
            raise ParameterError(f"a denoiser has 1 output, got {self.denoiser.outputs}")

    def zoom(self, diameter: float | None) -> Zoom:
        """Return the relation between the pixels of an image and those of the network.

        Parameters
        ----------
        diameter : float or None
            Typical diameter of the cells in the image, in pixels; None means that of the
            images that the model was trained on.

        Raises
        ------
        ParameterError
            If the diameter is too far from that of the network.
        """
        own = self.usual_diameter if diameter is None else diameter
        return Zoom.between(self.diameter, own)

    @property
    def usual_diameter(self) -> float:
        """Typical diameter of the cells in the images that it was trained on, in pixels."""
        return self.image_diameter or self.diameter

    def to_json(self) -> dict[str, Any]:
        """Return the description as JSON values."""
        values = asdict(self)
        for name in ("denoiser", "image_diameter"):  # readable by versions that know of none
            if values[name] is None:
                del values[name]
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
        denoiser, given = (values.get(name) for name in ("denoiser", "image_diameter"))
        return {
            **values,
            "architecture": UNetArchitecture.from_json(values["architecture"]),
            "denoiser": None if denoiser is None else UNetArchitecture.from_json(denoiser),
            "image_diameter": None if given is None else float(given),
        }

"""What is known about a trained ReDO besides its weights; torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from napari_inpaintaff.errors import InpaintAffError, ModelFileError, ParameterError
from napari_inpaintaff.foreground.redo.architecture import ReDOArchitecture

REDO_KIND = "redo"


@dataclass(frozen=True)
class ReDOMetadata:
    """Description of a trained mask network, stored in its model file.

    Attributes
    ----------
    name : str
        Short name.
    architecture : ReDOArchitecture
        Of the networks that it was trained with.
    background : int
        Which region is the background; all others are foreground.
    training : dict
        Images, steps, restarts, minutes, seed, what the regions cover, and whether the run has
        collapsed, as far as known.
    """

    name: str
    architecture: ReDOArchitecture
    background: int
    training: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not isinstance(self.training, dict):
            raise ParameterError("a model has a name and what is known about its training")
        if type(self.background) is not int or not (
            0 <= self.background < self.architecture.regions
        ):
            raise ParameterError(
                f"the background is one of the regions 0 to {self.architecture.regions - 1}, "
                f"got {self.background!r}"
            )

    @property
    def collapsed(self) -> bool:
        """Whether the training says that it ended with masks that are empty or full."""
        return bool(self.training.get("collapsed"))

    def to_json(self) -> dict[str, Any]:
        """Return the description as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any], *, source: str | Path = "a model file") -> Self:
        """Read the description from JSON values.

        Raises
        ------
        ModelFileError
            If a value is missing or cannot be.
        """
        try:
            architecture = ReDOArchitecture.from_json(values["architecture"])
            return cls(**{**values, "architecture": architecture})
        except (KeyError, TypeError, ValueError, AttributeError, InpaintAffError) as error:
            raise ModelFileError(
                f"the description of the {REDO_KIND} in {str(source)!r} is damaged: {error}"
            ) from error

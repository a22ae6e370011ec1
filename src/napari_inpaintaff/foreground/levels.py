"""What a foreground has to know of a whole plane, before parts of it are looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from napari_inpaintaff.foreground.otsu import OtsuLevels
from napari_inpaintaff.foreground.outline_share import OutlineLevels
from napari_inpaintaff.images.normalise import ModelNormalisation, Normalisation


@dataclass(frozen=True)
class ForegroundLevels:
    """What a foreground has to know of a whole plane: numbers that can be stored.

    Attributes
    ----------
    method : str
        What they are for: a name in `FOREGROUND_METHODS`, ``"fgnet"`` or ``"given"``.
    constant : bool
        Whether the plane has no contrast, so that a threshold finds nothing.
    denoising : Normalisation or None
        How intensities enter the denoiser of the model that separates the cells.
    otsu : OtsuLevels or None
        Of ``"otsu"``.
    threshold : float or None
        Of ``"global_otsu"``: an intensity.
    normalisation : ModelNormalisation or None
        Of a foreground network.
    highest : float or None
        Of a foreground network: its highest probability.
    outlines : OutlineLevels or None
        Whether outlines are moved, and what that takes; None if they stay.
    """

    method: str
    constant: bool = False
    denoising: Normalisation | None = None
    otsu: OtsuLevels | None = None
    threshold: float | None = None
    normalisation: ModelNormalisation | None = None
    highest: float | None = None
    outlines: OutlineLevels | None = None

    def to_json(self) -> dict[str, Any]:
        """Return them as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> ForegroundLevels:
        """Read them from what `to_json` gave."""
        builders: dict[str, Callable[[dict[str, Any]], object]] = {
            "denoising": lambda given: Normalisation(**given),
            "otsu": lambda given: OtsuLevels(**given),
            "normalisation": ModelNormalisation.from_json,
            "outlines": lambda given: OutlineLevels(**given),
        }
        built = {
            name: build(values[name])
            for name, build in builders.items()
            if values.get(name) is not None
        }
        return cls(**{**values, **built})

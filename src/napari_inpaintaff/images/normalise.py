"""Intensities as the networks see them: robust, affine-invariant, one rule per image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_otsu

from napari_inpaintaff.errors import ImageError, ParameterError

NormalisationKind = Literal["fluorescence", "linear"]

_SMALLEST_UNIT = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class Normalisation:
    """How the intensities of one image become network input.

    ``fluorescence`` is ``log(1 + max(I - pedestal, 0) / unit)``: brightness varies by
    factors from cell to cell, and whatever lies below the pedestal is noise that must
    not be split into regions, so it is flattened. ``linear`` is ``(I - pedestal) / unit``.

    Attributes
    ----------
    kind : {"fluorescence", "linear"}
        Which of the two rules.
    pedestal, unit : float
        In the units of the image; ``unit`` is positive.
    """

    kind: NormalisationKind
    pedestal: float
    unit: float

    def __post_init__(self) -> None:
        if self.kind not in get_args(NormalisationKind):
            raise ParameterError(
                f"unknown normalisation {self.kind!r}; use one of {get_args(NormalisationKind)}"
            )
        if not self.unit > 0:
            raise ParameterError(f"the unit of a normalisation must be positive, got {self.unit}")

    def apply(self, image: NDArray[np.generic]) -> NDArray[np.float32]:
        """Normalise an image of any shape.

        Parameters
        ----------
        image : ndarray
            Raw intensities; NaN marks unknown pixels.

        Returns
        -------
        ndarray of float32
            Same shape; NaN where the intensity is not finite. Background is near 0, a
            typical nucleus near 2 (fluorescence).
        """
        values = (image.astype(np.float64) - self.pedestal) / self.unit
        if self.kind == "fluorescence":
            values = np.log1p(np.maximum(values, 0.0))
        values[~np.isfinite(image)] = np.nan
        return values.astype(np.float32)


@dataclass(frozen=True)
class ModelNormalisation(Normalisation):
    """How the intensities of one image become input of a model that may denoise them first.

    Attributes
    ----------
    denoising : Normalisation or None
        How they enter the denoiser; None if the model has none.
    """

    denoising: Normalisation | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> ModelNormalisation:
        """Read it from what `to_json` gave."""
        denoising = values.get("denoising")
        given = None if denoising is None else Normalisation(**denoising)
        return cls(values["kind"], values["pedestal"], values["unit"], given)


def known_intensities(
    image: NDArray[np.generic] | Sequence[NDArray[np.generic]],
) -> NDArray[np.float64]:
    """Return the finite intensities of an image, or of several windows of one, in one row.

    Raises
    ------
    ImageError
        If there is none.
    """
    windows: Sequence[NDArray[Any]] = [image] if isinstance(image, np.ndarray) else image
    values = [window[np.isfinite(window)].astype(np.float64) for window in windows]
    known = values[0] if len(values) == 1 else np.concatenate([*values, np.zeros(0)])
    if known.size == 0:
        raise ImageError("the image has no finite pixel; nothing can be computed from it")
    return known


def estimate_normalisation(
    image: NDArray[np.generic] | Sequence[NDArray[np.generic]],
    kind: NormalisationKind = "fluorescence",
) -> Normalisation:
    """Estimate the normalisation of an image from its own intensities.

    Parameters
    ----------
    image : ndarray or sequence of ndarray
        Raw intensities of one plane (or several of the same kind), or of windows that stand
        for it (see `sample_windows`); NaN is ignored.
    kind : {"fluorescence", "linear"}, optional
        ``fluorescence``: the pedestal is one noise standard deviation above the median of
        the pixels below Otsu's threshold; the unit is a tenth of the distance from there to
        the median of the pixels above it, but at least three noise standard deviations.
        The noise is 1.4826 times the median absolute deviation; a hundredth of a percent
        of the pixels at either end, at least one, does not move the threshold.
        ``linear``: median and 1.4826 times the median absolute deviation.

    Returns
    -------
    Normalisation
        For a plane of one value the unit is 1, which maps it to 0.

    Raises
    ------
    ImageError
        If no pixel is finite.
    """
    values = known_intensities(image)
    if values.min() == values.max():
        return Normalisation(kind, float(values[0]), 1.0)
    if kind == "linear":
        centre = float(np.median(values))
        spread = _spread(values, centre) or float(values.std())
        return Normalisation(kind, centre, max(spread, _SMALLEST_UNIT))
    bright = _above_otsu(values)
    low = values[~bright]
    background = float(np.median(low))
    contrast = float(np.median(values[bright])) - background
    noise = _spread(low, background)
    unit = max(0.1 * contrast, 3.0 * noise, _SMALLEST_UNIT)
    return Normalisation(kind, background + noise, unit)


def _above_otsu(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which of the values, two different ones at least, lie above Otsu's threshold."""
    # A few hot pixels would otherwise pass for the foreground, and the cells for noise.
    ignored = max(1, values.size // 10_000)
    low, high = float(values.min()), float(values.max())
    if values.size > 2 * ignored:
        inner = np.partition(values, (ignored, -1 - ignored))
        if inner[ignored] < inner[-1 - ignored]:
            low, high = float(inner[ignored]), float(inner[-1 - ignored])
    # In units of the range: the histogram of a tiny range on a large offset has no bins.
    relative = (np.clip(values, low, high) - low) / (high - low)
    bright: NDArray[np.bool_] = relative > threshold_otsu(relative)
    return bright


def _spread(values: NDArray[np.float64], centre: float) -> float:
    return 1.4826 * float(np.median(np.abs(values - centre)))

"""How a network is trained on masks of inpainting error maximisation; torch-free."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ModelFileError, ParameterError

IEM_NETWORK_KIND = "iem-network"
_WIDEST, _LARGEST_SIDE = 512, 4096


@dataclass(frozen=True)
class IEMNetworkTraining:
    """How to train a network on masks of IEM; the defaults are those of Savarese et al. 2021.

    Attributes
    ----------
    side : int
        Height and width of the pictures that it learns from, in pixels: a multiple of 8,
        at least 24.
    epochs : int
        How often it sees every picture.
    batch : int
        Pictures per step; fewer where there are fewer.
    learning_rate : float
        Of Adam, constant.
    masks : int
        At most so many masks are learned from: those with the highest inpainting error.
    part : float in (0, 1]
        At most this part of all masks.
    width : int
        Channels of the network, which the publication does not say.
    refine : bool
        Whether IEM begins once more with the masks that the network predicts.
    seed : int
        Of weights, order and mirroring.
    """

    side: int = 128
    epochs: int = 50
    batch: int = 128
    learning_rate: float = 1e-3
    masks: int = 8000
    part: float = 0.8
    width: int = 32
    refine: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.side < 24 or self.side % 8:
            raise ParameterError(
                f"the side must be a multiple of 8 pixels and at least 24, got {self.side}"
            )
        for name in ("epochs", "batch", "masks", "width"):
            if getattr(self, name) < 1:
                raise ParameterError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ParameterError(f"the learning rate must be above 0, got {self.learning_rate}")
        if not 0 < self.part <= 1:
            raise ParameterError(
                f"the part of the masks must be above 0 and at most 1, got {self.part}"
            )

    def best(self, errors: NDArray[np.float32]) -> NDArray[np.intp]:
        """Return which masks are learned from.

        Parameters
        ----------
        errors : ndarray of float32, shape (N,)
            Their inpainting errors.

        Returns
        -------
        ndarray of int
            In their order; those of error 0, which have lost a side, are never among them.
        """
        count = max(1, min(self.masks, round(self.part * len(errors))))
        first = np.argsort(-errors, kind="stable")[:count]
        return np.sort(first[errors[first] > 0])


@dataclass(frozen=True)
class IEMNetworkUpdate:
    """Where a training stands.

    Attributes
    ----------
    phase : {"masks", "network"}
        Whether IEM finds masks, or the network learns from them.
    done, total : int
        Pictures with a mask, or epochs.
    loss : float
        Mean binary cross-entropy of the epoch; NaN while masks are found.
    pictures : ndarray of float32, shape (K, C, Y, X)
        A few of those that are learned from, in standard deviations; empty while masks are found.
    masks : ndarray of bool, shape (K, Y, X)
        Their masks by IEM.
    probabilities : ndarray of float32, shape (K, Y, X)
        What the network says of them now.
    """

    phase: str
    done: int
    total: int
    loss: float = math.nan
    pictures: NDArray[np.float32] = field(
        default_factory=lambda: np.zeros((0, 1, 0, 0), np.float32)
    )
    masks: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 0, 0), bool))
    probabilities: NDArray[np.float32] = field(
        default_factory=lambda: np.zeros((0, 0, 0), np.float32)
    )

    @property
    def rows(self) -> list[NDArray[np.float32]]:
        """Pictures, masks and probabilities, for `sample_rows`; none while masks are found."""
        if not len(self.pictures):
            return []
        low = self.pictures.min(axis=(1, 2, 3), keepdims=True)
        high = self.pictures.max(axis=(1, 2, 3), keepdims=True)
        shown = (self.pictures - low) / np.maximum(high - low, np.finfo(np.float32).tiny)
        masks = self.masks[:, None].astype(np.float32)
        return [shown, masks, self.probabilities[:, None]]


@dataclass(frozen=True)
class IEMNetworkMetadata:
    """Description of such a network, stored in its model file.

    Attributes
    ----------
    name : str
        To load it by.
    side : int
        Side of the pictures that it has learned from, in pixels.
    channels : int
        1 or 3.
    width : int
        Channels within the network.
    refine : bool
        Whether IEM begins once more with its masks.
    training : dict
        Data, pictures, epochs and so on: JSON values.
    """

    name: str
    side: int
    channels: int
    width: int
    refine: bool = False
    training: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        numbers = (self.side, self.channels, self.width)
        if not all(isinstance(number, int) for number in numbers) or self.channels not in (1, 3):
            raise ParameterError(f"there can be no such network: {numbers}")
        if not (24 <= self.side <= _LARGEST_SIDE and 1 <= self.width <= _WIDEST):
            raise ParameterError(f"there can be no such network: {numbers}")
        if not isinstance(self.training, dict) or not isinstance(self.name, str):
            raise ParameterError("a model has a name and what is known about its training")

    def to_json(self) -> dict[str, Any]:
        """Return the description as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any], *, source: str | Path) -> Self:
        """Read the description from JSON values.

        Raises
        ------
        ModelFileError
            If a value is missing or cannot be.
        """
        try:
            return cls(**values)
        except (TypeError, ParameterError) as error:
            raise ModelFileError(
                f"the description of the network in {str(source)!r} is damaged: {error}"
            ) from error

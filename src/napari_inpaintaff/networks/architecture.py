"""The shapes of networks, without the networks: importing this does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from napari_inpaintaff.errors import ParameterError

UNetKind = Literal["plain", "partial", "pix2pix"]

# Far above anything useful: what a damaged file asks for beyond must not be built.
_MOST_LEVELS = 16
_MOST_WIDTH = 2**14
_MOST_STEM = 64


@dataclass(frozen=True)
class UNetArchitecture:
    """The shape of a U-Net.

    Attributes
    ----------
    kind : {"plain", "partial", "pix2pix"}
        Ordinary convolutions with the mask as a second input channel, partial convolutions
        (Liu et al. 2018), or the ordinary ones of pix2pix (Isola et al. 2017), of which the
        first halves the size already.
    widths : tuple of int
        Feature maps of every level, from the finest to the coarsest.
    stem : int
        Side of the blocks that a plain network folds into channels before its first
        convolution (space to depth); 1 folds nothing. The others have 1.
    outputs : int
        Output channels.
    batch_norm : bool
        Batch normalisation after the convolutions of a partial network or that of pix2pix,
        as in the papers; plain networks have none.
    """

    kind: UNetKind
    widths: tuple[int, ...]
    stem: int = 1
    outputs: int = 2
    batch_norm: bool = False

    def __post_init__(self) -> None:
        if self.kind not in get_args(UNetKind):
            raise ParameterError(f"unknown U-Net {self.kind!r}; use one of {get_args(UNetKind)}")
        if len(self.widths) < 2 or min(self.widths) < 1:
            raise ParameterError(f"a U-Net needs two or more positive widths, got {self.widths}")
        if self.stem < 1 or (self.kind != "plain" and self.stem != 1):
            raise ParameterError(f"a {self.kind} U-Net cannot have a stem of {self.stem}")
        if self.kind == "plain" and self.batch_norm:
            raise ParameterError("a plain U-Net has no batch normalisation")
        if self.outputs < 1:
            raise ParameterError(f"a U-Net needs an output channel, got {self.outputs}")
        if len(self.widths) > _MOST_LEVELS or max(*self.widths, self.outputs) > _MOST_WIDTH:
            raise ParameterError(
                f"a U-Net has at most {_MOST_LEVELS} widths and {_MOST_WIDTH} channels"
            )
        if self.stem > _MOST_STEM:
            raise ParameterError(f"a U-Net has a stem of at most {_MOST_STEM}, got {self.stem}")

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Build the architecture that `dataclasses.asdict` described as JSON values.

        Raises
        ------
        ParameterError
            If a value cannot be.
        KeyError, TypeError, ValueError
            If one is missing, unknown or of another type.
        """
        architecture = cls(**{**values, "widths": tuple(values["widths"])})
        numbers = (*architecture.widths, architecture.stem, architecture.outputs)
        if not all(type(number) is int for number in numbers):
            raise ParameterError(f"the shape of a U-Net is whole numbers, got {numbers}")
        if not isinstance(architecture.batch_norm, bool):
            raise ParameterError(f"batch_norm is true or false, got {architecture.batch_norm!r}")
        return architecture

    @property
    def stride(self) -> int:
        """Side lengths of the input must be multiples of this."""
        halvings = len(self.widths) - (self.kind != "pix2pix")
        return self.stem << halvings

"""The shapes of the networks of ReDO, without the networks; torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from napari_inpaintaff.errors import ParameterError

#: Side of what generators begin with and critics end with.
COARSEST = 4

# Far above anything useful: what a damaged file asks for beyond must not be built.
_MOST_WIDTH = 2**12
_MOST_SIDE = 1024
_MOST_BLOCKS = 32


@dataclass(frozen=True)
class ReDOArchitecture:
    """The shapes of the four networks of ReDO (Chen et al. 2019, supplement).

    Attributes
    ----------
    side : int
        Of the square images, in pixels: a power of 2, 16 or more.
    channels : int
        Of the images: 1 grey, 3 colour.
    regions : int
        Into which an image is divided, background included: 2 or 3.
    code : int
        Length of the latent vector z of a region.
    mask_width : int
        Feature maps of the first convolution of the mask network; doubled by each of two
        halvings (Table 2: 16).
    mask_blocks : int
        Residual blocks of the mask network (Table 2: 3).
    mask_step : {1, 2}
        Masks are computed for every pixel (1, Table 2), or for squares of 2 by 2 pixels and
        enlarged linearly, which is faster and knows no textures of single pixels.
    widths : tuple of int
        Feature maps of discriminator and encoder from the finest level, at half the side, to
        the coarsest, of 4 by 4 pixels (Table 3: 64, 128, 256, 512, 1024).
    generator_widths : tuple of int
        Feature maps of a generator from the coarsest level to the finest, of the whole side:
        one more than ``widths``.
    attention : int
        Side of the feature maps to which discriminator, encoder and generators apply
        self-attention (Table 3: 64).
    """

    side: int = 32
    channels: int = 3
    regions: int = 2
    code: int = 24
    mask_width: int = 8
    mask_blocks: int = 3
    mask_step: int = 2
    widths: tuple[int, ...] = (16, 32, 64)
    generator_widths: tuple[int, ...] = (64, 32, 16, 16)
    attention: int = 8

    def __post_init__(self) -> None:
        if self.side < 4 * COARSEST or self.side & (self.side - 1) or self.side > _MOST_SIDE:
            raise ParameterError(
                f"the side of the images is a power of 2 from 16 to {_MOST_SIDE}, got {self.side}"
            )
        if self.channels not in (1, 3):
            raise ParameterError(f"images have 1 channel or 3, got {self.channels}")
        if self.regions not in (2, 3):
            raise ParameterError(f"an image has 2 or 3 regions, got {self.regions}")
        if self.mask_step not in (1, 2):
            raise ParameterError(f"masks have a step of 1 or 2 pixels, got {self.mask_step}")
        if not 0 <= self.mask_blocks <= _MOST_BLOCKS:
            raise ParameterError(
                f"a mask network has 0 to {_MOST_BLOCKS} residual blocks, got {self.mask_blocks}"
            )
        sizes = (self.code, self.mask_width, *self.widths, *self.generator_widths)
        if min(sizes) < 1 or max(sizes) > _MOST_WIDTH:
            raise ParameterError(f"widths and the code are 1 to {_MOST_WIDTH}, got {sizes}")
        if len(self.widths) != self.halvings or len(self.generator_widths) != self.halvings + 1:
            raise ParameterError(
                f"images of {self.side} pixels need {self.halvings} widths and "
                f"{self.halvings + 1} generator widths, got {len(self.widths)} and "
                f"{len(self.generator_widths)}"
            )

        if self.attention not in (self.side >> level for level in range(1, self.halvings)):
            raise ParameterError(
                f"attention has a side of half {self.side} pixels or less, above {COARSEST}, "
                f"got {self.attention}"
            )

    @property
    def halvings(self) -> int:
        """How often an image is halved until it is 4 by 4 pixels."""
        return (self.side // COARSEST).bit_length() - 1

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
        pairs = {name: tuple(values[name]) for name in ("widths", "generator_widths")}
        architecture = cls(**{**values, **pairs})
        numbers = [number for name, number in values.items() if name not in pairs]
        numbers += [*architecture.widths, *architecture.generator_widths]
        if not all(type(number) is int for number in numbers):
            raise ParameterError(f"the shape of a network is whole numbers, got {numbers}")
        return architecture


def paper_architecture(
    *, side: int = 128, channels: int = 3, regions: int = 2, generator_width: int = 32
) -> ReDOArchitecture:
    """Return the networks of the supplement (Tables 2 and 3), for images of any side.

    Parameters
    ----------
    side : int, optional
        128 in the publication. Smaller images leave out the coarsest levels.
    channels, regions : int, optional
        See `ReDOArchitecture`.
    generator_width : int, optional
        Feature maps of the finest level of a generator: 64 for LFW and coloured digits, 32 for
        CUB and Flowers in the publication, which prints no table of them. They mirror the
        discriminator here.
    """
    halvings = (max(side, COARSEST) // COARSEST).bit_length() - 1
    rising = [2**level for level in range(halvings)]
    return ReDOArchitecture(
        side=side,
        channels=channels,
        regions=regions,
        code=32,
        mask_width=16,
        mask_blocks=3,
        mask_step=1,
        widths=tuple(64 * factor for factor in rising),
        generator_widths=tuple(generator_width * factor for factor in [*rising[::-1], 1]),
        attention=side // 2,
    )


def small_architecture(*, side: int = 32, channels: int = 3, regions: int = 2) -> ReDOArchitecture:
    """Return narrow networks, for a CPU.

    Parameters
    ----------
    side, channels, regions : int, optional
        See `ReDOArchitecture`.
    """
    halvings = (max(side, COARSEST) // COARSEST).bit_length() - 1
    widths = [min(16 * 2**level, 64) for level in range(halvings)]
    return ReDOArchitecture(
        side=side,
        channels=channels,
        regions=regions,
        widths=tuple(widths),
        generator_widths=(*widths[::-1], 16),
        attention=8,
    )

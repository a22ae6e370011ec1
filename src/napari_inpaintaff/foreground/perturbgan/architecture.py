"""The size of the networks of PerturbGAN; importing this does not import torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from napari_inpaintaff.errors import ParameterError

#: Side of the constant that every image grows from, and of the first images that are trained.
SEED_SIDE, FIRST_SIDE = 4, 8
_LARGEST_SIDE = 256


@dataclass(frozen=True)
class LayeredArchitecture:
    """The networks of a PerturbGAN: layered generator, critic and encoder.

    The publication has 512 feature maps, codes of 512 values and eight mapping layers. These are
    narrower, so that they learn on a CPU, too.

    Attributes
    ----------
    side : int
        Side of the images, a power of two from 8 to 256.
    channels : int
        Of the images: 1 or 3.
    code : int
        Values of a latent code.
    narrow : int
        Feature maps at the full side; each halving of the side doubles them.
    widest : int
        Never more feature maps than these.
    mapping : int
        Layers of the network from latent codes to styles.
    generators : int
        2: one of the background, one of foreground and mask. 1: a single one of all three
        (Table 1, row g).
    """

    side: int = 32
    channels: int = 3
    code: int = 64
    narrow: int = 24
    widest: int = 64
    mapping: int = 4
    generators: int = 2

    def __post_init__(self) -> None:
        side = self.side
        if not FIRST_SIDE <= side <= _LARGEST_SIDE or side & (side - 1):
            raise ParameterError(
                f"the side must be a power of two from {FIRST_SIDE} to {_LARGEST_SIDE}, got {side}"
            )
        if self.channels not in (1, 3):
            raise ParameterError(f"images have 1 or 3 channels, got {self.channels}")
        if self.generators not in (1, 2):
            raise ParameterError(f"there are 1 or 2 generators, got {self.generators}")
        if min(self.code, self.narrow, self.widest, self.mapping) < 1:
            raise ParameterError("networks need at least one value, feature map and layer")

    @property
    def sides(self) -> tuple[int, ...]:
        """Sides of the scales of the generator: 4, 8 ... ``side``."""
        return tuple(2**k for k in range(2, self.side.bit_length()))

    @property
    def codes(self) -> int:
        """Codes that one image consists of: two for every scale of every generator."""
        return 2 * len(self.sides) * self.generators

    def width(self, side: int) -> int:
        """Return the feature maps of the scale with this side."""
        return min(self.widest, self.narrow * self.side // side)

    def to_json(self) -> dict[str, Any]:
        """Return the values as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read what `to_json` gave; raises ParameterError, TypeError or ValueError."""
        return cls(**{name: int(value) for name, value in values.items()})

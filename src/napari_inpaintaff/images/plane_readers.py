"""Reading the planes of one channel, or of several that are combined, in part or whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.images.layout import Layout
from napari_inpaintaff.images.normalise import Normalisation, estimate_normalisation
from napari_inpaintaff.images.pixels import Pixels
from napari_inpaintaff.images.regions import Region

#: Planes of more pixels are normalised by what is seen in blocks that lie evenly in them.
_LARGEST_SEEN_WHOLE = 2**22
_BLOCKS_PER_AXIS, _BLOCK = 8, 256


class ChannelReader(Protocol):
    """What the planes of one image are read with."""

    @property
    def layout(self) -> Layout:
        """Axes and shape."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the intensities, in the byte order of this machine."""
        ...

    def read(self, position: tuple[int, ...], region: Region | None = None) -> NDArray[Any]:
        """Read a plane, or a region of it, at a position along the leading axes."""
        ...


@dataclass(frozen=True)
class OneChannel:
    """The planes of one channel, as they are in the file."""

    pixels: Pixels
    layout: Layout

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the intensities, in the byte order of this machine."""
        return np.dtype(self.pixels.dtype).newbyteorder("=")

    def read(self, position: tuple[int, ...], region: Region | None = None) -> NDArray[Any]:
        """Read a plane, or a region of it, at a position along the leading axes."""
        return self.layout.read(self.pixels, position, region)


@dataclass(frozen=True)
class CombinedChannels:
    """The mean of several channels, each normalised so that none drowns the others.

    From every channel of a plane its background (the pedestal of `estimate_normalisation`,
    found with Otsu's threshold, medians and median absolute deviations) is subtracted, and the
    rest is divided by its unit: a tenth of the contrast of what is bright in it, or three
    standard deviations of its noise where that is more. The cells of every channel are thus
    about equally bright, and a channel that holds nothing but noise adds next to nothing.

    The numbers are those of the whole plane, whichever region of it is read; of planes of more
    than four million pixels they are those of 64 blocks that lie evenly in it.
    """

    pixels: Pixels
    layouts: tuple[Layout, ...]
    _rules: dict[tuple[int, ...], list[Normalisation]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @property
    def layout(self) -> Layout:
        """Axes and shape, which are those of every channel."""
        return self.layouts[0]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the mean."""
        return np.dtype(np.float32)

    def read(self, position: tuple[int, ...], region: Region | None = None) -> NDArray[Any]:
        """Read a plane, or a region of it, at a position along the leading axes."""
        if position not in self._rules:
            self._rules[position] = [self._rule(layout, position) for layout in self.layouts]
        total: NDArray[Any] | np.float32 = np.float32(0)
        for layout, rule in zip(self.layouts, self._rules[position], strict=True):
            values = layout.read(self.pixels, position, region)
            # Numbers of two bytes are exact in single precision, which takes half the memory.
            kind = np.float32 if values.dtype.itemsize <= 2 else np.float64
            exact: NDArray[np.floating[Any]] = values.astype(kind)
            total = total + ((exact - rule.pedestal) / rule.unit).astype(np.float32)
        return np.asarray(total / np.float32(len(self.layouts)))

    def _rule(self, layout: Layout, position: tuple[int, ...]) -> Normalisation:
        parts = [
            layout.read(self.pixels, position, region).ravel()
            for region in _seen(layout.shape[-2], layout.shape[-1])
        ]
        seen = np.concatenate(parts)
        if not np.isfinite(seen).any():
            return Normalisation("linear", 0.0, 1.0)
        return estimate_normalisation(seen)


def _seen(height: int, width: int) -> list[Region]:
    """Return the parts of a plane by which it is normalised."""
    if height * width <= _LARGEST_SEEN_WHOLE:
        return [(slice(0, height), slice(0, width))]
    starts = (
        np.linspace(0, max(0, size - _BLOCK), _BLOCKS_PER_AXIS).astype(int).tolist()
        for size in (height, width)
    )
    rows, columns = (
        [slice(start, min(start + _BLOCK, size)) for start in sorted(set(places))]
        for places, size in zip(starts, (height, width), strict=True)
    )
    return [(y, x) for y in rows for x in columns]

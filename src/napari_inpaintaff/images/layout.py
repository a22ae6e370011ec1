"""What a file holds, and where the image of one channel lies among its axes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images.axes import CANONICAL_AXES
from napari_inpaintaff.images.pixels import Pixels
from napari_inpaintaff.images.regions import Region, check_region

#: Axes that hold channels: C (fluorescence channels) and S (samples of a colour).
_CHANNEL_AXES = "CS"

#: How tifffile calls axes without a meaning: an image sequence, and any other.
_UNNAMED_AXES = "IQ"

#: What else axes are called, for messages.
_OTHER_AXES = {"A": "angle", "E": "wavelength", "H": "lifetime", "L": "exposure", "M": "mosaic"}
_OTHER_AXES |= {"P": "position", "R": "tile", "V": "event"}


@dataclass(frozen=True)
class RawImage:
    """What a file holds, with the axes as the file names them.

    Attributes
    ----------
    data : Pixels
        The pixels of the file: an array, or what reads one from the file.
    axes : str
        One letter per dimension, as tifffile names them: Y, X, T, Z, C (channels), S (samples
        of a colour), I and Q (a dimension that the file does not name); others have meanings
        that no image in this program has.
    scale, units : dict of str to float, dict of str to str
        The known physical scales of axes and their units.
    files : frozenset of pathlib.Path
        Other files that belong to the same image.
    channels : tuple of str
        Names of the channels, where the file gives them; one per channel, or none.
    """

    data: Pixels
    axes: str
    scale: dict[str, float]
    units: dict[str, str]
    files: frozenset[Path] = frozenset()
    channels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """Where the image of one channel lies among the dimensions of a file.

    Attributes
    ----------
    axes : str
        Those of the image, a subset of ``"TZYX"`` in that order.
    shape : tuple of int
        Of the image.
    dimensions : tuple of int
        Which dimension of the file each axis is.
    fixed : tuple of (int, int)
        The other dimensions of the file, and the index to take there.
    """

    axes: str
    shape: tuple[int, ...]
    dimensions: tuple[int, ...]
    fixed: tuple[tuple[int, int], ...]

    def read(
        self,
        pixels: Pixels,
        position: tuple[int, ...] = (),
        region: Region | None = None,
    ) -> NDArray[Any]:
        """Read the image, or a part of it; no more of the file is read than it needs.

        Parameters
        ----------
        pixels : Pixels
            Of the file.
        position : tuple of int, optional
            Index along the first axes.
        region : tuple of (slice, slice), optional
            Rows and columns, all of them if not given.

        Returns
        -------
        ndarray
            Contiguous, with the remaining axes of the image.

        Raises
        ------
        ParameterError
            If the region is empty or reaches outside the image.
        """
        index: list[int | slice] = [slice(None)] * len(pixels.shape)
        for dimension, place in self.fixed:
            index[dimension] = place
        for dimension, place in zip(self.dimensions, position, strict=False):
            index[dimension] = place
        if region is not None:
            index[self.dimensions[-2]], index[self.dimensions[-1]] = check_region(
                region, self.shape
            )
        kept = self.dimensions[len(position) :]
        data = np.asarray(pixels[tuple(index)])
        data = data.transpose([sorted(kept).index(dimension) for dimension in kept])
        # Big-endian files exist, and torch takes only the byte order of the machine.
        return np.ascontiguousarray(data, dtype=data.dtype.newbyteorder("="))


def find_layout(raw: RawImage, *, channel: int | None, where: str) -> Layout:
    """Find the axes of an image without reading it.

    Axes of length one other than Y and X are dropped. One axis that the file does not
    name (a plain multi-page TIFF) is taken for time, unless a channel is asked for and no
    axis is named as channels: then it holds the channels. More unnamed axes are an error.

    Parameters
    ----------
    raw : RawImage
        The content of a file.
    channel : int or None
        Which channel to keep, counted from 0. None is right for a single channel only.
    where : str
        The file, for messages.

    Raises
    ------
    ImageError
        If the image is empty, its axes are ambiguous or the channel is missing or wrong.
    """
    shape = raw.data.shape
    if 0 in shape or "Y" not in raw.axes or "X" not in raw.axes:
        raise ImageError(f"{where} holds an empty image (shape {shape}, no pixels)")
    kept = [d for d, axis in enumerate(raw.axes) if axis in "YX" or shape[d] > 1]
    fixed = [(d, 0) for d in range(len(shape)) if d not in kept]
    axes = _name_unknown_axis(
        "".join(raw.axes[d] for d in kept),
        tuple(shape[d] for d in kept),
        channel=channel,
        where=where,
    )
    dimension = dict(zip(axes, kept, strict=True))
    for axis in _CHANNEL_AXES:
        if axis in dimension:
            _check_channel(raw, axes, shape[dimension[axis]], channel=channel, where=where)
            fixed.append((dimension.pop(axis), channel or 0))
    if channel and not has_channels(axes):
        raise ImageError(f"{where} has one channel, number 0: there is no channel {channel}")
    ordered = "".join(axis for axis in CANONICAL_AXES if axis in dimension)
    dimensions = tuple(dimension[axis] for axis in ordered)
    return Layout(ordered, tuple(shape[d] for d in dimensions), dimensions, tuple(fixed))


def called(raw: RawImage) -> str:
    """Return how the channels are called, for messages; empty where they have no names."""
    return f" ({', '.join(raw.channels)})" if raw.channels else ""


def channel_count(raw: RawImage) -> int:
    """Return how many channels an image has, those of a colour included."""
    lengths = zip(raw.axes, raw.data.shape, strict=True)
    return max((size for axis, size in lengths if has_channels(axis)), default=1)


def has_channels(axes: str) -> bool:
    """Return whether one of the axes holds channels."""
    return any(axis in axes for axis in _CHANNEL_AXES)


def _name_unknown_axis(
    axes: str, shape: tuple[int, ...], *, channel: int | None, where: str
) -> str:
    known = CANONICAL_AXES + _CHANNEL_AXES + _UNNAMED_AXES
    other = [axis for axis in axes if axis not in known]
    if other:
        called = ", ".join(_OTHER_AXES.get(axis, axis) for axis in other)
        raise ImageError(
            f"{where} has an axis that is neither time, depth nor channels ({called}): "
            "save one of its images as its own file"
        )
    unknown = [axis for axis in axes if axis in _UNNAMED_AXES]
    if not unknown and len(set(axes)) == len(axes):
        return axes
    meaning = "C" if channel is not None and not has_channels(axes) else "T"
    if len(unknown) != 1 or meaning in axes:
        raise ImageError(
            f"{where} has the shape {shape} and does not say which axes these are "
            f"({axes}): save it as OME-TIFF or ImageJ TIFF with named axes"
        )
    return axes.replace(unknown[0], meaning)


def _check_channel(
    raw: RawImage, axes: str, count: int, *, channel: int | None, where: str
) -> None:
    if all(axis in axes for axis in _CHANNEL_AXES):
        raise ImageError(
            f"{where} has several channels that are colour images themselves "
            f"(axes {axes}): save one of them as a single-channel image"
        )
    if channel is None:
        kind = "a colour image" if "S" in axes else "an image"
        raise ImageError(
            f"{where} is {kind} of {count} channels{called(raw)}: choose one of them, "
            f"0 to {count - 1} (--channel on the command line)"
        )
    if not 0 <= channel < count:
        raise ImageError(
            f"{where} has {count} channels, numbered 0 to {count - 1}{called(raw)}: "
            f"there is no channel {channel}"
        )

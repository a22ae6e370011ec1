"""Choosing one channel of an image, by number or name, or combining several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.images.axes import CANONICAL_AXES, ImageData
from napari_inpaintaff.images.layout import Layout, RawImage, called, channel_count, find_layout
from napari_inpaintaff.images.memory import check_fits_memory
from napari_inpaintaff.images.plane_readers import ChannelReader, CombinedChannels, OneChannel
from napari_inpaintaff.images.units import UNKNOWN_UNIT

#: A channel by number (from 0) or name, or several of them to be combined; as a text such as
#: ``"0+2"`` or ``"DAPI+GFP"``, too.
ChannelChoice: TypeAlias = int | str | Sequence[int | str]


def parse_channel(text: str) -> int | str:
    """Read a channel as people write it: ``2``, ``DAPI``, ``0+2`` or ``DAPI+GFP``.

    Parameters
    ----------
    text : str
        A number, a name, or several of them with plus signs between them.

    Returns
    -------
    int or str
        A number where it is one; which channels a name means only a file can tell.

    Raises
    ------
    ParameterError
        If nothing is written, or nothing before or after a plus sign.

    Examples
    --------
    >>> parse_channel("2"), parse_channel("0+2")
    (2, '0+2')
    """
    try:
        return int(text)
    except ValueError:
        pass
    # A name may end in a sign, such as CD4+, but not consist of signs.
    if not text.strip(" +"):
        raise ParameterError(
            f"a channel is a number from 0 or a name, several are written as 0+2, got {text!r}"
        )
    return text.strip()


def channel_numbers(raw: RawImage, channel: ChannelChoice, *, where: str) -> tuple[int, ...]:
    """Find the channels that are meant, by their names where these are given.

    Parameters
    ----------
    raw : RawImage
        The content of a file.
    channel : int, str or sequence of them
        See `ChannelChoice`. Upper and lower case are the same, unless names differ in it only.
    where : str
        The file, for messages.

    Returns
    -------
    tuple of int
        One or more, each once, from 0; whether there are so many is not checked.

    Raises
    ------
    ImageError
        If there is no channel of a name, a channel is named twice, or none is.
    """
    if isinstance(channel, str):
        parts: Sequence[int | str] = _parts(raw, channel)
    else:
        parts = list(channel) if isinstance(channel, Sequence) else [int(channel)]
    numbers = tuple(_number(raw, part, where) for part in parts)
    if not numbers or len(set(numbers)) < len(numbers):
        raise ImageError(f"{where}: each channel to combine is named once, got {channel!r}")
    return numbers


def _parts(raw: RawImage, text: str) -> list[str]:
    """Cut a text at the plus signs that are not part of a name."""
    pieces = text.split("+")
    parts = []
    while pieces:
        # As few pieces as are a name or a number, or one that is neither.
        joined = ["+".join(pieces[:count]) for count in range(1, len(pieces) + 1)]
        known = (n for n, part in enumerate(joined) if _find(raw, part) is not None)
        count = 0 if pieces[0].strip().isdecimal() else next(known, 0)
        parts.append(joined[count].strip())
        del pieces[: count + 1]
    return parts


def _number(raw: RawImage, part: int | str, where: str) -> int:
    if isinstance(part, str):
        number = _find(raw, part)
        if number is None and part.isdecimal():
            number = int(part)
        if number is None:
            known = f"its channels are{called(raw)}" if raw.channels else "it names no channels"
            raise ImageError(f"{where} has no channel {part!r}: {known}")
        return number
    # Some microscopes call channels by their wavelength.
    named = None if part < channel_count(raw) else _find(raw, str(part))
    return part if named is None else named


def _find(raw: RawImage, name: str) -> int | None:
    """Return the number of the channel of a name, None where no single one has it."""
    for same in (str, str.casefold):
        found = [n for n, one in enumerate(raw.channels) if same(one) == same(name.strip())]
        if len(found) == 1:
            return found[0]
    return None


def choose_channels(raw: RawImage, channel: ChannelChoice | None, *, where: str) -> ChannelReader:
    """Find the channel that is wanted, or the channels, and how to read them.

    Parameters
    ----------
    raw : RawImage
        The content of a file.
    channel : int, str, sequence of them, or None
        See `ChannelChoice`. None is right for a single channel only.
    where : str
        The file, for messages.

    Raises
    ------
    ImageError
        If the image is empty, its axes are ambiguous or a channel is missing, wrong or named
        twice.
    """
    if channel is None:
        return OneChannel(raw.data, find_layout(raw, channel=None, where=where))
    numbers = channel_numbers(raw, channel, where=where)
    layouts = tuple(find_layout(raw, channel=number, where=where) for number in numbers)
    if len(layouts) == 1:
        return OneChannel(raw.data, layouts[0])
    return CombinedChannels(raw.data, layouts)


def has_one_channel(raw: RawImage) -> bool:
    """Return whether there is nothing to choose from."""
    # An axis without a name may hold the channels, too.
    axes = zip(raw.axes, raw.data.shape, strict=True)
    return all(axis in CANONICAL_AXES or size == 1 for axis, size in axes)


def arrange(raw: RawImage, *, channel: ChannelChoice | None, name: str, where: str) -> ImageData:
    """Choose the channel, put the axes in the order T, Z, Y, X, and read the pixels.

    Parameters
    ----------
    raw, channel, where
        As for `choose_channels`.
    name : str
        Name of the result.

    Raises
    ------
    ImageError
        As for `choose_channels`; and if the image is larger than the memory.
    """
    reader = choose_channels(raw, channel, where=where)
    layout = reader.layout
    check_fits_memory(layout.shape, reader.dtype, where)
    if isinstance(reader, OneChannel):
        data = reader.read(())
    else:
        data = np.empty(layout.shape, reader.dtype)
        for position in np.ndindex(layout.shape[:-2]):
            data[position] = reader.read(position)
    scale, units = scale_of(raw, layout)
    return ImageData(data, layout.axes, scale, units, name)


def scale_of(raw: RawImage, layout: Layout) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Return the size of a pixel along every axis, and its units."""
    return (
        tuple(raw.scale.get(axis, 1.0) for axis in layout.axes),
        tuple(raw.units.get(axis, UNKNOWN_UNIT) for axis in layout.axes),
    )

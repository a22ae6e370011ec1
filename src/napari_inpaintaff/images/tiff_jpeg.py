"""JPEG inside TIFF: tables that a decoder could run in circles with are found beforehand.

Where the usual decoder gives up, imagecodecs tries that of lossless JPEG, which does not end for
Huffman tables with more codes than their lengths allow.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import tifffile

from napari_inpaintaff.errors import ImageError

_JPEG = (6, 7, 33007, 34892)
_START_OF_SCAN, _HUFFMAN_TABLES = 0xDA, 0xC4
#: Markers without a length: padding, restarts, start and end of the image.
_ALONE = frozenset({0x00, 0x01, *range(0xD0, 0xDA)})
_MOST_CODES = 256


def check_jpeg(page: tifffile.TiffPage, path: Path) -> None:
    """Refuse a page with JPEG data whose Huffman tables cannot be.

    Parameters
    ----------
    page : TiffPage
        Compressed in any way; of others nothing is read.
    path : pathlib.Path
        Its file, for the message.

    Raises
    ------
    ImageError
        If a table is impossible.
    """
    if int(page.compression) not in _JPEG:
        return
    file = page.parent.filehandle
    streams = [page.jpegtables or b""]
    for offset, length in zip(page.dataoffsets, page.databytecounts, strict=False):
        file.seek(offset)
        streams.append(file.read(length))
    if not all(_possible(table) for stream in streams for table in _huffman_tables(stream)):
        raise ImageError(f"{path} is damaged: its JPEG data cannot be decoded")


def _huffman_tables(stream: bytes) -> Iterator[bytes]:
    """Yield what the segments with Huffman tables before the pixels hold."""
    place = 0
    while (place := stream.find(b"\xff", place)) >= 0 and place + 4 <= len(stream):
        marker = stream[place + 1]
        if marker == _START_OF_SCAN:
            return
        if marker == 0xFF or marker in _ALONE:
            place += 1
            continue
        (length,) = struct.unpack(">H", stream[place + 2 : place + 4])
        if marker == _HUFFMAN_TABLES:
            yield stream[place + 4 : place + 2 + length]
        place += 2 + length


def _possible(tables: bytes) -> bool:
    """Return whether no length has more codes than are left for it."""
    while tables:
        counts = tables[1:17]
        left = 1
        for count in counts:
            left = 2 * left - count
            if left < 0:
                return False
        if len(counts) < 16 or sum(counts) > _MOST_CODES or len(tables) < 17 + sum(counts):
            return False
        tables = tables[17 + sum(counts) :]
    return True

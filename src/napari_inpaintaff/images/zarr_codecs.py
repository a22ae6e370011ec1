"""Which Zarr arrays may be read: those of numbers, packed in ways that only move bytes.

A Zarr array names the codecs that unpack it. One of them is Python's pickle, which runs
whatever the array says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from napari_inpaintaff.errors import ImageError

if TYPE_CHECKING:
    import zarr

#: Of Zarr and numcodecs, without the ones for objects.
_SAFE = frozenset(
    {
        *("bytes", "endian", "transpose", "sharding_indexed"),
        *("blosc", "bz2", "gzip", "lz4", "lzma", "zlib", "zstd", "zfpy", "pcodec", "packbits"),
        *("astype", "bitround", "delta", "fixedscaleoffset", "quantize", "shuffle"),
        *("adler32", "crc32", "crc32c", "fletcher32", "jenkins_lookup3"),
    }
)


def check_codecs(array: zarr.Array[Any], where: object) -> None:
    """Refuse an array of objects, or one that an unknown codec would unpack.

    Parameters
    ----------
    array : zarr.Array
        Not read yet.
    where : path or str
        For the message.

    Raises
    ------
    ImageError
        If it may not be read.
    """
    if array.dtype.hasobject:
        raise ImageError(f"{where} is an array of Python objects, not of numbers")
    unknown = [name for name in _codecs(array.metadata) if not _is_safe(name)]
    if unknown:
        raise ImageError(
            f"{where} is packed with {unknown[0]!r}, which is not read because it could run "
            "code or is not known here: save it with another codec"
        )


def _is_safe(name: str) -> bool:
    # Those of imagecodecs are registered by the user, and decode pictures.
    return name.removeprefix("numcodecs.") in _SAFE or name.startswith("imagecodecs_")


def _codecs(metadata: Any) -> Iterator[str]:
    if metadata.zarr_format == 2:
        for codec in (*(metadata.filters or ()), metadata.compressor):
            if codec is not None:
                yield str(codec.codec_id)
        return
    yield from _names(metadata.codecs)


def _names(codecs: Iterable[Any]) -> Iterator[str]:
    for codec in codecs:
        yield str(codec.to_dict()["name"])
        for inner in ("codecs", "index_codecs"):
            yield from _names(getattr(codec, inner, ()))

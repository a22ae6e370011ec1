"""Reading images, label images and masks from TIFF, PNG and JPEG files."""

from __future__ import annotations

import io
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images.axes import ImageData, RawImage, arrange
from napari_inpaintaff.images.tiff import TIFF_MAGIC, read_tiff

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_JPEG_MAGIC = b"\xff\xd8\xff"

_IMAGE_SUFFIXES = {".tif", ".tiff", ".png", ".jpg", ".jpeg", ".ome", ".btf", ".tf8"}


def read_image(path: str | PathLike[str], *, channel: int | None = None) -> ImageData:
    """Read one channel of an image.

    TIFF (plain, ImageJ, OME), PNG and JPEG, recognised by content. Axes are taken by
    name: length-one axes are dropped, the rest is put in the order T, Z, Y, X. The one
    unnamed axis of a plain multi-page TIFF is taken for time, or for the channels when
    `channel` is given. Scale and units come from the OME or ImageJ metadata.

    Parameters
    ----------
    path : path-like
        The file.
    channel : int, optional
        Which channel to keep, counted from 0; needed for colour images and images of
        several channels.

    Returns
    -------
    ImageData
        Integer and floating-point pixels as they are in the file.

    Raises
    ------
    ImageError
        If the file is missing, damaged or empty, is no image of numbers, has ambiguous
        axes, or the channel is missing or out of range.
    """
    path = Path(path)
    image = arrange(_read(path), channel=channel, name=_short_name(path), where=str(path))
    if image.data.dtype.kind not in "uif":
        kind = {"b": "a black-and-white mask", "c": "an image of complex numbers"}.get(
            image.data.dtype.kind, f"an image of the unknown type {image.data.dtype}"
        )
        raise ImageError(f"{path} is {kind}: integer or floating-point intensities are needed")
    return image


def read_labels(path: str | PathLike[str]) -> NDArray[np.integer[Any]]:
    """Read a label image: 0 is background, every other number is one object.

    Parameters
    ----------
    path : path-like
        A TIFF or PNG file of one channel. Floating-point files are accepted where every
        value is a whole number, because ImageJ writes large label images that way.

    Returns
    -------
    ndarray of an integer dtype, shape (Y, X), or with leading T and Z
        The labels, of the dtype of the file (bool gives uint8, floating point uint32).

    Raises
    ------
    ImageError
        If the file cannot be read, has several channels, or holds anything but
        non-negative whole numbers.
    """
    data = _read_single_channel(path)
    if data.dtype.kind == "b":
        return data.astype(np.uint8)
    if data.dtype.kind == "f":
        if not (np.isfinite(data) & (data == np.floor(data)) & (data < 2.0**32)).all():
            raise ImageError(f"{path} is not a label image: it holds numbers that are not whole")
        if data.min() >= 0:
            return data.astype(np.uint32)
    if data.dtype.kind not in "uif":
        raise ImageError(f"{path} is not a label image: its pixels are of type {data.dtype}")
    if data.min() < 0:
        raise ImageError(f"{path} is not a label image: it holds the negative number {data.min()}")
    return data


def read_mask(path: str | PathLike[str]) -> NDArray[np.bool_]:
    """Read a mask: every pixel that is not zero is True.

    Parameters
    ----------
    path : path-like
        A TIFF or PNG file of one channel: a mask or a label image. NaN counts as zero.

    Returns
    -------
    ndarray of bool, shape (Y, X), or with leading T and Z
        The mask.

    Raises
    ------
    ImageError
        If the file cannot be read, has several channels or holds no plain numbers.
    """
    data = _read_single_channel(path)
    if data.dtype.kind not in "buif":
        raise ImageError(f"{path} is not a mask: its pixels are of type {data.dtype}")
    return np.asarray((data != 0) & ~np.isnan(data), dtype=bool)


def _read_single_channel(path: str | PathLike[str]) -> NDArray[Any]:
    path = Path(path)
    raw = _read(path)
    for axis, size in zip(raw.axes, raw.data.shape, strict=True):
        if axis in "CS" and size > 1:
            raise ImageError(
                f"{path} has {size} channels, but a mask or label image has one: "
                "save it as a single-channel image"
            )
    return arrange(raw, channel=None, name=path.name, where=str(path)).data


def _short_name(path: Path) -> str:
    name = path.name
    while Path(name).suffix.lower() in _IMAGE_SUFFIXES and Path(name).stem:
        name = Path(name).stem
    return name


def _read(path: Path) -> RawImage:
    """Read a file of any supported format; every failure becomes an ImageError."""
    try:
        if path.is_dir():
            raise ImageError(f"{path} is a folder, not an image file")
        with path.open("rb") as file:
            start = file.read(8)
        if not start:
            raise ImageError(f"{path} is empty (0 bytes)")
        if start[:4] in TIFF_MAGIC:
            return read_tiff(path)
        if start == _PNG_MAGIC or start[:3] == _JPEG_MAGIC:
            return _read_picture(path)
    except ImageError:
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ImageError(f"there is no file {path}") from error
    except PermissionError as error:
        raise ImageError(f"no permission to read {path}") from error
    except MemoryError as error:
        raise ImageError(f"{path} does not fit into the memory of this computer") from error
    except Exception as error:  # decoders of damaged files raise whatever comes to their mind
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ImageError(f"{path} cannot be read as an image: {reason}") from error
    raise ImageError(f"{path} is not a TIFF, PNG or JPEG file")


def _read_picture(path: Path) -> RawImage:
    # Imported here: scikit-image's io is slow to import and most files are TIFF.
    from skimage.io import imread

    # Handed over as bytes, because scikit-image would go by the ending of the name.
    data = np.asarray(imread(io.BytesIO(path.read_bytes())))
    if data.ndim == 2:
        return RawImage(data=data, axes="YX", scale={}, units={})
    if data.ndim == 3 and data.shape[-1] <= 4:
        return RawImage(data=data, axes="YXS", scale={}, units={})
    raise ImageError(f"{path} has the shape {data.shape}: animated pictures are not supported")

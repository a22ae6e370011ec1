"""Reading images, label images and masks of all supported formats."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images import layout
from napari_inpaintaff.images.axes import ImageData
from napari_inpaintaff.images.channels import ChannelChoice, arrange
from napari_inpaintaff.images.layout import RawImage, has_channels
from napari_inpaintaff.images.memory import check_fits_memory
from napari_inpaintaff.images.microscopes import (
    MICROSCOPE_SUFFIXES,
    open_microscope,
    readable_suffixes,
    split_scene,
)
from napari_inpaintaff.images.ome_zarr import is_zarr, open_zarr
from napari_inpaintaff.images.pixels import check_intensities, reading_pixels
from napari_inpaintaff.images.tiff import TIFF_MAGIC, open_tiff

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_JPEG_MAGIC = b"\xff\xd8\xff"

#: Endings of the files that are taken for images in a folder.
IMAGE_SUFFIXES = (".tif", ".tiff", ".btf", ".tf8", ".png", ".jpg", ".jpeg", *readable_suffixes())
_NAME_SUFFIXES = (*IMAGE_SUFFIXES, *MICROSCOPE_SUFFIXES, ".ome", ".zarr")


def read_image(path: str | PathLike[str], *, channel: ChannelChoice | None = None) -> ImageData:
    """Read one channel of an image, or the mean of several.

    TIFF (plain, ImageJ, OME), PNG and JPEG, recognised by content, OME-Zarr (0.4 and 0.5),
    and CZI, ND2 and LIF if their readers are installed; of pyramids the full resolution. Axes
    are taken by name: length-one axes are dropped, the rest is put in the order T, Z, Y, X. The
    one unnamed axis of a plain multi-page TIFF or Zarr array is taken for time, or for the
    channels when `channel` is given. Scale and units come from the metadata.

    Parameters
    ----------
    path : path-like
        The file, or the folder of an OME-Zarr image; of a CZI, ND2 or LIF file with several
        images one is given as if it lay in a folder, ``"a.lif/Position 3"`` or ``"a.lif/2"``.
    channel : int, str or sequence of them, optional
        Which channel to keep, by number (from 0) or by the name that OME metadata gives it;
        needed for colour images and images of several channels. Several, as a sequence or
        written ``"0+2"`` or ``"DAPI+GFP"``, are combined: every channel of a plane is
        normalised robustly (its background subtracted, divided by its contrast), and the mean
        of them is taken, so that none drowns the others.

    Returns
    -------
    ImageData
        Integer and floating-point pixels as they are in the file; of combined channels
        float32, 0 for background and about 10 for what is bright in every channel.

    Raises
    ------
    ImageError
        If the file is missing, damaged or empty, is no image of numbers, has ambiguous
        axes, or the channel is missing or out of range.
    """
    path = Path(path)
    with reading_pixels(path):
        raw = open_image(path)
        image = arrange(raw, channel=channel, name=short_name(path), where=str(path))
    check_intensities(image.data.dtype, path)
    return image


def channel_count(path: str | PathLike[str]) -> int:
    """Return how many channels `read_image` can choose from.

    Raises
    ------
    ImageError
        If the file is missing or damaged.
    """
    path = Path(path)
    with reading_pixels(path):
        return layout.channel_count(open_image(path))


def read_labels(path: str | PathLike[str]) -> NDArray[np.integer[Any]]:
    """Read the pixels of a label image, see `read_label_image`."""
    return read_label_image(path).data


def read_label_image(path: str | PathLike[str]) -> ImageData:
    """Read a label image: 0 is background, every other number is one object.

    Parameters
    ----------
    path : path-like
        A TIFF or PNG file of one channel, or an OME-Zarr folder. Floating-point files are
        accepted where every value is a whole number, because ImageJ writes large label
        images that way.

    Returns
    -------
    ImageData
        The labels with their axes, scale and units, of the dtype of the file (bool gives
        uint8, floating point uint32).

    Raises
    ------
    ImageError
        If the file cannot be read, has several channels, or holds anything but
        non-negative whole numbers.
    """
    image = _read_single_channel(path)
    return replace(image, data=_as_labels(image.data, path))


def _as_labels(data: NDArray[Any], path: str | PathLike[str]) -> NDArray[np.integer[Any]]:
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
    data = _read_single_channel(path).data
    if data.dtype.kind not in "buif":
        raise ImageError(f"{path} is not a mask: its pixels are of type {data.dtype}")
    return np.asarray((data != 0) & ~np.isnan(data), dtype=bool)


def _read_single_channel(path: str | PathLike[str]) -> ImageData:
    path = Path(path)
    with reading_pixels(path):
        raw = open_image(path)
        for axis, size in zip(raw.axes, raw.data.shape, strict=True):
            if has_channels(axis) and size > 1:
                raise ImageError(
                    f"{path} has {size} channels, but a mask or label image has one: "
                    "save it as a single-channel image"
                )
        return arrange(raw, channel=None, name=short_name(path), where=str(path))


def short_name(path: Path) -> str:
    """Return the name of an image without the endings of its file."""
    name = path.name
    while Path(name).suffix.lower() in _NAME_SUFFIXES and Path(name).stem:
        name = Path(name).stem
    return name


def open_image(path: Path) -> RawImage:
    """Open an image of any supported format.

    Parameters
    ----------
    path : pathlib.Path
        A TIFF, PNG or JPEG file, a file of a microscope or one image of it, or an OME-Zarr
        folder.

    Returns
    -------
    RawImage
        The pixels of PNG and JPEG are in memory, others are read when they are asked for.

    Raises
    ------
    ImageError
        If there is no such image, or it is damaged. Other errors of the decoders have to
        be dealt with by the caller, see `pixels.reading_pixels`.
    """
    if path.is_dir():
        if not is_zarr(path):
            raise ImageError(f"{path} is a folder, not an image file")
        return open_zarr(path)
    microscope = split_scene(path)
    if microscope:
        return open_microscope(*microscope)
    with path.open("rb") as file:
        start = file.read(8)
    if not start:
        raise ImageError(f"{path} is empty (0 bytes)")
    if start[:4] in TIFF_MAGIC:
        return open_tiff(path)
    if start == _PNG_MAGIC or start[:3] == _JPEG_MAGIC:
        return _read_picture(path)
    raise ImageError(f"{path} is not a TIFF, PNG or JPEG file, nor an OME-Zarr folder")


@dataclass(frozen=True)
class _Picture:
    """The pixels of a PNG or JPEG file, decoded whenever they are asked for."""

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __getitem__(self, index: tuple[int | slice, ...]) -> NDArray[Any]:
        return np.asarray(_read_picture(self.path).data[index])


def open_without_pixels(path: Path) -> RawImage:
    """Open an image as `open_image` does, but leave its pixels on the disk in any case.

    PNG and JPEG are decoded to know what they hold, and once more when they are read.
    """
    raw = open_image(path)
    if isinstance(raw.data, np.ndarray):
        return replace(raw, data=_Picture(path, raw.data.shape, raw.data.dtype))
    return raw


def _read_picture(path: Path) -> RawImage:
    # Imported here: scikit-image's io is slow to import and most files are TIFF.
    from PIL import Image
    from skimage.io import imread

    # Handed over as bytes, because scikit-image would go by the ending of the name.
    content = path.read_bytes()
    with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as header:
        check_fits_memory((header.height, header.width, len(header.getbands())), np.uint16, path)
    data = np.asarray(imread(io.BytesIO(content)))
    if data.ndim == 2:
        return RawImage(data=data, axes="YX", scale={}, units={})
    if data.ndim == 3 and data.shape[-1] <= 4:
        return RawImage(data=data, axes="YXS", scale={}, units={})
    raise ImageError(f"{path} has the shape {data.shape}: animated pictures are not supported")

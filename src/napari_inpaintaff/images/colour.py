"""Reading all colours of an image at once."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from napari_inpaintaff.images.axes import ImageData
from napari_inpaintaff.images.layout import channel_count
from napari_inpaintaff.images.pixels import reading_pixels
from napari_inpaintaff.images.reading import open_image, read_image


def read_colours(path: str | PathLike[str]) -> list[ImageData]:
    """Read red, green and blue of a colour image, or the one channel of a greyscale image.

    Parameters
    ----------
    path : path-like
        See `read_image`. A fourth channel, transparency, is left out.

    Returns
    -------
    list of ImageData
        Three or one, of the same axes and shape.

    Raises
    ------
    ImageError
        If the image cannot be read, or has another number of channels: one has to be chosen.
    """
    path = Path(path)
    with reading_pixels(path):
        raw = open_image(path)
        count, samples = channel_count(raw), "S" in raw.axes
    if count != 3 and not (count == 4 and samples):
        return [read_image(path)]
    return [read_image(path, channel=index) for index in range(3)]

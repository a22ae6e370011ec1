"""The grid of overlapping patches."""

from __future__ import annotations

from napari_inpaintaff.errors import ParameterError


def patch_origins(shape: tuple[int, int], patch: int, stride: int) -> list[tuple[int, int]]:
    """Return the origins of the patches that cover an image.

    The grid is anchored at pixel (0, 0) and reaches beyond all borders, so that every
    pixel lies in about as many patches, and the patches of a tile are those of the
    whole image.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the image, in pixels.
    patch, stride : int
        Side of a patch and distance between patches, in pixels; ``stride <= patch``.

    Returns
    -------
    list of (int, int)
        (y, x) of every patch's first pixel, row by row; may be negative.

    Raises
    ------
    ParameterError
        If the stride is not between 1 and ``patch``.
    """
    if not 1 <= stride <= patch:
        raise ParameterError(f"the stride must be between 1 and the patch of {patch}, got {stride}")
    ys, xs = (_starts(length, patch, stride) for length in shape)
    return [(y, x) for y in ys for x in xs]


def _starts(length: int, patch: int, stride: int) -> range:
    before = (patch - 1) // stride
    return range(-before * stride, length, stride)

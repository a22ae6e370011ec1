"""Record how splits evolve, as a layer that napari's slider replays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Labels, Layer
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

from napari_inpaintaff.widgets.own_layers import add_own_layer
from napari_inpaintaff.widgets.planes import result_placement, with_leading_axis
from napari_inpaintaff.widgets.preview import COLOURS

#: A recording keeps at most so many pictures, of 4 kB each.
MAX_PICTURES = 1000
#: The name of the axis that the slider moves along.
AXIS = "step"


@dataclass(frozen=True)
class Picture:
    """A split at one moment.

    Attributes
    ----------
    values : ndarray of uint8, shape (H, W)
        See `preview.split_picture`.
    origin : (int, int)
        (y, x) of the first pixel; may be negative.
    """

    values: NDArray[np.uint8]
    origin: tuple[int, int]


class Evolution:
    """The recording of one run.

    Parameters
    ----------
    source : Layer
        The image that is separated.
    index : tuple of int
        Position of the plane along the source's leading axes.

    Attributes
    ----------
    most : int
        So many pictures are kept.
    """

    def __init__(self, source: Layer, index: tuple[int, ...]) -> None:
        self.most = MAX_PICTURES
        self._source = source
        self._index = index
        self._pictures: list[Picture] = []
        self._zoom = 1.0

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self._pictures)

    def add(self, values: NDArray[np.uint8], origin: tuple[int, int], zoom: float) -> None:
        """Keep a picture; nothing happens when there are as many as can be kept.

        Parameters
        ----------
        values, origin
            See `Picture`.
        zoom : float
            Pixels of the plane per pixel of the picture: the same during a run.
        """
        if len(self) < self.most:
            self._zoom = zoom
            self._pictures.append(Picture(values, origin))

    def show(self, viewer: Any) -> Labels:
        """Add a new layer that replays the pictures, in their places, from the first one.

        Parameters
        ----------
        viewer : napari.Viewer
            Where to show it.

        Returns
        -------
        Labels
            Of shape (steps, ..., Y, X).
        """
        frames, origin = replay(self._pictures)
        placement = result_placement(self._source, self._index, origin, self._zoom)
        layer = Labels(
            frames[(slice(None), *[np.newaxis] * len(self._index))],
            name=f"{self._source.name} evolution",
            colormap=DirectLabelColormap(color_dict=COLOURS),
            opacity=0.45,
            **with_leading_axis(placement, AXIS),
        )
        layer.editable = False
        add_own_layer(viewer, layer, select=False)
        first = viewer.dims.ndim - layer.ndim
        viewer.dims.set_point(first, 0)
        return layer


def replay(pictures: Sequence[Picture]) -> tuple[Any, tuple[int, int]]:
    """Put pictures from different places into one series of frames.

    Parameters
    ----------
    pictures : sequence of Picture
        At least one.

    Returns
    -------
    frames : dask array of uint8, shape (N, Y, X)
        Each as large as all places together, 0 around its picture. A frame is made when it
        is looked at: of a large image all of them would not fit into memory.
    origin : (int, int)
        (y, x) of the frames' first pixel.
    """
    import dask.array as da

    starts = np.array([picture.origin for picture in pictures])
    stops = starts + [picture.values.shape for picture in pictures]
    origin = starts.min(axis=0)
    height, width = (int(length) for length in stops.max(axis=0) - origin)

    def frame(block_id: tuple[int, int, int]) -> NDArray[np.uint8]:
        values = pictures[block_id[0]].values
        top, left = starts[block_id[0]] - origin
        canvas = np.zeros((1, height, width), dtype=np.uint8)
        canvas[0, top : top + values.shape[0], left : left + values.shape[1]] = values
        return canvas

    frames = da.map_blocks(  # type: ignore[no-untyped-call]
        frame,
        chunks=((1,) * len(pictures), (height,), (width,)),
        dtype=np.uint8,
        meta=np.empty((0, 0, 0), dtype=np.uint8),
    )
    return frames, (int(origin[0]), int(origin[1]))

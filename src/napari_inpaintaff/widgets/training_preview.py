"""What the network predicts, as one picture that changes while it is trained."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from napari.layers import Image, Layer
from numpy.typing import NDArray

from napari_inpaintaff.inpainting.updates import InpaintingExamples
from napari_inpaintaff.widgets.own_layers import add_own_layer

PREVIEW_NAME = "Inpainting preview"

ROWS = (
    "What the network saw (blue: hidden from it)",
    "What it fills in",
    "What was there",
)
#: No grey image has this colour.
HIDDEN = (115, 153, 209)

_EXAMPLES = 5
#: Screen pixels for a pixel of a crop, so that captions are sharp.
_ZOOM = 3
_GAP = 8
_CAPTION = 54
_FONT_SIZE = 34


def montage(examples: InpaintingExamples) -> NDArray[np.uint8]:
    """Put example inpaintings into one picture of three rows.

    Parameters
    ----------
    examples : InpaintingExamples
        The first five are shown.

    Returns
    -------
    ndarray of uint8, shape (Y, X, 3)
        RGB. Upper row: the known pixels, the hidden ones in blue. Middle: the same with
        the prediction of the hidden pixels near known ones. Lower: the truth.
    """
    count = min(len(examples.image), _EXAMPLES)
    # The contrast of the truth for all: it stays the same while the network learns.
    low, high = np.percentile(examples.image[:count], (1, 99.8))
    unit = max(float(high - low), 1e-6)
    truth, prediction = (
        np.clip((images[:count] - low) / unit, 0, 1)
        for images in (examples.image, examples.prediction)
    )
    known, asked = examples.known[:count], examples.asked[:count]
    completed = np.where(asked, prediction, truth)
    rows = (
        _paint(truth, known),
        _paint(completed, known | asked),
        _paint(truth, np.ones_like(known)),
    )
    return _with_captions([_side_by_side(_large(row)) for row in rows])


class InpaintingPreview:
    """The preview of one training. It makes its layer with the first examples.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to show it: beside all other layers.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._layer: Image | None = None
        self._view_before: tuple[Any, float] | None = None
        self._view_after: tuple[Any, float] | None = None
        self._shown: InpaintingExamples | None = None

    def show(self, examples: InpaintingExamples | None) -> None:
        """Show the newest examples.

        Nothing is shown any more once the user has removed the layer.
        """
        if examples is None or examples is self._shown or not len(examples.image):
            return
        self._shown = examples
        picture = montage(examples)
        if self._layer is None:
            self._layer = self._add(picture)
        elif self._layer in self._viewer.layers:
            self._layer.data = picture

    def remove(self) -> None:
        """Take the layer away, and put the view back unless the user has moved it."""
        if self._layer is not None and self._layer in self._viewer.layers:
            self._viewer.layers.remove(self._layer)
            if self._view_before is not None and self._view() == self._view_after:
                camera = self._viewer.scene.camera
                camera.center, camera.zoom = self._view_before

    def _add(self, picture: NDArray[np.uint8]) -> Image:
        # A new layer becomes the selected one; the user's choice is put back.
        selected = set(self._viewer.layers.selection)
        layer = Image(
            picture,
            rgb=True,
            name=PREVIEW_NAME,
            interpolation2d="linear",  # captions stay legible when they are drawn small
            **self._placement(picture),
        )
        self._view_before = self._view()
        add_own_layer(self._viewer, layer)
        self._viewer.layers.selection = selected
        self._viewer.reset_view(margin=0.02)
        self._view_after = self._view()
        return layer

    def _placement(self, picture: NDArray[np.uint8]) -> dict[str, Any]:
        """Find a place beside everything: below in a high window, else to the right."""
        layers = self._viewer.layers
        if not len(layers):
            return {}
        (top, left), (bottom, right) = layers.extent.world[:, -2:]
        # A layer may be a single point.
        height, width = max(bottom - top, 1e-6), max(right - left, 1e-6)
        canvas_height, canvas_width = self._viewer.canvas.size
        if canvas_height > canvas_width:
            pixel = width / picture.shape[1]
            corner = (bottom + 0.03 * width, left)
        else:
            pixel = height / picture.shape[0]
            corner = (top, right + 0.03 * height)
        return {"scale": (pixel, pixel), "translate": corner, "units": _units(layers[0])}

    def _view(self) -> tuple[Any, float]:
        camera = self._viewer.scene.camera
        return tuple(camera.center), float(camera.zoom)


def _units(layer: Layer) -> tuple[str, ...]:
    return tuple(str(unit) for unit in layer.units[-2:])


def _paint(grey: NDArray[np.floating[Any]], visible: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Colour grey images (N, Y, X) in [0, 1]; what is not visible gets one flat colour."""
    colours = np.repeat((255 * grey[..., None]).round().astype(np.uint8), 3, axis=-1)
    colours[~visible] = HIDDEN
    return colours


def _large(images: NDArray[Any]) -> NDArray[Any]:
    return images.repeat(_ZOOM, axis=1).repeat(_ZOOM, axis=2)


def _side_by_side(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    gap = np.zeros((images.shape[1], _GAP, 3), dtype=np.uint8)
    parts = [part for image in images for part in (image, gap)]
    return np.concatenate(parts[:-1], axis=1)


def _with_captions(rows: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    parts = [
        part
        for row, text in zip(rows, ROWS, strict=True)
        for part in (_caption(text, row.shape[1]), row)
    ]
    return np.concatenate(parts)


@cache
def _caption(text: str, width: int) -> NDArray[np.uint8]:
    """Draw a line of text, white on black, shape (_CAPTION, width, 3)."""
    figure = Figure(figsize=(width / 100, _CAPTION / 100), dpi=100, facecolor="black")
    canvas = FigureCanvasAgg(figure)
    size = min(_FONT_SIZE * 72 / 100, 1.15 * width / len(text))
    figure.text(0, 0.25, text, color="white", fontsize=size, va="baseline")
    canvas.draw()
    drawn = np.asarray(canvas.buffer_rgba())[..., :3]
    picture = np.zeros((_CAPTION, width, 3), dtype=np.uint8)
    height, across = min(_CAPTION, drawn.shape[0]), min(width, drawn.shape[1])
    picture[:height, :across] = drawn[:height, :across]
    return picture

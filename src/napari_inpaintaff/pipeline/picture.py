"""One picture of a result: image, affinities and labels side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images import atomic_path

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

Colour = tuple[float, float, float]

#: Light that an edge takes from white paper: red, green, blue, each in [0, 1].
_INK_Y = (0.06, 0.78, 0.80)  # leaves red
_INK_X = (0.88, 0.58, 0.08)  # leaves blue
_NOT_COMPUTED = (0.90, 0.90, 0.90)
_TEXT = (0.25, 0.25, 0.25)
_AFFINITY_KEY = (
    ("■ objects part in x", (0.12, 0.42, 0.92)),
    ("■ in y", (0.94, 0.22, 0.20)),
    ("■ not computed", (0.60, 0.60, 0.60)),
)
_GOLDEN_RATIO = (math.sqrt(5) - 1) / 2


def boundary_colours(affinities: Affinities) -> NDArray[np.float32]:
    """Paint the local affinities: blue where cells part in x, red where they part in y.

    Parameters
    ----------
    affinities : Affinities
        Among the offsets must be (-1, 0) and (0, -1).

    Returns
    -------
    ndarray of float32, shape (Y, X, 3)
        RGB in [0, 1]: white inside an object (affinity 1), between two ink of the strength
        sqrt(1 - affinity), which keeps weak cuts visible; grey where nothing was computed.

    Raises
    ------
    ParameterError
        If a local offset is missing.
    """
    paper = np.ones((*affinities.shape, 3))
    computed = np.zeros(affinities.shape, dtype=bool)
    for offset, ink in (((-1, 0), _INK_Y), ((0, -1), _INK_X)):
        if offset not in affinities.offsets:
            raise ParameterError(f"the affinities lack the local offset {offset}")
        channel = affinities.offsets.index(offset)
        known = affinities.weight[channel] > 0
        strength = np.sqrt(np.where(known, 1 - affinities.values[channel], 0))
        paper *= 1 - strength[..., None] * np.array(ink)
        computed |= known
    paper[~computed] = _NOT_COMPUTED
    return np.clip(paper, 0, 1).astype(np.float32)


def label_colours(labels: NDArray[np.integer], image: NDArray[np.generic]) -> NDArray[np.float32]:
    """Paint labels over a grey image, each with its outline.

    Parameters
    ----------
    labels : ndarray of integers, shape (Y, X)
        0 is background. A label always gets the same colour.
    image : ndarray, shape (Y, X)
        Shown in grey below.

    Returns
    -------
    ndarray of float32, shape (Y, X, 3)
        RGB in [0, 1].
    """
    from skimage.color import lab2rgb
    from skimage.segmentation import find_boundaries

    number = labels.astype(np.float64)
    # Multiples of the golden ratio spread over the colour wheel, however many there are;
    # Lab, because its hues are as far apart for the eye as they are in numbers.
    hue = 2 * np.pi * number * _GOLDEN_RATIO
    lightness = 58 + 14 * (number % 3)
    colour = lab2rgb(np.stack([lightness, 68 * np.cos(hue), 68 * np.sin(hue)], axis=-1))
    grey = np.repeat(stretch_contrast(image)[..., None], 3, axis=-1)
    outline = find_boundaries(labels, mode="inner")[..., None]
    inside = np.where(outline, colour, colour * (0.4 + 0.45 * grey))
    painted = np.where((labels > 0)[..., None], inside, 0.6 * grey)
    return np.clip(painted, 0, 1).astype(np.float32)


def stretch_contrast(image: NDArray[np.generic]) -> NDArray[np.float32]:
    """Bring an image to [0, 1] for the eye: percentiles 1 and 99.8, square root.

    Parameters
    ----------
    image : ndarray
        Any shape; NaN is shown as black.

    Returns
    -------
    ndarray of float32
        Same shape, in [0, 1]; 0 for an image of one value.
    """
    values = np.asarray(image, dtype=np.float64)
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return np.zeros(values.shape, np.float32)
    low, high = np.percentile(finite, (1, 99.8))
    if high <= low:
        return np.zeros(values.shape, np.float32)
    unit = np.clip((np.nan_to_num(values, nan=low) - low) / (high - low), 0, 1)
    stretched: NDArray[np.float32] = np.sqrt(unit).astype(np.float32)
    return stretched


def save_picture(
    path: str | Path,
    image: NDArray[np.generic],
    affinities: Affinities,
    labels: NDArray[np.integer],
    *,
    note: str = "",
    pixel_size: float = 1.0,
    unit: str = "pixel",
) -> Path:
    """Write image, affinities and labels side by side as PNG.

    Parameters
    ----------
    path : str or Path
        File to write; replaced only when the picture is complete.
    image : ndarray, shape (Y, X)
        Raw intensities.
    affinities : Affinities
        Of that image; the two local offsets are shown.
    labels : ndarray of integers, shape (Y, X)
        0 is background.
    note : str, optional
        Said below the labels, for instance their score.
    pixel_size : float, optional
        Edge length of a pixel in ``unit``, for the scale bar.
    unit : str, optional
        ``pixel``, or a length such as ``µm``.

    Returns
    -------
    Path
        ``path``.

    Raises
    ------
    ParameterError
        If the shapes differ, or a local offset is missing.
    OutputError
        If the file cannot be written.
    """
    if image.shape != labels.shape or image.shape != affinities.shape:
        raise ParameterError(
            f"image {image.shape}, affinities {affinities.shape} and labels {labels.shape} "
            f"must have the same height and width"
        )
    # Figure instead of pyplot: no global state, no window, safe in any thread.
    from matplotlib.figure import Figure

    height, width = image.shape
    count = int(np.count_nonzero(np.unique(labels)))
    panel = 4.6
    tall = float(np.clip(panel * height / width, 1.5, 12))
    figure = Figure(figsize=(3 * panel + 0.5, tall + 0.85), dpi=160, layout="constrained")
    figure.patch.set_facecolor("white")
    axes = figure.subplots(1, 3)
    found = ", ".join(filter(None, (f"{count} objects", note)))
    panels = (
        ("Image", stretch_contrast(image), [(f"{width} × {height} pixels", _TEXT)]),
        ("Affinities", boundary_colours(affinities), _AFFINITY_KEY),
        ("Labels", label_colours(labels, image), [(found, _TEXT)]),
    )
    for axis, (title, pixels, caption) in zip(axes, panels, strict=True):
        axis.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axis.set_title(title, loc="left", fontsize=14, fontweight="bold", color="0.1")
        _write_caption(axis, caption)
        axis.set_xticks([])
        axis.set_yticks([])
        for spine in axis.spines.values():
            spine.set_color("0.75")
    _draw_scale_bar(axes[0], width, pixel_size, unit)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")
    return Path(path)


def _write_caption(axis: Axes, words: Sequence[tuple[str, Colour]]) -> None:
    from matplotlib.offsetbox import AnchoredOffsetbox, HPacker, TextArea

    parts: list[Artist] = [
        TextArea(text, textprops={"color": colour, "size": 11}) for text, colour in words
    ]
    row = HPacker(children=parts, pad=0, sep=14, align="baseline")
    axis.add_artist(
        AnchoredOffsetbox(
            "upper left",
            child=row,
            frameon=False,
            pad=0.4,
            borderpad=0,
            bbox_to_anchor=(0, 0),
            bbox_transform=axis.transAxes,
        )
    )


def _draw_scale_bar(axis: Axes, width: int, pixel_size: float, unit: str) -> None:
    from matplotlib.patheffects import withStroke

    wanted = width * pixel_size / 4
    power = 10 ** math.floor(math.log10(wanted))
    length = max(step * power for step in (1, 2, 5) if step * power <= wanted)
    pixels = length / pixel_size
    outlined = [withStroke(linewidth=3, foreground="black", alpha=0.6)]
    name = "pixels" if unit in ("pixel", "pixels") else unit
    right, bottom = 0.96, 0.05
    left = right - pixels / width
    axis.plot(
        [left, right],
        [bottom, bottom],
        transform=axis.transAxes,
        color="white",
        linewidth=3.5,
        solid_capstyle="butt",
        path_effects=[withStroke(linewidth=6, foreground="black", alpha=0.6)],
    )
    axis.text(
        (left + right) / 2,
        bottom + 0.02,
        f"{length:g} {name}",
        transform=axis.transAxes,
        color="white",
        fontsize=10.5,
        ha="center",
        va="bottom",
        path_effects=outlined,
    )

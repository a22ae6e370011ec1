"""From affinities to a label image: the methods by name, and the whole step."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.jobs import checkpoint
from napari_inpaintaff.partition.fragments import absorb_fragments
from napari_inpaintaff.partition.islands import islands, whole_foreground
from napari_inpaintaff.partition.links import relabel_by_position
from napari_inpaintaff.partition.mutex import connected_components, mutex_watershed
from napari_inpaintaff.partition.outline import OUTLINE_DIAMETER
from napari_inpaintaff.partition.region_merging import MergeStatistics, region_merging
from napari_inpaintaff.partition.shape import with_outline
from napari_inpaintaff.partition.signed_graph import (
    average_linkage,
    greedy_additive,
    greedy_fixation,
)


@dataclass(frozen=True)
class PartitionParameters:
    """How affinities become labels.

    Attributes
    ----------
    method : str
        A name in `PARTITION_METHODS`.
    alpha : float > 0
        Weight of the repulsive edges. More gives more segments. For the mutex watershed
        little is left but the connected components at 0.5 and below, and useful values are
        0.85 to 2; the others want less.
    minimum_size : int >= 0
        Segments of fewer pixels are given to a neighbouring segment.
    diameter : float > 0
        Typical diameter of a cell in pixels, for the method that looks at the outline too.
    """

    method: str = "mutex_watershed"
    alpha: float = 1.5
    minimum_size: int = 60
    diameter: float = OUTLINE_DIAMETER

    def __post_init__(self) -> None:
        if self.method not in PARTITION_METHODS:
            raise ParameterError(
                f"unknown partition method {self.method!r}; "
                f"choose one of: {', '.join(PARTITION_METHODS)}"
            )
        if not (math.isfinite(self.alpha) and self.alpha > 0):
            raise ParameterError(f"alpha must be a number above 0, got {self.alpha}")
        if self.minimum_size < 0:
            raise ParameterError(
                f"the minimum size of a segment must be 0 pixels or more, got {self.minimum_size}"
            )
        if not (math.isfinite(self.diameter) and self.diameter > 0):
            raise ParameterError(
                f"the diameter of a cell must be a number of pixels above 0, got {self.diameter}"
            )

    def at_scale(self, factor: float) -> PartitionParameters:
        """Return the same for an image in which all lengths are ``factor`` times as long."""
        return replace(
            self,
            minimum_size=round(self.minimum_size * factor**2),
            diameter=self.diameter * factor,
        )


PartitionMethod = Callable[
    [Affinities, NDArray[np.bool_], PartitionParameters], NDArray[np.integer]
]


class _Repulsive(Protocol):
    """A method in which alpha weighs the repulsive edges."""

    def __call__(
        self, affinities: Affinities, *, foreground: NDArray[np.bool_], alpha: float
    ) -> NDArray[np.uint32]: ...


def _with_alpha(method: _Repulsive) -> PartitionMethod:
    def run(
        affinities: Affinities, foreground: NDArray[np.bool_], parameters: PartitionParameters
    ) -> NDArray[np.uint32]:
        return method(affinities, foreground=foreground, alpha=parameters.alpha)

    return run


def _outline_mutex_watershed(
    affinities: Affinities, foreground: NDArray[np.bool_], parameters: PartitionParameters
) -> NDArray[np.uint32]:
    both = with_outline(affinities, foreground, diameter=parameters.diameter)
    return mutex_watershed(both, foreground=foreground, alpha=parameters.alpha)


def _region_merging(
    affinities: Affinities,
    foreground: NDArray[np.bool_],
    parameters: PartitionParameters,
    statistics: MergeStatistics | None = None,
) -> NDArray[np.uint32]:
    return region_merging(
        affinities,
        foreground=foreground,
        alpha=parameters.alpha,
        diameter=parameters.diameter,
        statistics=statistics,
    )


def _connected_components(
    affinities: Affinities, foreground: NDArray[np.bool_], parameters: PartitionParameters
) -> NDArray[np.uint32]:
    del parameters  # the level of 0.5 is part of the method
    return connected_components(affinities, foreground=foreground)


#: Every method takes affinities, a foreground of their shape and the parameters, and
#: returns integer labels >= 1 inside the foreground and 0 outside.
PARTITION_METHODS: dict[str, PartitionMethod] = {
    "mutex_watershed": _with_alpha(mutex_watershed),
    "outline_mutex_watershed": _outline_mutex_watershed,
    "greedy_additive": _with_alpha(greedy_additive),
    "greedy_fixation": _with_alpha(greedy_fixation),
    "average_linkage": _with_alpha(average_linkage),
    "connected_components": _connected_components,
    "region_merging": _region_merging,
}

#: What affinities without labelled cells behind them are best turned into labels by.
DEFAULT_METHOD = "region_merging"

#: Those in which parts of the foreground that do not touch have to do with each other.
WHOLE_IMAGE = ("region_merging",)

#: Those that alpha means the same to.
MUTEX_WATERSHEDS = ("mutex_watershed", "outline_mutex_watershed")


def partition(
    affinities: Affinities,
    *,
    foreground: ArrayLike | None = None,
    parameters: PartitionParameters | None = None,
    statistics: MergeStatistics | None = None,
) -> NDArray[np.uint32]:
    """Turn affinities into a label image.

    Only the bounding box of the foreground is worked on, so this is fast where the
    foreground is a small region of a large image; of large images one group of connected
    components after another.

    Parameters
    ----------
    affinities : Affinities
        Shape (K, Y, X). Pairs with weight 0 neither join nor separate.
    foreground : array of bool, shape (Y, X), optional
        Every pixel of it gets a label >= 1, all others 0. Without it every pixel is
        labelled.
    parameters : PartitionParameters, optional
        Default: the mutex watershed with alpha = 1.5.
    statistics : MergeStatistics, optional
        Of the plane that this is a part of (`merge_statistics`), for region merging: the other
        methods look at nothing but what is connected. A component of the foreground that does
        not reach the borders of the part has the same segments in all parts that hold it.

    Returns
    -------
    ndarray of uint32, shape (Y, X)
        0 is background; 1 to n in the order of the first pixel of each segment. The
        same input always gives the same labels.

    Raises
    ------
    ImageError
        When the foreground has another shape than the affinities.
    ParameterError
        When the first two offsets are not the local ones.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_inpaintaff.datatypes import Affinities
    >>> values = np.ones((2, 1, 4), np.float32)
    >>> values[1, 0, 2] = 0
    >>> pairs = Affinities(values, ((-1, 0), (0, -1)), np.ones_like(values))
    >>> partition(pairs, parameters=PartitionParameters(minimum_size=0))
    array([[1, 1, 2, 2]], dtype=uint32)
    """
    parameters = parameters or PartitionParameters()
    shape = affinities.shape
    mask = np.ones(shape, bool) if foreground is None else np.asarray(foreground, bool)
    if mask.shape != shape:
        raise ImageError(
            f"the foreground has the shape {mask.shape}, but the affinities belong to an image "
            f"of the shape {shape}"
        )
    labels = np.zeros(shape, np.uint32)
    if not mask.any():
        return labels
    method = PARTITION_METHODS[parameters.method]
    parts = whole_foreground(mask) if parameters.method in WHOLE_IMAGE else islands(mask)
    if parameters.method in WHOLE_IMAGE and statistics is not None:
        method = partial(_region_merging, statistics=statistics)
        # Only the borders of the part itself may say whether there is any background.
        parts = iter([(mask, (slice(0, shape[0]), slice(0, shape[1])))])
    for island, box in parts:
        checkpoint()
        inside = affinities.window(box)
        segments = method(inside, island, parameters)
        found = absorb_fragments(
            segments.astype(np.uint32, copy=False), inside, minimum_size=parameters.minimum_size
        )
        labels[box][island] = found[island] + labels.max()
    return relabel_by_position(labels)

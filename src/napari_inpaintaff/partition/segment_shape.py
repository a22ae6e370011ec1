"""The shape of a segment: its area and its convex hull."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError


@dataclass(frozen=True)
class Segment:
    """A segment, as far as its shape matters.

    Attributes
    ----------
    area : int
        In pixels.
    corners : ndarray of float, shape (n, 2)
        Of its convex hull, around the pixels' squares.
    hull : float
        Area of the convex hull, at least that of the segment.
    """

    area: int
    corners: NDArray[np.float64]
    hull: float

    def __add__(self, other: Segment) -> Segment:
        area = self.area + other.area
        corners, hull = _convex(np.concatenate([self.corners, other.corners]))
        return Segment(area, corners, max(hull, float(area)))

    @property
    def width(self) -> float:
        """Smallest width of the convex hull, in pixels."""
        edges = np.roll(self.corners, -1, axis=0) - self.corners
        across = np.stack([-edges[:, 1], edges[:, 0]], 1) / np.linalg.norm(edges, axis=1)[:, None]
        places = across @ self.corners.T
        return float((places.max(axis=1) - places.min(axis=1)).min())


def segments_of(labels: NDArray[np.integer]) -> dict[int, Segment]:
    """Return the shapes of all segments of a label image (Y, X), by label; 0 is background."""
    segments = {}
    for label, box in enumerate(ndimage.find_objects(labels), 1):
        if box is None:
            continue
        inside = labels[box] == label
        corners, hull = _convex(_outermost(inside) + [axis.start for axis in box])
        area = int(np.count_nonzero(inside))
        segments[label] = Segment(area, corners, max(hull, float(area)))
    return segments


def _outermost(inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the corners of the first and last pixel of every row: the hull has no others."""
    rows = np.flatnonzero(inside.any(axis=1))
    first = inside[rows].argmax(axis=1)
    last = inside.shape[1] - inside[rows][:, ::-1].argmax(axis=1)
    columns = (first, first, last, last)
    return np.concatenate(
        [
            np.stack([rows + below, column], axis=1)
            for below, column in zip((0, 1, 0, 1), columns, strict=True)
        ]
    ).astype(np.float64)


def _convex(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    try:
        hull = ConvexHull(points)
    except QhullError:  # pragma: no cover - squares of pixels always have an area
        return points, 0.0
    return points[hull.vertices], float(hull.volume)

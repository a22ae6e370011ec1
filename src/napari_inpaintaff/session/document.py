"""What a session is: plain values and arrays, without napari."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.images.pixels import Pixels

#: What JSON can hold.
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True)
class Placement:
    """Where a layer lies in the world.

    Attributes
    ----------
    scale, translate : tuple of float
        One per axis.
    rotate, shear, affine : tuple of tuple of float
        Matrices; that of ``affine`` is homogeneous.
    units, axis_labels : tuple of str
        One per axis.
    """

    scale: tuple[float, ...]
    translate: tuple[float, ...]
    rotate: tuple[tuple[float, ...], ...]
    shear: tuple[tuple[float, ...], ...]
    affine: tuple[tuple[float, ...], ...]
    units: tuple[str, ...]
    axis_labels: tuple[str, ...]


@dataclass(frozen=True)
class ImageRecord:
    """An image layer. Its pixels are not in the session, only where they came from.

    Attributes
    ----------
    name : str
        Of the layer.
    path : str or None
        Its file; None when it was not opened from one.
    reader : str or None
        The napari plugin that read the file.
    sample : str or None
        Key of the sample of this plugin that it is.
    shape : tuple of int
        Of the array; of a pyramid, that of the finest level.
    fingerprint : str
        See `images.pixel_fingerprint`; tells whether an image is still the same.
    placement : Placement
    contrast_limits : tuple of float
        Shown as black and white.
    visible : bool
    """

    name: str
    path: str | None
    reader: str | None
    sample: str | None
    shape: tuple[int, ...]
    fingerprint: str
    placement: Placement
    contrast_limits: tuple[float, float]
    visible: bool = True


@dataclass(frozen=True, eq=False)
class PlaneCorrections:
    """What was done to a plane of labels.

    Attributes
    ----------
    index : tuple of int
        Position of the plane along the leading axes of the labels.
    arrays : mapping of str to ndarray
        See `partition.corrections.pack_corrections`.
    """

    index: tuple[int, ...]
    arrays: Mapping[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the labels of a plane were built from.

    Attributes
    ----------
    affinities : Affinities
        On the pixels of the plane.
    alpha : float
        Weight of the repulsive edges.
    minimum_size : int
        Smaller segments were given to a neighbour; in pixels.
    """

    affinities: Affinities
    alpha: float
    minimum_size: int


@dataclass(frozen=True, eq=False)
class LabelsRecord:
    """A layer of labels or strokes, with its pixels.

    Attributes
    ----------
    name : str
        Of the layer.
    role : {"labels", "result", "paint"}
        Labels of the user, those that "Separate cells" made, or strokes of a foreground.
    image : int or None
        Which of the session's images they belong to; None when it is not known.
    data : Pixels
        Integers of shape (..., Y, X); read when the session is written.
    placement : Placement
    opacity : float
    visible : bool
    origin : str
        Fingerprint of the labels before they were corrected; empty when it is not known.
    corrections : tuple of PlaneCorrections
        Of the planes to which something was done.
    evidence : Evidence or None
    """

    name: str
    role: str
    image: int | None
    data: Pixels
    placement: Placement
    opacity: float = 0.5
    visible: bool = True
    origin: str = ""
    corrections: tuple[PlaneCorrections, ...] = ()
    evidence: Evidence | None = None


@dataclass(frozen=True)
class RegionRecord:
    """The shapes that say which part of the image is wanted.

    Attributes
    ----------
    form : str
        Whose region it is.
    name : str
        Of the layer.
    shapes : tuple of (str, points)
        Type, such as ``"rectangle"``, and corners of every shape.
    placement : Placement
    """

    form: str
    name: str
    shapes: tuple[tuple[str, tuple[tuple[float, ...], ...]], ...]
    placement: Placement


@dataclass(frozen=True, eq=False)
class Session:
    """All that can be gone on with another day.

    Attributes
    ----------
    saved : datetime
        When, with a time zone.
    images : tuple of ImageRecord
    labels : tuple of LabelsRecord
        The lowest layer first.
    regions : tuple of RegionRecord
    forms : dict of str to dict
        Values of the fields of dock widgets, by the widgets' names.
    """

    saved: datetime
    images: tuple[ImageRecord, ...] = ()
    labels: tuple[LabelsRecord, ...] = ()
    regions: tuple[RegionRecord, ...] = ()
    forms: dict[str, dict[str, Json]] = field(default_factory=dict)

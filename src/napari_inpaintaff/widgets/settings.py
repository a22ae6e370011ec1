"""What the user asked for, as plain values that a worker thread may read."""

from __future__ import annotations

from dataclasses import dataclass

from napari_inpaintaff.images import Region
from napari_inpaintaff.partition import PartitionParameters
from napari_inpaintaff.widgets.planes import Plane

#: The name of a foreground method or network, or the plane of a mask or label layer.
Foreground = str | Plane


@dataclass(frozen=True)
class NetworkSettings:
    """What the affinities depend on, besides the pixels.

    Attributes
    ----------
    model : str
        Name of an inpainter or a student, or path of a model file.
    diameter : float
        Typical cell diameter in pixels.
    quality : str
        A key of `separation.SEPARATION_MODES`; empty for a student, which has one only.
    seed : int
        Start of all random choices; 0 for a student, which makes none.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    """

    model: str
    diameter: float
    quality: str
    seed: int
    device: str


@dataclass(frozen=True)
class LabelSettings:
    """What the labels depend on, besides affinities and foreground.

    Attributes
    ----------
    alpha : float
        Weight of the repulsive edges.
    minimum_size : int
        Smaller segments are given to a neighbour; in pixels.
    method : str
        A name in `PARTITION_METHODS`.
    outlines : {"auto", "keep"}
        Whether outlines of the foreground that miss the edges of the image are moved there.
    """

    alpha: float
    minimum_size: int
    method: str = PartitionParameters.method
    outlines: str = "keep"


@dataclass(frozen=True)
class SeparationRequest:
    """One press of the Run button."""

    plane: Plane
    region: Region
    foreground: Foreground
    network: NetworkSettings
    labels: LabelSettings

"""What the user asked for, as plain values that a worker thread may read."""

from __future__ import annotations

from dataclasses import dataclass

from napari_inpaintaff.images import Region
from napari_inpaintaff.widgets.planes import Plane

#: The name of a foreground method, or the plane of a mask or label layer.
Foreground = str | Plane


@dataclass(frozen=True)
class NetworkSettings:
    """What the affinities depend on, besides the pixels.

    Attributes
    ----------
    inpainter : str
        Name of an inpainter, or path of a model file.
    diameter : float
        Typical cell diameter in pixels.
    stride : int
        Distance of neighbouring patches, in pixels of the network.
    iterations : int
        Updates of every split.
    seed : int
        Start of all random choices.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    """

    inpainter: str
    diameter: float
    stride: int
    iterations: int
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
    """

    alpha: float
    minimum_size: int


@dataclass(frozen=True)
class SeparationRequest:
    """One press of the Run button."""

    plane: Plane
    region: Region
    foreground: Foreground
    network: NetworkSettings
    labels: LabelSettings

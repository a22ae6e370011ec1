"""What the user asked to be distilled, as plain values that a worker thread may read."""

from __future__ import annotations

from dataclasses import dataclass

from napari_inpaintaff.widgets.planes import Plane
from napari_inpaintaff.widgets.training_settings import LayerImages


@dataclass(frozen=True)
class DistillSettings:
    """The fields.

    Attributes
    ----------
    name : str
        Of the student to be.
    teacher : str
        Name of an inpainter, or path of its file.
    minutes : float
        All in all.
    patches : int
        At most, which the teacher takes apart.
    diameter : float
        Typical cell diameter in pixels.
    seed : int
        Start of all random choices.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    """

    name: str
    teacher: str
    minutes: float
    patches: int
    diameter: float
    seed: int
    device: str


@dataclass(frozen=True)
class DistillRequest:
    """One press of the Distill button.

    Attributes
    ----------
    settings : DistillSettings
        The fields.
    images : LayerImages
        All planes of the layer, as it is now.
    foreground : str or tuple of Plane
        A foreground method or network by name, or a mask for every plane of the images.
    """

    settings: DistillSettings
    images: LayerImages
    foreground: str | tuple[Plane, ...]

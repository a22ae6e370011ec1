"""PerturbGAN (Bielski and Favaro 2019): foreground and background from shifted layers.

A generator makes scenes of a background and a masked foreground. Its foreground is shifted at
random before a critic sees the scene: it looks real only if the mask holds a whole object. An
encoder then finds the layers of real images. Networks and training are imported on demand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from napari_inpaintaff.foreground.perturbgan.architecture import LayeredArchitecture
from napari_inpaintaff.foreground.perturbgan.metadata import PERTURBGAN_KIND, PerturbGANMetadata
from napari_inpaintaff.foreground.perturbgan.parameters import (
    TABLE_ROWS,
    LayeredSamples,
    PerturbGANTraining,
    PerturbGANUpdate,
)

if TYPE_CHECKING:
    from napari_inpaintaff.foreground.perturbgan.model import PerturbGAN
    from napari_inpaintaff.foreground.perturbgan.training import train_perturbgan

__all__ = [
    "PERTURBGAN_KIND",
    "TABLE_ROWS",
    "LayeredArchitecture",
    "LayeredSamples",
    "PerturbGAN",
    "PerturbGANMetadata",
    "PerturbGANTraining",
    "PerturbGANUpdate",
    "train_perturbgan",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__, submod_attrs={"model": ["PerturbGAN"], "training": ["train_perturbgan"]}
)

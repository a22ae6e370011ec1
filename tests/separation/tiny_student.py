"""Students and inpainters with random weights that fit into a test."""

from __future__ import annotations

from typing import Any

import torch

from napari_inpaintaff.inpainting import Inpainter, InpainterMetadata
from napari_inpaintaff.inpainting.denoising import Denoiser
from napari_inpaintaff.networks import UNetArchitecture, build_unet
from napari_inpaintaff.separation import Student, StudentMetadata

OFFSETS = ((-1, 0), (0, -1), (-3, 0), (0, -3), (4, -3))
ARCHITECTURE = UNetArchitecture("plain", (4, 6, 8), stem=2, outputs=len(OFFSETS))
DENOISER = UNetArchitecture("plain", (4, 6), outputs=1)


def random_network(architecture: UNetArchitecture, seed: int = 0) -> torch.nn.Module:
    """Build a network whose output is no constant."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_unet(architecture)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
    return network


def random_student(*, denoise: bool = False, **metadata: Any) -> Student:
    """Return a student that predicts nonsense, in float32."""
    described = StudentMetadata(
        "random",
        ARCHITECTURE,
        offsets=OFFSETS,
        denoiser=DENOISER if denoise else None,
        **metadata,
    )
    denoiser = (
        Denoiser(random_network(DENOISER, 1), DENOISER, device=torch.device("cpu"))
        if denoise
        else None
    )
    return Student(
        random_network(ARCHITECTURE),
        described,
        denoiser=denoiser,
        device="cpu",
        dtype=torch.float32,
    )


def random_inpainter(architecture: UNetArchitecture | None = None) -> Inpainter:
    """Return an inpainter that predicts nonsense, in float32."""
    architecture = architecture or UNetArchitecture("plain", (4, 6, 8), stem=2)
    return Inpainter(
        random_network(architecture),
        InpainterMetadata("random", architecture),
        device="cpu",
        dtype=torch.float32,
    )

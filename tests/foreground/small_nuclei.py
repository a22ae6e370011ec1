"""Images of a few nuclei, and what trains on them in seconds."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.foreground import FGNet, FGNetMetadata, FGNetUpdate
from napari_inpaintaff.inpainting import Inpainter, InpainterMetadata
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks import UNetArchitecture, build_unet

NARROW = UNetArchitecture("plain", (8, 16), stem=2)


def dim_nuclei(
    *, side: int = 128, seed: int = 0, scale: float = 1.0
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return an image and its nuclei: of one brightness, beside streaks that are brighter."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / scale
    labels = np.zeros((side, side), np.int32)
    step = 32
    places = [
        (cy, cx)
        for cy in np.arange(step / 2, side / scale, step)
        for cx in np.arange(step / 2, side / scale, step)
    ]
    for number, (cy, cx) in enumerate(places, start=1):
        dy, dx = random.uniform(-3, 3, 2)
        labels[(y - cy - dy) ** 2 + (x - cx - dx) ** 2 < random.uniform(9, 12) ** 2] = number
    image = ndimage.gaussian_filter(np.where(labels > 0, 300.0, 0.0), scale)
    image += random.normal(100, 20, image.shape)
    return image.astype(np.float32), labels


def weights(architecture: UNetArchitecture, seed: int = 0) -> torch.nn.Module:
    """Build a network whose output is no constant."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_unet(architecture)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.05 * torch.randn_like(parameter))
    return network


def random_inpainter(architecture: UNetArchitecture = NARROW, **metadata: Any) -> Inpainter:
    """Return an inpainter that predicts nonsense, in float32."""
    return Inpainter(
        weights(architecture),
        InpainterMetadata("random", architecture, **metadata),
        device="cpu",
        dtype=torch.float32,
    )


def random_fgnet(architecture: UNetArchitecture, **metadata: Any) -> FGNet:
    """Return a foreground network that predicts nonsense, in float32."""
    return FGNet(
        weights(architecture),
        FGNetMetadata("random", architecture, **metadata),
        device="cpu",
        dtype=torch.float32,
    )


def finish(
    updates: Generator[Progress | FGNetUpdate, None, FGNet],
) -> tuple[list[FGNetUpdate], FGNet]:
    """Run a training to its end."""
    seen = []
    while True:
        try:
            update = next(updates)
            if isinstance(update, FGNetUpdate):
                seen.append(update)
        except StopIteration as end:
            return seen, end.value


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Return the intersection over the union of two masks."""
    return float((one & other).sum() / (one | other).sum())

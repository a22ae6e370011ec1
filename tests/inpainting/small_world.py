"""A small world of textures, and inpainters for it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.inpainting import (
    Inpainter,
    InpainterMetadata,
    InpainterTraining,
    TrainingUpdate,
)
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks import Schedule, UNetArchitecture, build_unet

NARROW = UNetArchitecture("plain", (8, 16))


def smooth_textures(count: int = 6, side: int = 72) -> list[NDArray[np.uint16]]:
    """Images of bright smooth blobs: hidden pixels follow from their neighbours."""
    images = []
    for seed in range(count):
        noise = np.random.default_rng(seed).normal(size=(side, side))
        blobs = ndimage.gaussian_filter(noise, 5, mode="wrap")
        brightness = 200 + 4000 * np.maximum(blobs / blobs.std(), 0)
        images.append(np.round(brightness).astype(np.uint16))
    return images


@contextmanager
def one_thread() -> Iterator[None]:
    """Tiny networks gain nothing from threads, which wait for each other on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def finish(
    updates: Generator[Progress | TrainingUpdate, None, Inpainter],
) -> tuple[list[TrainingUpdate], Inpainter]:
    """Run a training to its end."""
    seen = []
    while True:
        try:
            update = next(updates)
            if isinstance(update, TrainingUpdate):
                seen.append(update)
        except StopIteration as end:
            return seen, end.value


def short_training(steps: int, **values: Any) -> InpainterTraining:
    """Return a training of few steps on small crops."""
    options: dict[str, Any] = {"batch": 16, "size": 32, **values}
    schedule = Schedule(steps=steps, learning_rate=1e-2, average=0.98)
    return InpainterTraining(options.pop("architecture", NARROW), schedule, **options)


def untrained(architecture: UNetArchitecture = NARROW, *, seed: int = 0) -> Inpainter:
    """Return an inpainter with random weights in float32."""
    torch.manual_seed(seed)
    network = build_unet(architecture)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    metadata = InpainterMetadata("random", architecture)
    return Inpainter(network, metadata, device="cpu", dtype=torch.float32)

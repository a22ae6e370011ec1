"""A small copy of the Cell Tracking Challenge's folders, simulated, and settings of seconds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import torch

from napari_inpaintaff.images import simulate_dense_nuclei
from napari_inpaintaff.inpainting import Inpainter, InpainterMetadata
from napari_inpaintaff.networks import UNetArchitecture, build_unet
from napari_inpaintaff.pipeline.reproduction import Reproduction
from napari_inpaintaff.separation import SeparationParameters

HELA, PSC = "Fluo-N2DL-HeLa", "PhC-C2DL-PSC"

QUICK = SeparationParameters(
    patch=32, stride=32, distance=4, iterations=2, minimum_side=8, minimum_gain=0.01
)


def write_frame(
    root: Path, data_set: str, sequence: str, number: int, *, partial: bool = False, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Write an image of nuclei and its gold truth."""
    image, truth = simulate_dense_nuclei(shape=(64, 80), seed=seed or number)
    if partial:
        truth[truth % 2 == 1] = 0
    images, truths = root / data_set / sequence, root / data_set / f"{sequence}_GT" / "SEG"
    images.mkdir(parents=True, exist_ok=True)
    truths.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(images / f"t{number:03d}.tif", image)
    tifffile.imwrite(truths / f"man_seg{number:03d}.tif", truth)
    return image, truth


def write_hela(root: Path) -> None:
    """Write what the paper trains, validates and tests on, but for six of the test frames."""
    for number in (13, 52):
        write_frame(root, HELA, "01", number)
    write_frame(root, HELA, "01", 76, partial=True)
    for number in (23, 35):
        write_frame(root, HELA, "02", number, partial=True)


def tiny_inpainter(path: Path) -> Path:
    """Save an inpainter that has learned nothing."""
    architecture = UNetArchitecture("plain", (4, 4), stem=2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_unet(architecture)
    return Inpainter(network, InpainterMetadata("tiny", architecture), device="cpu").save(path)


def small(model: Path, **changes: Any) -> Reproduction:
    """Return settings of seconds, with trainings in steps: the results are reproducible."""
    settings = Reproduction(
        inpainters={HELA: model},
        separation=QUICK,
        levels=(3, None),
        seeds=1,
        minutes=None,
        steps=3,
        inpainter_minutes=None,
        inpainter_steps=2,
        student_patches=6,
        student_steps=2,
        appendix_frames=1,
        device="cpu",
    )
    return replace(settings, **changes)

"""Cells of noisy images come apart better if the model denoises first."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_inpaintaff.evaluation import evaluate
from napari_inpaintaff.images import simulate_dense_nuclei
from napari_inpaintaff.inpainting import (
    DEFAULT_INPAINTER,
    Inpainter,
    InpainterTraining,
    train_inpainter,
)
from napari_inpaintaff.networks import Schedule
from napari_inpaintaff.pipeline import segment

PHOTONS, READ_NOISE = 6.0, 1.0
#: Of the simulation: its pedestal, and a typical nucleus above it.
PEDESTAL, NUCLEUS = 100.0, 525.0


def noisy(seed: int, side: int) -> tuple[NDArray[np.float64], NDArray[np.uint16]]:
    """Nuclei of few photons, and their ground truth."""
    image, truth = simulate_dense_nuclei(shape=(side, side), seed=seed)
    random = np.random.default_rng(seed)
    expected = PHOTONS * np.clip((image - PEDESTAL) / NUCLEUS, 0, None)
    return random.poisson(expected) + random.normal(0, READ_NOISE, image.shape), truth


def seg_after_training(*, denoise: bool) -> float:
    """SEG on two noisy images, after the default model was fine-tuned on six others."""
    default = Inpainter.load(DEFAULT_INPAINTER, device="cpu")
    training = InpainterTraining(
        default.metadata.architecture,
        Schedule(steps=300, learning_rate=1e-3),
        denoise=denoise,
    )
    images = [noisy(seed, 192)[0] for seed in range(6)]
    updates = train_inpainter(images, training, start_from=default, device="cpu")
    while True:
        try:
            next(updates)
        except StopIteration as end:
            inpainter = end.value
            break
    pairs = []
    for seed in (100, 101):
        image, truth = noisy(seed, 160)
        pairs.append((segment(image, model=inpainter, foreground=truth).labels, truth))
    return evaluate(pairs).seg


@pytest.mark.slow
def test_denoising_first_separates_noisy_cells_better() -> None:
    without, first = (seg_after_training(denoise=denoise) for denoise in (False, True))
    assert first > 0.75
    assert first > without + 0.15

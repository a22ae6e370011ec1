"""The engine of the widget with a network that denoises: thresholds see what it sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from napari.layers import Image

from napari_inpaintaff.foreground import foreground_probability, threshold
from napari_inpaintaff.images import simulate_dense_nuclei
from napari_inpaintaff.inpainting import Inpainter, InpainterMetadata
from napari_inpaintaff.inpainting.denoising import Denoiser
from napari_inpaintaff.networks import UNetArchitecture, build_unet
from napari_inpaintaff.separation import SEPARATION_MODES, SeparationParameters
from napari_inpaintaff.widgets.core_engine import CoreEngine
from napari_inpaintaff.widgets.planes import current_plane
from napari_inpaintaff.widgets.settings import LabelSettings, NetworkSettings, SeparationRequest

PLAIN = UNetArchitecture("plain", (8, 8), stem=2)
DENOISING = UNetArchitecture("plain", (4, 6), outputs=1)


@pytest.fixture
def denoising_model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    denoiser = Denoiser(build_unet(DENOISING), DENOISING, device=torch.device("cpu"))
    metadata = InpainterMetadata("tiny", PLAIN, denoiser=DENOISING)
    return Inpainter(build_unet(PLAIN), metadata, denoiser=denoiser, device="cpu").save(
        tmp_path / "tiny.safetensors"
    )


def test_the_foreground_is_that_of_the_denoised_image(
    denoising_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = SeparationParameters(stride=64, iterations=2)
    monkeypatch.setitem(SEPARATION_MODES, "draft", quick)
    image = simulate_dense_nuclei(shape=(64, 64), seed=1)[0]
    request = SeparationRequest(
        plane=current_plane(Image(image), (0.0, 0.0)),
        region=(slice(8, 40), slice(8, 40)),
        foreground="otsu",
        network=NetworkSettings(
            model=str(denoising_model),
            diameter=25.0,
            quality="draft",
            seed=0,
            device="cpu",
        ),
        labels=LabelSettings(alpha=1.5, minimum_size=0),
    )
    engine = CoreEngine()
    steps = engine.separate(request, None)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            separation = end.value
            break
    labelling = engine.label(separation, "otsu", request.labels)
    denoised = Inpainter.load(denoising_model, device="cpu").denoise(image)
    expected = threshold(foreground_probability(denoised, "otsu", diameter=25.0))[request.region]
    assert np.array_equal(labelling.labels[request.region] > 0, expected)
    raw = threshold(foreground_probability(image, "otsu", diameter=25.0))[request.region]
    assert (expected != raw).any()

"""A model that holds a denoiser denoises before it separates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_inpaintaff.foreground import foreground_probability, threshold
from napari_inpaintaff.images import simulate_dense_nuclei
from napari_inpaintaff.inpainting import Inpainter, InpainterMetadata
from napari_inpaintaff.inpainting.denoising import Denoiser
from napari_inpaintaff.networks import UNetArchitecture, build_unet
from napari_inpaintaff.pipeline import segment
from napari_inpaintaff.separation import SeparationParameters

CPU = torch.device("cpu")
ARCHITECTURE = UNetArchitecture("plain", (4, 6))
DENOISING = UNetArchitecture("plain", (4, 6), outputs=1)


@pytest.fixture
def networks() -> tuple[Inpainter, Denoiser]:
    """Both untrained: what counts is which image the inpainter gets to see."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        inpainting, denoising = build_unet(ARCHITECTURE), build_unet(DENOISING)
        with torch.no_grad():
            for parameter in [*inpainting.parameters(), *denoising.parameters()]:
                parameter.add_(0.1 * torch.randn_like(parameter))
    metadata = InpainterMetadata("random", ARCHITECTURE)
    inpainter = Inpainter(inpainting, metadata, device="cpu", dtype=torch.float32)
    return inpainter, Denoiser(denoising, DENOISING, device=CPU, dtype=torch.float32)


def test_segment_denoises_first(networks: tuple[Inpainter, Denoiser], tmp_path: Path) -> None:
    plain, denoiser = networks
    network = build_unet(ARCHITECTURE)
    network.load_state_dict({name: torch.from_numpy(w) for name, w in plain.weights.items()})
    metadata = replace(plain.metadata, denoiser=DENOISING)
    both = Inpainter(network, metadata, denoiser=denoiser, device="cpu", dtype=torch.float32)
    path = both.save(tmp_path / "both.safetensors")
    loaded = Inpainter.load(path, device="cpu", dtype=torch.float32)

    image, truth = (plane[:44, :40] for plane in simulate_dense_nuclei(shape=(64, 64), seed=1))
    # An untrained network hardly finds evidence for any split: accept all.
    quick = SeparationParameters(
        patch=32, stride=32, distance=4, iterations=2, minimum_side=16, minimum_gain=-9.0
    )
    runs = {
        "raw": segment(image, model=plain, foreground=truth, separation=quick),
        "by hand": segment(denoiser(image), model=plain, foreground=truth, separation=quick),
        "by the model": segment(image, model=loaded, foreground=truth, separation=quick),
    }
    values = {name: run.affinities.values for name, run in runs.items()}
    np.testing.assert_array_equal(values["by the model"], values["by hand"])
    assert not np.allclose(values["by the model"], values["raw"], atol=0.05)


def test_the_foreground_is_found_in_the_denoised_image(
    networks: tuple[Inpainter, Denoiser],
) -> None:
    plain, denoiser = networks
    network = build_unet(ARCHITECTURE)
    metadata = replace(plain.metadata, denoiser=DENOISING)
    both = Inpainter(network, metadata, denoiser=denoiser, device="cpu")
    image, _ = (plane[:44, :40] for plane in simulate_dense_nuclei(shape=(64, 64), seed=1))
    quick = SeparationParameters(patch=32, stride=32, distance=4, iterations=2, minimum_side=16)
    found = segment(image, model=both, foreground="otsu", separation=quick).foreground
    expected = threshold(foreground_probability(denoiser(image), "otsu", diameter=25.0))
    np.testing.assert_array_equal(found, expected)
    assert (found != threshold(foreground_probability(image, "otsu", diameter=25.0))).any()

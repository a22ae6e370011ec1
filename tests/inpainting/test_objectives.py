"""What a training minimises: the published loss, term by term."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from napari_inpaintaff.errors import ModelFileError, ParameterError
from napari_inpaintaff.inpainting import objectives
from napari_inpaintaff.inpainting.masks import Conditionals, random_conditionals
from napari_inpaintaff.inpainting.objectives import (
    build_objective,
    conditional_loss,
    hole_variation,
    liu_loss,
    perceptual_distance,
    style_distance,
)
from napari_inpaintaff.inpainting.perceptual import VGG16
from napari_inpaintaff.networks import UNetArchitecture, build_unet

CPU = torch.device("cpu")


class Fixed(nn.Module):
    """Predicts what it was given."""

    def __init__(self, prediction: Tensor) -> None:
        super().__init__()
        self.prediction = nn.Parameter(prediction)

    def forward(self, values: Tensor, known: Tensor) -> Tensor:
        return self.prediction


@pytest.fixture(scope="module")
def vgg() -> VGG16:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return VGG16()


def task(batch: int = 3, size: int = 16, seed: int = 0) -> tuple[Tensor, Tensor, Conditionals]:
    generator = torch.Generator().manual_seed(seed)
    values = 4 * torch.rand(batch, size, size, generator=generator)
    predicted = 4 * torch.rand(batch, 1, size, size, generator=generator)
    return values, predicted, random_conditionals(batch, size, generator)


def test_pixel_terms_are_means_over_all_pixels() -> None:
    values = torch.tensor([[[0.0, 0.0], [0.0, 0.0]]])
    known = torch.tensor([[[True, True], [True, False]]])
    masks = Conditionals(known, torch.ones_like(known))
    predicted = torch.tensor([[[[1.0, 0.0], [0.0, 2.0]]]])
    # Valid 1 / 4, hole 2 / 4; the whole crop is within a pixel of the hole: the composite
    # differs from its neighbours by 2 twice.
    loss = liu_loss(Fixed(predicted), values, masks)
    assert loss.item() == pytest.approx(0.25 + 6 * 0.5 + 0.1 * 4 / 4)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31))
def test_variation_counts_pairs_in_the_dilated_hole(seed: int) -> None:
    random = np.random.default_rng(seed)
    image, known = random.random((2, 7, 9)), random.random((2, 7, 9)) < 0.9
    expected = 0.0
    for index in range(2):
        around = np.zeros((7, 9), bool)
        for y, x in np.argwhere(~known[index]):
            around[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] = True
        for y, x in np.argwhere(around):
            for other in ((y + 1, x), (y, x + 1)):
                if other[0] < 7 and other[1] < 9 and around[other]:
                    expected += abs(image[index][y, x] - image[index][other])
    found = hole_variation(torch.from_numpy(image), torch.from_numpy(known))
    assert found.item() == pytest.approx(expected / image.size)


def test_style_compares_autocorrelations() -> None:
    generator = torch.Generator().manual_seed(1)
    one = [torch.rand(2, 3, 4, 5, generator=generator), torch.rand(2, 6, 2, 2, generator=generator)]
    other = [torch.rand(layer.shape, generator=generator) for layer in one]
    expected = 0.0
    for found, true in zip(one, other, strict=True):
        batch, channels, height, width = found.shape
        for index in range(batch):
            for c in range(channels):
                for d in range(channels):
                    inner = (found[index, c] * found[index, d]).sum()
                    inner -= (true[index, c] * true[index, d]).sum()
                    share = channels * height * width * channels**2 * batch
                    expected += abs(inner.item()) / share
    assert style_distance(one, other).item() == pytest.approx(expected, rel=1e-5)
    # It does not matter where in an image a texture is.
    rolled = [layer.roll((1, 2), (2, 3)) for layer in one]
    assert style_distance(rolled, one).item() == pytest.approx(0, abs=1e-6)
    assert perceptual_distance(rolled, one).item() > 0.1


def test_perceptual_is_the_sum_of_mean_differences() -> None:
    one = [torch.zeros(2, 3, 4, 4), torch.zeros(2, 5, 2, 2)]
    other = [torch.full((2, 3, 4, 4), 0.5), torch.full((2, 5, 2, 2), -2.0)]
    assert perceptual_distance(one, other).item() == pytest.approx(2.5)


def test_published_weights(vgg: VGG16) -> None:
    values, predicted, masks = task()
    network = Fixed(predicted)
    bare = liu_loss(network, values, masks)
    low, high = values.quantile(0.01), values.quantile(0.99)
    composite = torch.where(masks.known, values, predicted[:, 0])
    true, out, comp = (
        vgg((image - low) / (high - low)) for image in (values, predicted[:, 0], composite)
    )
    expected = (
        bare
        + 0.05 * (perceptual_distance(out, true) + perceptual_distance(comp, true))
        + 120 * (style_distance(out, true) + style_distance(comp, true))
    )
    torch.testing.assert_close(liu_loss(network, values, masks, features=vgg), expected)


def test_a_perfect_prediction_costs_only_variation(vgg: VGG16) -> None:
    values, _, masks = task()
    network = Fixed(values[:, None])
    loss = liu_loss(network, values, masks, features=vgg)
    torch.testing.assert_close(loss, 0.1 * hole_variation(values, masks.known))


def test_empty_crops_are_not_blown_up(vgg: VGG16) -> None:
    values, _, masks = task()
    noise = 0.01 * values
    loss = liu_loss(Fixed(torch.zeros(3, 1, 16, 16)), noise, masks, features=vgg)
    assert 0 < loss.item() < 1


def test_gradients_reach_the_network_alone(vgg: VGG16) -> None:
    values, _, masks = task()
    network = build_unet(UNetArchitecture("partial", (4, 6), outputs=1))
    liu_loss(network, values, masks, features=vgg).backward()
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
    assert all(parameter.grad is None for parameter in vgg.parameters())


def test_the_loss_falls(vgg: VGG16) -> None:
    values, _, masks = task()
    smooth = nn.functional.avg_pool2d(values, 5, 1, 2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_unet(UNetArchitecture("plain", (8, 8), outputs=1))
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(15):
        loss = liu_loss(network, smooth, masks, features=vgg)
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert losses[-1] < 0.7 * losses[0]


def test_laplace_and_l1_are_one_objective() -> None:
    assert build_objective("laplace", device=CPU) is conditional_loss
    assert build_objective("l1", device=CPU) is conditional_loss


def test_without_weights_the_log_says_what_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    values, predicted, masks = task()
    with caplog.at_level(logging.WARNING, logger=objectives.__name__):
        objective = build_objective("liu2018", device=CPU)
    assert "perceptual and style" in caplog.text
    expected = liu_loss(Fixed(predicted), values, masks)
    assert torch.equal(objective(Fixed(predicted), values, masks), expected)


def test_with_weights_nothing_is_left_out(
    vgg: VGG16, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    torch.save(vgg.state_dict(), tmp_path / "vgg.pth")
    values, predicted, masks = task()
    objective = build_objective("liu2018", vgg=tmp_path / "vgg.pth", device=CPU)
    expected = liu_loss(Fixed(predicted), values, masks, features=vgg)
    torch.testing.assert_close(objective(Fixed(predicted), values, masks), expected)
    assert not caplog.text


def test_impossible_objectives(tmp_path: Path) -> None:
    unknown: Any = "hinge"
    with pytest.raises(ParameterError, match="'hinge'"):
        build_objective(unknown, device=CPU)
    with pytest.raises(ParameterError, match="not for 'l1'"):
        build_objective("l1", vgg=tmp_path, device=CPU)
    with pytest.raises(ModelFileError, match="no file"):
        build_objective("liu2018", vgg=tmp_path / "nothing.pth", device=CPU)
    values, predicted, masks = task()
    with pytest.raises(ParameterError, match="one output"):
        liu_loss(Fixed(predicted.expand(-1, 2, -1, -1).clone()), values, masks)

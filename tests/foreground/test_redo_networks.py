"""Networks, losses and redrawing of ReDO: known answers and invariants."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
import torch

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.foreground.redo import (
    ReDOArchitecture,
    paper_architecture,
    small_architecture,
)
from napari_inpaintaff.foreground.redo.blocks import SelfAttention, initialise
from napari_inpaintaff.foreground.redo.critic import Critic
from napari_inpaintaff.foreground.redo.generator import RegionGenerator
from napari_inpaintaff.foreground.redo.losses import (
    conservation_loss,
    discriminator_loss,
    generator_loss,
    redraw,
)
from napari_inpaintaff.foreground.redo.mask_network import MaskNetwork

TINY = ReDOArchitecture(
    side=16, code=4, mask_width=4, widths=(8, 8), generator_widths=(8, 8, 8), attention=8
)


def some(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_hinge_losses_have_their_known_values():
    real, redrawn = torch.tensor([[2.0], [0.5]]), torch.tensor([[-3.0], [0.0]])
    # max(0, 1 - 2) and max(0, 1 - 0.5); max(0, 1 - 3) and max(0, 1 + 0).
    assert discriminator_loss(real, redrawn).item() == pytest.approx(0.25 + 0.5)
    assert generator_loss(redrawn).item() == pytest.approx(1.5)


def test_conservation_is_the_squared_distance_of_codes():
    found = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
    codes = torch.tensor([[1.0, 0.0], [3.0, 4.0]])
    assert conservation_loss(found, codes).item() == pytest.approx((4 + 25) / 2)
    assert conservation_loss(codes, codes).item() == 0


@pytest.mark.parametrize("region", [0, 1, 2])
def test_redrawing_a_region_leaves_the_others_exactly(region):
    labels = torch.randint(3, (2, 8, 8), generator=torch.Generator().manual_seed(1))
    masks = torch.nn.functional.one_hot(labels, 3).permute(0, 3, 1, 2).float()
    images, drawn = some(2, 3, 8, 8), some(2, 3, 8, 8, seed=2)
    result = redraw(images, masks, drawn, region).permute(0, 2, 3, 1)
    inside = labels == region
    assert torch.equal(result[~inside], images.permute(0, 2, 3, 1)[~inside])
    assert torch.equal(result[inside], drawn.permute(0, 2, 3, 1)[inside])


@pytest.mark.parametrize("regions", [2, 3])
@pytest.mark.parametrize("step", [1, 2])
def test_masks_sum_to_one_and_keep_the_size(regions, step):
    network = MaskNetwork(replace(TINY, regions=regions, mask_step=step))
    masks = network(some(2, 3, 16, 24))
    assert masks.shape == (2, regions, 16, 24)
    assert masks.min() >= 0
    torch.testing.assert_close(masks.sum(1), torch.ones(2, 16, 24))


def test_what_a_generator_draws_depends_on_mask_and_code_but_stays_in_range():
    torch.manual_seed(0)
    generator = RegionGenerator(TINY)
    mask, code = torch.rand(4, 1, 16, 16), some(4, 4)
    drawn = generator(mask, code)
    assert drawn.shape == (4, 3, 16, 16)
    assert drawn.abs().max() <= 1
    assert (generator(1 - mask, code) - drawn).abs().max() > 1e-3
    assert (generator(mask, -code) - drawn).abs().max() > 1e-3


def test_networks_of_the_paper_have_the_sizes_of_its_tables():
    shape = paper_architecture()
    assert shape.widths == (64, 128, 256, 512, 1024)
    assert shape.generator_widths[-1] == 32
    with torch.device("meta"):
        masks, critic = MaskNetwork(shape), Critic(shape, 1)
        image = torch.empty(1, 3, 128, 128)
        inner = masks.encoder(image)
        assert inner.shape[1:] == (68, 32, 32)
        assert masks.decoder(inner).shape[1:] == (17, 128, 128)
        assert critic.layers[0](image).shape[1:] == (64, 64, 64)
        assert critic.layers(image).shape[1:] == (1024, 4, 4)
        assert critic(image).shape == (1, 1)


def test_a_critic_is_bounded_by_its_normalisation():
    torch.manual_seed(0)
    critic = Critic(TINY, 1)
    initialise(critic, 50.0)
    for _ in range(20):  # power iterations
        critic(some(2, 3, 16, 16))
    weight = critic.layers[0].conv1.weight.flatten(1)
    assert torch.linalg.matrix_norm(weight, 2).item() == pytest.approx(1, abs=0.02)


def test_orthogonal_weights_have_the_gain_as_norm():
    network = MaskNetwork(TINY)
    initialise(network, 0.8)
    weight = network.encoder[3].weight.detach().flatten(1)
    values = torch.linalg.svdvals(weight)
    torch.testing.assert_close(values, torch.full_like(values, 0.8))
    assert network.encoder[3].bias.abs().max() == 0


def test_attention_changes_nothing_at_first_and_sees_everything_later():
    torch.manual_seed(0)
    attention = SelfAttention(8)
    features = some(1, 8, 4, 4).requires_grad_()
    assert torch.equal(attention(features), features)
    torch.nn.init.ones_(attention.strength)
    attention(features)[0, :, 0, 0].sum().backward()
    # The pooled keys are maxima: not every pixel counts, but some in the far corner do.
    assert features.grad[0, :, 2:, 2:].abs().max() > 0


def test_architectures_survive_their_description():
    for shape in (small_architecture(), paper_architecture(side=64, regions=3), TINY):
        described = {
            name: list(v) if isinstance(v, tuple) else v for name, v in asdict(shape).items()
        }
        assert ReDOArchitecture.from_json(described) == shape


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"side": 24}, "power of 2"),
        ({"regions": 4}, "2 or 3 regions"),
        ({"channels": 2}, "1 channel or 3"),
        ({"widths": (8, 8, 8)}, "2 widths"),
        ({"attention": 16}, "attention"),
        ({"mask_step": 3}, "step of 1 or 2"),
        ({"code": 0}, "widths and the code"),
    ],
)
def test_impossible_architectures_are_refused(change, words):
    with pytest.raises(ParameterError, match=words):
        replace(TINY, **change)


def test_descriptions_with_values_of_another_type_are_refused():
    described = {**asdict(TINY), "code": 4.0}
    with pytest.raises(ParameterError, match="whole numbers"):
        ReDOArchitecture.from_json(described)

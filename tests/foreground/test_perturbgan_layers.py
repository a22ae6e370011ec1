"""Layers, losses and networks of PerturbGAN: known answers and invariants."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.foreground.perturbgan import TABLE_ROWS, PerturbGANTraining
from napari_inpaintaff.foreground.perturbgan.architecture import LayeredArchitecture
from napari_inpaintaff.foreground.perturbgan.collapse import collapse_of, less_border_layer
from napari_inpaintaff.foreground.perturbgan.composition import (
    Layers,
    draw_shifts,
    jitter_contrast,
    shift_images,
    slide_images,
)
from napari_inpaintaff.foreground.perturbgan.critic import Critic
from napari_inpaintaff.foreground.perturbgan.encoder import Encoder
from napari_inpaintaff.foreground.perturbgan.generator import LayeredGenerator
from napari_inpaintaff.foreground.perturbgan.losses import (
    binarisation_loss,
    drift_loss,
    gradient_penalty,
    size_loss,
)

CPU = torch.device("cpu")
SMALL = LayeredArchitecture(32, 3, code=6, narrow=4, widest=8, mapping=2)


def random_layers(seed: int = 0, batch: int = 3, side: int = 8) -> Layers:
    draw = torch.Generator().manual_seed(seed)
    background, foreground = (torch.rand(batch, 3, side, side, generator=draw) for _ in range(2))
    return Layers(background, foreground, torch.rand(batch, 1, side, side, generator=draw))


def codes_of(generator: LayeredGenerator, count: int = 3) -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    latents = torch.randn(count, generator.architecture.code, generator=draw)
    return generator.styles(latents)


def test_size_loss_is_a_hinge_on_the_mean_of_each_mask() -> None:
    masks = torch.zeros(2, 1, 4, 4)
    masks[0, 0, :2] = 1.0  # half: large enough
    masks[1, 0, 0, :2] = 0.8  # a tenth
    assert float(size_loss(masks, 0.25)) == pytest.approx((0.25 - 0.1) / 2)
    assert float(size_loss(masks, 0.1)) == pytest.approx(0, abs=1e-7)


def test_binarisation_loss_is_the_distance_to_the_nearer_of_zero_and_one() -> None:
    masks = torch.tensor([0.0, 1.0, 0.5, 0.9]).reshape(1, 1, 2, 2)
    assert float(binarisation_loss(masks)) == pytest.approx((0 + 0 + 0.5 + 0.1) / 4)


def test_gradient_penalty_of_a_linear_critic() -> None:
    weights = torch.tensor([2.0, -1.0, 2.0]).reshape(1, 3, 1, 1).requires_grad_()
    real, fake = torch.rand(5, 3, 1, 1), torch.rand(5, 3, 1, 1)
    penalty = gradient_penalty(lambda images: (images * weights).sum((1, 2, 3)), real, fake)
    assert float(penalty.detach()) == pytest.approx((3.0 - 1) ** 2, rel=1e-5)
    penalty.backward()
    # Downhill is towards a shorter gradient.
    expected = 2 * (3.0 - 1) * weights.detach() / 3.0
    torch.testing.assert_close(weights.grad, expected)


def test_gradient_penalty_has_a_slope_where_the_critic_has_none() -> None:
    weight = torch.zeros(1, requires_grad=True)
    images = torch.rand(2, 1, 2, 2)
    penalty = gradient_penalty(lambda x: (x * weight).sum((1, 2, 3)), images, images)
    penalty.backward()
    assert float(penalty.detach()) == pytest.approx(1, abs=1e-4)
    assert weight.grad is not None
    assert torch.isfinite(weight.grad).all()


def test_drift_is_the_mean_square_of_the_scores() -> None:
    assert float(drift_loss(torch.tensor([3.0, -1.0]))) == pytest.approx(5.0)


def test_no_shift_is_the_plain_composition() -> None:
    layers = random_layers()
    plain = (1 - layers.mask) * layers.background + layers.mask * layers.foreground
    still = layers.shifted(torch.zeros(3, 2, dtype=torch.int64))
    torch.testing.assert_close(layers.compose(), plain)
    torch.testing.assert_close(still.compose(), plain)


@settings(max_examples=30)
@given(rows=st.integers(-5, 5), columns=st.integers(-5, 5))
def test_foreground_and_mask_move_together_over_a_background_that_stays(
    rows: int, columns: int
) -> None:
    layers = random_layers(seed=1, batch=1, side=6)
    moved = layers.shifted(torch.tensor([[rows, columns]]))
    image = moved.compose()[0]
    for y in range(6):
        for x in range(6):
            before = layers.background[0, :, y, x]
            if 0 <= y - rows < 6 and 0 <= x - columns < 6:
                part = layers.mask[0, 0, y - rows, x - columns]
                there = layers.foreground[0, :, y - rows, x - columns]
                torch.testing.assert_close(image[:, y, x], (1 - part) * before + part * there)
            else:
                torch.testing.assert_close(image[:, y, x], before)


@settings(max_examples=20)
@given(rows=st.integers(-7, 7), columns=st.integers(-7, 7))
def test_sliding_by_whole_pixels_is_shifting(rows: int, columns: int) -> None:
    layers, shifts = random_layers(seed=2, batch=2), torch.tensor([[rows, columns], [1, -2]])
    slid, shifted = layers.slid(shifts.float()), layers.shifted(shifts)
    torch.testing.assert_close(slid.compose(), shifted.compose(), rtol=0, atol=1e-5)


def test_sliding_by_half_a_pixel_is_the_mean_of_neighbours() -> None:
    images = torch.arange(16.0).reshape(1, 1, 4, 4)
    slid = slide_images(images, torch.tensor([[0.0, 0.5]]))
    torch.testing.assert_close(slid[..., 1:], images[..., 1:] - 0.5)


def test_every_image_has_a_shift_of_its_own() -> None:
    images = torch.zeros(2, 1, 5, 5)
    images[:, 0, 2, 2] = 1
    moved = shift_images(images, torch.tensor([[1, 0], [0, -2]]))
    assert [tuple(int(i) for i in image[0].nonzero()[0]) for image in moved] == [(3, 2), (2, 0)]


def test_shifts_reach_as_far_as_said_and_no_further() -> None:
    torch.manual_seed(0)
    shifts = draw_shifts(2000, 4.0, CPU)
    assert int(shifts.min()) == -4
    assert int(shifts.max()) == 4
    assert abs(float(shifts.float().mean())) < 0.2


def test_contrast_changes_around_the_mean_and_within_the_range() -> None:
    torch.manual_seed(0)
    images = torch.rand(200, 1, 4, 4)
    jittered = jitter_contrast(images, 0.3)
    factors = jittered.std((1, 2, 3)) / images.std((1, 2, 3))
    assert 0.69 < float(factors.min()) < 0.75
    assert (jittered <= images.amax((2, 3), keepdim=True)).all()
    assert (jittered >= images.amin((2, 3), keepdim=True)).all()
    torch.testing.assert_close(jitter_contrast(images, 0.0), images)


@pytest.mark.parametrize("generators", [1, 2])
def test_a_new_side_begins_as_the_enlarged_one_before(generators: int) -> None:
    torch.manual_seed(0)
    architecture = LayeredArchitecture(32, 3, 6, 4, 8, 2, generators)
    generator = LayeredGenerator(architecture).eval()
    codes = codes_of(generator)
    coarse, begun = generator(codes, 16), generator(codes, 32, 0.0)
    for name in ("background", "foreground", "mask"):
        enlarged = getattr(coarse, name).repeat_interleave(2, 2).repeat_interleave(2, 3)
        torch.testing.assert_close(getattr(begun, name), enlarged)
    nearly, done = generator(codes, 32, 1 - 1e-6), generator(codes, 32, 1.0)
    torch.testing.assert_close(nearly.compose(), done.compose(), rtol=0, atol=1e-4)


def test_the_critic_sees_a_new_side_as_the_one_before_at_first() -> None:
    torch.manual_seed(0)
    critic = Critic(SMALL)
    coarse = torch.rand(4, 3, 16, 16)
    fine = coarse.repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(critic(fine, 0.0), critic(coarse))
    assert not torch.allclose(critic(fine, 1.0), critic(coarse))


def test_the_publication_has_twenty_codes_at_side_64() -> None:
    architecture = LayeredArchitecture(64)
    assert architecture.codes == 20
    assert LayeredGenerator(LayeredArchitecture(64, 3, 4, 2, 4, 1)).styles(
        torch.zeros(2, 4)
    ).shape == (2, 20, 4)


def test_codes_beyond_the_crossover_are_those_of_the_second_latent_code() -> None:
    torch.manual_seed(0)
    generator = LayeredGenerator(SMALL)
    first, second = torch.randn(2, 2, SMALL.code).unbind()
    mixed = generator.mixed_styles(first, second, torch.tensor([3, 99]))
    count = SMALL.codes // 2
    one, other = generator.styles(first), generator.styles(second)
    for part in (slice(0, count), slice(count, 2 * count)):  # of both generators
        torch.testing.assert_close(mixed[0, part][:3], one[0, part][:3])
        torch.testing.assert_close(mixed[0, part][3:], other[0, part][3:])
    torch.testing.assert_close(mixed[1], one[1])


def test_each_generator_has_its_own_codes() -> None:
    torch.manual_seed(0)
    generator = LayeredGenerator(SMALL).eval()
    codes = codes_of(generator)
    changed = codes.clone()
    changed[:, : SMALL.codes // 2] += 1  # of the background
    before, after = generator(codes), generator(changed)
    assert not torch.allclose(before.background, after.background)
    torch.testing.assert_close(before.foreground, after.foreground)
    torch.testing.assert_close(before.mask, after.mask)


def test_the_encoder_begins_with_the_average_code() -> None:
    torch.manual_seed(0)
    mean = torch.randn(SMALL.codes, SMALL.code)
    encoder = Encoder(SMALL, mean, torch.ones_like(mean), 0.1).eval()
    found = encoder(torch.rand(2, 3, 32, 32))
    torch.testing.assert_close(found.codes, mean.expand(2, -1, -1))
    torch.testing.assert_close(found.shifts, torch.zeros(2, 2))


def test_masks_collapse_when_they_are_empty_or_full() -> None:
    empty = np.full((4, 8, 8), 0.01, np.float32)
    assert collapse_of(empty) == "empty"
    assert collapse_of(1 - empty) == "full"
    half = empty.copy()
    half[:, :4] = 0.9
    assert collapse_of(half) is None


def test_foreground_is_what_covers_less_of_the_border() -> None:
    mask = np.zeros((3, 8, 8), np.float32)
    mask[:, 2:6, 2:6] = 1
    assert less_border_layer(mask) == "front"
    assert less_border_layer(1 - mask) == "back"
    assert less_border_layer(np.zeros_like(mask)) == "front"
    # Half of the image, but all of its border.
    ring = np.ones((1, 8, 8), np.float32)
    ring[:, 1:-1, 1:-1] = 0
    assert less_border_layer(ring) == "back"


def test_rows_of_the_table_change_one_thing_each() -> None:
    basic = PerturbGANTraining(contrast_jitter=0.0)
    trainings = {
        row: PerturbGANTraining(**{"contrast_jitter": 0.0, **changed})
        for row, changed in TABLE_ROWS.items()
    }
    assert trainings["a"] == basic
    assert trainings["b"].shift == 0
    assert trainings["c"].shift == 0.25
    assert trainings["d"].contrast_jitter == 0.3
    assert not trainings["e"].random_crops
    assert trainings["f"].size_weight == 10
    assert trainings["g"].architecture(3).generators == 1
    assert len(set(map(str, trainings.values()))) == 7


def test_training_grows_from_8_to_the_full_side() -> None:
    training = PerturbGANTraining(side=64, batch=4)
    scales = [training.scale_at(progress) for progress in np.linspace(0, 1, 301)]
    assert list(dict.fromkeys(scale.side for scale in scales)) == [8, 16, 32, 64]
    assert scales[0].alpha == 1.0  # there is nothing to fade in from
    assert scales[-1] == training.scale_at(1.0)
    assert scales[-1].alpha == 1.0
    for before, after in itertools.pairwise(scales):
        if before.side == after.side:
            assert after.alpha >= before.alpha
        else:
            assert after.alpha < 0.2
            assert before.alpha == 1.0


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"side": 48}, "power of two"),
        ({"side": 4}, "power of two"),
        ({"shift": 0.5}, "shift"),
        ({"minimum_size": 1.0}, "covers"),
        ({"contrast_jitter": -0.1}, "jitter"),
        ({"batch": 1}, "batch"),
        ({"steps": 0}, "steps"),
        ({"minutes": math.nan}, "minutes"),
        ({"generators": 3}, "generators"),
        ({"size_weight": -1.0}, "weights"),
        ({"foreground_layer": "top"}, "front"),
    ],
)
def test_parameters_that_cannot_work_are_refused(values: dict[str, object], says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        PerturbGANTraining(**values)  # type: ignore[arg-type]

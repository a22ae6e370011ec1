"""The loss of AffNets: known answers, and which pairs have a part in it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from napari_inpaintaff.separation.pair_questions import Questions, dice_loss

OFFSETS = ((0, 1), (1, 0), (-2, 1))


class Fixed(nn.Module):
    """Says the same whatever it is shown."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, values: Tensor, known: Tensor) -> Tensor:
        return self.logits


def questions_of(segments: Tensor, allowed: Tensor | None = None) -> Questions:
    """Pairs with a pixel of a cell (above 0) count."""
    allowed = torch.ones_like(segments, dtype=torch.bool) if allowed is None else allowed
    return Questions(
        values=segments.float(),
        known=torch.ones_like(allowed),
        segments=segments.float(),
        labels=torch.zeros_like(segments, dtype=torch.float32),
        first=(segments > 0) & allowed,
        second=allowed,
    )


def loss_of(logits: Tensor, questions: Questions) -> float:
    return float(dice_loss(Fixed(logits), questions, OFFSETS))


def random_segments(seed: int, batch: int = 2) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 4, (batch, 9, 8)))


def test_the_truth_has_no_loss_and_its_opposite_all() -> None:
    questions = questions_of(random_segments(0))
    same, _ = questions.answers(OFFSETS, either=True)
    assert loss_of(100 * (same - 0.5), questions) == pytest.approx(0, abs=1e-6)
    assert loss_of(-100 * (same - 0.5), questions) == pytest.approx(1)


def test_a_single_row_by_hand() -> None:
    # Cells 1 and 2 touch, behind them is background: same, cut, cut, unasked.
    questions = questions_of(torch.tensor([[[1, 1, 2, 0, 0]]]))
    affinity = torch.tensor([0.9, 0.2, 0.4, 0.7])
    logits = torch.zeros(1, 1, 1, 5)
    logits[0, 0, 0, :4] = affinity.logit()
    cuts, true = 1 - affinity[:3], torch.tensor([0.0, 1, 1])
    expected = 1 - 2 * (cuts * true).sum() / (cuts**2 + true**2).sum()
    found = dice_loss(Fixed(logits), questions, ((0, 1),))
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10**6))
def test_pairs_of_background_and_unlabelled_pixels_have_no_part(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    segments = random_segments(seed)
    allowed = torch.rand(segments.shape, generator=generator) < 0.8
    questions = questions_of(segments, allowed)
    logits = torch.randn(2, 3, 9, 8, generator=generator)
    loss = loss_of(logits, questions)
    assert 0 <= loss <= 1
    changed = logits.clone()
    for k, (y, x) in enumerate(OFFSETS):
        partner = torch.roll(segments, (-y, -x), (1, 2))
        told = allowed & torch.roll(allowed, (-y, -x), (1, 2))
        rows, columns = torch.meshgrid(torch.arange(9), torch.arange(8), indexing="ij")
        inside = (rows + y >= 0) & (rows + y < 9) & (columns + x < 8)
        counts = told & inside & ((segments > 0) | (partner > 0))
        changed[:, k][~counts] = 5 * torch.randn(int((~counts).sum()), generator=generator)
    assert loss_of(changed, questions) == pytest.approx(loss, rel=1e-5)


def test_offsets_without_a_cut_have_no_part() -> None:
    segments = torch.ones(1, 9, 8, dtype=torch.long)
    segments[:, 5:] = 2
    questions = questions_of(segments)
    logits = torch.zeros(1, 3, 9, 8)
    before = loss_of(logits, questions)
    logits[:, 0] = -3  # along x nothing is to be cut
    assert loss_of(logits, questions) == before
    assert loss_of(logits, questions_of(torch.ones_like(segments))) == 0


def test_rare_cuts_count_as_much_as_frequent_ones() -> None:
    """A network that cuts nothing has the same loss, however few cuts there are."""
    nothing = torch.full((1, 3, 9, 8), 20.0)
    few, many = torch.ones(1, 9, 8), torch.arange(72.0).reshape(1, 9, 8) + 1
    few[0, 4, 4] = 2
    assert loss_of(nothing, questions_of(few)) == pytest.approx(1, abs=1e-4)
    assert loss_of(nothing, questions_of(many)) == pytest.approx(1, abs=1e-4)

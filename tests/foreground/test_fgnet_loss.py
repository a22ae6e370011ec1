"""The risk that a foreground network minimises: known values."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_inpaintaff.foreground.fgnet_loss import labelled_risk


def test_unlabelled_pixels_do_not_count() -> None:
    logits = torch.tensor([2.0, -1.0, 50.0])
    risk = labelled_risk(logits, torch.tensor([1.0, 0.0, -1.0]))
    assert float(risk) == pytest.approx((np.log1p(np.exp(-2)) + np.log1p(np.exp(-1))) / 2)
    assert float(labelled_risk(logits, torch.full((3,), -1.0))) == 0

"""What the preview draws, and which of many splits it follows."""

from __future__ import annotations

import numpy as np
import pytest
from fake_engine import FakeSplit

from napari_inpaintaff.widgets import preview as preview_module
from napari_inpaintaff.widgets.preview import (
    FRAME,
    ORANGE,
    OUTLINE,
    PURPLE,
    SplitPreview,
    split_picture,
)


def split(origin, *, depth=0, iteration=0):
    state = np.ones((8, 8), dtype=np.int8)
    band = np.zeros((8, 8), dtype=bool)
    return FakeSplit(origin, 1.0, state, band, 0.0, iteration, depth, 0, 1)


def test_both_sides_the_outline_of_the_band_and_the_frame_are_drawn():
    state = np.zeros((9, 9), dtype=np.int8)
    state[1:5, 1:8], state[5:8, 1:8] = 1, 2
    band = np.zeros((9, 9), dtype=bool)
    band[3:7, 2:7] = True
    picture = split_picture(state, band)
    assert (picture[0] == FRAME).all()
    assert (picture[:, -1] == FRAME).all()
    assert picture[1, 1] == PURPLE
    assert picture[7, 7] == ORANGE
    assert (picture[3, 2:7] == OUTLINE).all()
    # Inside the band the sides stay visible.
    assert picture[4, 4] == PURPLE
    assert picture[5, 4] == ORANGE


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(preview_module, "time", clock)
    return clock


def test_one_patch_is_followed_for_a_while_then_the_shallowest_split(clock):
    preview = SplitPreview(viewer=None, source=None, index=())
    deep, first, second = split((0, 0), depth=3), split((0, 9)), split((9, 0))
    assert preview._choose([deep, first]) is first
    again = split((0, 9), depth=2, iteration=5)
    assert preview._choose([again, second]) is again
    clock.now += 2
    assert preview._choose([again, second]) is second
    assert preview._choose([]) is None

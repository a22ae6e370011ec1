"""What the preview draws."""

from __future__ import annotations

import numpy as np

from napari_inpaintaff.widgets.preview import (
    FRAME,
    ORANGE,
    OUTLINE,
    PURPLE,
    split_picture,
)


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

"""Watching and recording real splits: the simulated sample, the shipped network, the real core."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from napari_inpaintaff.images import simulate_dense_nuclei
from napari_inpaintaff.separation import SEPARATION_MODES
from napari_inpaintaff.widgets.preview import FRAME, ORANGE, PURPLE
from napari_inpaintaff.widgets.runner import JobRunner
from napari_inpaintaff.widgets.separate_cells import SeparateCells
from napari_inpaintaff.widgets.split_following import SplitSpeed

REGION = (40, 30, 70, 60)


@pytest.fixture
def core_dock(make_napari_viewer, qtbot):
    viewer = make_napari_viewer()
    image = simulate_dense_nuclei(shape=(128, 128), seed=1)[0]
    viewer.add_image(image, name="nuclei", scale=(0.4, 0.4), translate=(1, 2), units=("um", "um"))
    dock = SeparateCells(viewer)
    viewer.window.add_dock_widget(dock)
    dock.form.quality.choose("draft")
    dock.form.region.draw_button.click()
    top, left, bottom, right = REGION
    dock.form.region.shapes.add_rectangles([[top, left], [bottom - 1, right - 1]])
    yield dock
    dock.controller.cancel()
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=180_000)


def test_real_splits_are_shown_step_by_step_and_replayed(core_dock, qtbot):
    viewer, shown = core_dock._viewer, []
    core_dock.controller.live.shown.connect(lambda update, gains: shown.append((update, gains)))
    core_dock.watch.choose(SplitSpeed.EVERY)
    core_dock.watch.record.click()
    with qtbot.waitSignal(core_dock.controller.ended, timeout=180_000):
        core_dock.controls.run_button.click()

    iterations = SEPARATION_MODES["draft"].iterations
    first = [update for update, _ in shown if update.split == shown[0][0].split]
    assert [update.iteration for update in first] == [*range(1, iterations + 1), iterations]
    assert len({update.split for update, _ in shown}) > 1
    for (before, _), (update, gains) in pairwise(shown):
        if update.split == before.split:
            assert not before.ended
            assert gains[-1] == (update.iteration, update.gain)
            assert [iteration for iteration, _ in gains] == [*range(1, update.iteration + 1)]
    # Where a real border is, the cut moves, and its IGM ends below that of the first, blind cut.
    assert any(
        update.ended and update.gain > gains[0][1] and update.gain > 1.5 for update, gains in shown
    )

    layer = viewer.layers["nuclei evolution"]
    frames = np.asarray(layer.data)
    assert len(frames) >= len(shown)
    assert {PURPLE, ORANGE, FRAME} <= set(np.unique(frames))
    source = viewer.layers["nuclei"]
    for frame, (update, _) in zip(frames, shown, strict=False):
        rows, columns = np.nonzero(frame)
        corner = layer.data_to_world((0, rows.min(), columns.min()))[1:]
        np.testing.assert_allclose(corner, source.data_to_world(update.origin))
    assert viewer.layers["nuclei cells"].data.any()

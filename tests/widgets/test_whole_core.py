"""All planes on the real core give what "Separate cells" gives on each of them."""

from __future__ import annotations

import numpy as np

from napari_inpaintaff.images import simulate_dense_nuclei
from napari_inpaintaff.widgets.core_engine import CoreEngine
from napari_inpaintaff.widgets.runner import JobRunner
from napari_inpaintaff.widgets.separate_cells import SeparateCells
from napari_inpaintaff.widgets.whole_data import WholeData


def test_a_small_stack(make_napari_viewer, qtbot):
    frames = np.stack([simulate_dense_nuclei(shape=(96, 96), seed=seed)[0] for seed in range(3)])
    viewer = make_napari_viewer()
    stack = viewer.add_image(frames, name="nuclei", scale=(3, 0.5, 0.5), units=("um",) * 3)
    engine = CoreEngine()
    separate = SeparateCells(viewer, engine=engine)
    viewer.window.add_dock_widget(separate, name="Separate cells")
    separate.form.model.choose("nuclei-student")
    whole = WholeData(viewer)
    viewer.window.add_dock_widget(whole, name="Whole data")
    whole.form.image.choose(stack)
    with qtbot.waitSignal(whole.controller.ended, timeout=180_000):
        whole.controls.apply_button.click()
    assert whole.controls.status.text() == "Done: 3 planes labelled."
    everything = viewer.layers["nuclei cells (all)"]
    for frame in range(3):
        assert everything.data[frame].max() > 3

    viewer.dims.set_current_step(0, 1)
    with qtbot.waitSignal(separate.controller.ended, timeout=180_000):
        separate.controls.run_button.click()
    np.testing.assert_array_equal(viewer.layers["nuclei cells"].data[0], everything.data[1])
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=180_000)

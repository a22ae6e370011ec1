"""Labels of "Separate cells" under correction: their affinities, and nothing is lost."""

from __future__ import annotations

import numpy as np
import pytest

from napari_inpaintaff.widgets.correct_labels import CorrectLabels


@pytest.fixture
def correct(viewer, dock, run_to_end) -> CorrectLabels:
    """The dock on the result of a run: five columns of 8 pixels."""
    run_to_end(dock)
    widget = CorrectLabels(viewer)
    viewer.window.add_dock_widget(widget, name="Correct labels")
    return widget


def test_results_bring_their_affinities_and_alpha(viewer, dock, correct):
    cells = viewer.layers["nuclei cells"]
    assert correct.controller.layer is cells
    assert correct.controller.evidence.alpha == dock.form.label_settings().alpha
    assert correct.form.buttons["relink"].isEnabled()


def test_labels_that_nobody_corrected_follow_the_slider(viewer, dock, correct, qtbot):
    cells = viewer.layers["nuclei cells"]
    correct.controller.pick(1)
    dock.form.alpha.setValue(0.7)
    qtbot.waitUntil(lambda: cells.data.max() == 1, timeout=60_000)
    qtbot.waitUntil(lambda: correct.controller.evidence.alpha == 0.7, timeout=60_000)
    qtbot.wait(50)
    assert list(correct.controller.corrections.state.segments) == [1]
    assert not correct.form.buttons["undo"].isEnabled()


@pytest.mark.parametrize("action", ["lock", "merge", "merge and undo"])
def test_corrected_labels_are_never_overwritten(viewer, dock, correct, qtbot, action):
    cells = viewer.layers["nuclei cells"]
    controller = correct.controller
    first, second = list(controller.corrections.state.segments)[:2]
    controller.pick(first)
    if action == "lock":
        controller.toggle_lock()
    else:
        controller.merge_with(second)
    if action == "merge and undo":
        controller.undo()
    before = cells.data.copy()
    dock.form.alpha.setValue(0.7)
    qtbot.waitUntil(lambda: "nuclei cells [1]" in viewer.layers, timeout=60_000)
    np.testing.assert_array_equal(cells.data, before)
    assert viewer.layers["nuclei cells [1]"].data.max() == 1
    assert controller.layer is cells
    assert len(controller.corrections.history.edits) == 1


def test_a_draft_cannot_be_corrected(viewer, dock, correct, engine, qtbot):
    cells = viewer.layers["nuclei cells"]
    engine.drafts = (1,)
    engine.hold()
    dock.controls.run_button.click()
    engine.release(2)
    qtbot.waitUntil(lambda: not cells.editable, timeout=60_000)
    qtbot.waitUntil(lambda: not correct.form.buttons["next"].isEnabled(), timeout=60_000)
    assert "wait until the run is finished" in correct.form.buttons["next"].toolTip()
    with qtbot.waitSignal(dock.controller.ended, timeout=60_000):
        engine.release()
    qtbot.waitUntil(correct.form.buttons["next"].isEnabled, timeout=60_000)

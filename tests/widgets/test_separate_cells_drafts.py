"""Draft labels: soon there, better with time, and never mistaken for a result."""

from __future__ import annotations

import numpy as np
import pytest
from napari.utils.notifications import NotificationSeverity

from napari_inpaintaff.widgets.own_layers import is_own_layer
from napari_inpaintaff.widgets.preview import PREVIEW_NAME
from napari_inpaintaff.widgets.runner import JobRunner
from napari_inpaintaff.widgets.separate_cells import SeparateCells

DRAFT_CELLS, CELLS = 3, 5


@pytest.fixture
def drafting(engine):
    """Drafts come after the second and the fourth of six batches."""
    engine.drafts = (2, 4)
    engine.hold()
    return engine


def cells(viewer):
    return next((layer for layer in viewer.layers if layer.name.endswith("cells")), None)


def names(viewer):
    return [layer.name for layer in viewer.layers]


def run_to_draft(viewer, dock, engine, qtbot):
    """Press Run and let the run go on until its first draft is shown."""
    before = engine.batches_done
    engine.hold()
    dock.controls.run_button.click()
    engine.release(3)
    qtbot.waitUntil(lambda: engine.batches_done == before + 3, timeout=180_000)
    qtbot.waitUntil(lambda: "Draft" in dock.controls.status.text(), timeout=180_000)


def end(dock, engine, qtbot, *, button=None):
    with qtbot.waitSignal(dock.controller.ended, timeout=180_000):
        if button is not None:
            button.click()
        engine.release()


def test_a_draft_is_shown_and_becomes_the_result_in_the_same_layer(viewer, dock, drafting, qtbot):
    selected = viewer.layers.selection.active
    run_to_draft(viewer, dock, drafting, qtbot)
    layer = cells(viewer)
    assert layer.data.max() == DRAFT_CELLS
    assert not layer.editable
    # The splits stay visible above it.
    assert names(viewer) == ["nuclei", "nuclei cells", PREVIEW_NAME]
    assert viewer.layers.selection.active is selected
    text = dock.controls.status.text
    assert text().startswith("Draft: 3 cells. ")
    qtbot.waitUntil(lambda: "Patch 3 of 6" in text(), timeout=180_000)

    end(dock, drafting, qtbot)
    assert cells(viewer) is layer
    assert layer.data.max() == CELLS
    assert layer.editable
    assert names(viewer) == ["nuclei", "nuclei affinities", "nuclei cells"]
    assert viewer.layers.selection.active is layer
    assert text().startswith("5 cells.")


def test_a_later_draft_replaces_an_earlier_one(viewer, dock, drafting, qtbot):
    run_to_draft(viewer, dock, drafting, qtbot)
    drafting.width = 4
    drafting.release(2)
    qtbot.waitUntil(lambda: cells(viewer).data.max() == CELLS, timeout=180_000)
    assert "Draft: 5 cells" in dock.controls.status.text()
    end(dock, drafting, qtbot)
    assert cells(viewer).data.max() == 10


def test_drafts_that_come_too_fast_are_shown_newest_last(viewer, dock, engine, run_to_end):
    engine.batches = 500
    engine.drafts = tuple(range(1, 501))
    shown = []
    dock.controller._runner.updated.connect(shown.extend)
    run_to_end(dock)
    drafts = [update.done for update in shown if hasattr(update, "labelling")]
    assert 1 <= len(drafts) < 500
    assert drafts == sorted(drafts)
    assert drafts[-1] == 500
    assert cells(viewer).data.max() == CELLS


@pytest.mark.parametrize("ending", ["cancel", "error"])
def test_a_run_without_result_takes_its_draft_along(viewer, dock, drafting, qtbot, ending):
    before = names(viewer)
    if ending == "error":
        drafting.error = RuntimeError("broken")
        drafting.drafts = (1,)
        dock.controls.run_button.click()
        drafting.release(2)
        qtbot.waitUntil(lambda: cells(viewer) is not None, timeout=180_000)
        end(dock, drafting, qtbot)
        assert "broken" in dock.controls.status.text()
    else:
        run_to_draft(viewer, dock, drafting, qtbot)
        end(dock, drafting, qtbot, button=dock.controls.cancel_button)
        assert dock.controls.status.text().startswith("Cancelled")
    assert names(viewer) == before
    drafting.error = None
    end(dock, drafting, qtbot, button=dock.controls.run_button)
    assert cells(viewer).data.max() == CELLS


def test_cancel_brings_back_the_labels_of_the_run_before(viewer, dock, drafting, run_to_end, qtbot):
    drafting.release()
    run_to_end(dock)
    layer, before = cells(viewer), cells(viewer).data.copy()
    layer.name = "my cells"
    run_to_draft(viewer, dock, drafting, qtbot)
    assert cells(viewer) is layer
    assert layer.data.max() == DRAFT_CELLS
    end(dock, drafting, qtbot, button=dock.controls.cancel_button)
    assert cells(viewer) is layer
    np.testing.assert_array_equal(layer.data, before)
    assert layer.editable
    # They still follow the slider.
    dock.form.alpha.setValue(0.6)
    qtbot.waitUntil(lambda: layer.data.max() == 1, timeout=180_000)
    assert len(viewer.layers) == 3


@pytest.mark.parametrize("cancelled", [False, True])
def test_painted_labels_are_never_overwritten(
    viewer, dock, drafting, run_to_end, qtbot, notifications, cancelled
):
    drafting.release()
    run_to_end(dock)
    painted = cells(viewer)
    painted.data_setitem((np.array([12, 13]), np.array([12, 13])), 99)
    before = painted.data.copy()
    run_to_draft(viewer, dock, drafting, qtbot)
    assert len(viewer.layers) == 5
    np.testing.assert_array_equal(painted.data, before)
    assert painted.editable
    if cancelled:
        end(dock, drafting, qtbot, button=dock.controls.cancel_button)
        assert names(viewer) == ["nuclei", "nuclei affinities", "nuclei cells"]
        assert is_own_layer(painted)
    else:
        end(dock, drafting, qtbot)
        assert names(viewer)[-1] == "nuclei cells [1]"
        assert viewer.layers["nuclei cells [1]"].data.max() == CELLS
        assert "stay in nuclei cells" in notifications[-1].message
        # What was painted can be the mask of the next run.
        assert dock.form.foreground.findText("nuclei cells") >= 0
    np.testing.assert_array_equal(painted.data, before)


def test_moving_alpha_does_not_overwrite_painted_labels(
    viewer, dock, run_to_end, qtbot, notifications
):
    run_to_end(dock)
    painted = cells(viewer)
    painted.data_setitem((np.array([12]), np.array([12])), 99)
    for alpha in (0.6, 0.7):
        dock.form.alpha.setValue(alpha)
        qtbot.waitUntil(lambda: "nuclei cells [1]" in viewer.layers, timeout=180_000)
        qtbot.waitUntil(lambda: not dock.controller._relabeller.is_running, timeout=180_000)
    assert painted.data.max() == 99
    assert len(viewer.layers) == 4
    infos = [n for n in notifications if n.severity is NotificationSeverity.INFO]
    assert len(infos) == 1


def test_a_draft_removed_by_the_user_stays_away_until_the_result(viewer, dock, drafting, qtbot):
    run_to_draft(viewer, dock, drafting, qtbot)
    viewer.layers.remove(cells(viewer))
    drafting.release(2)
    qtbot.waitUntil(lambda: "Patch 5 of 6" in dock.controls.status.text(), timeout=180_000)
    assert cells(viewer) is None
    end(dock, drafting, qtbot)
    assert cells(viewer).data.max() == CELLS
    assert cells(viewer).editable


@pytest.mark.parametrize("kept", [False, True])
def test_a_removed_draft_is_not_brought_back_by_cancel(
    viewer, dock, drafting, run_to_end, qtbot, kept
):
    if kept:
        drafting.release()
        run_to_end(dock)
    run_to_draft(viewer, dock, drafting, qtbot)
    viewer.layers.remove(cells(viewer))
    end(dock, drafting, qtbot, button=dock.controls.cancel_button)
    assert cells(viewer) is None


def test_the_draft_goes_with_its_image(viewer, dock, drafting, qtbot):
    run_to_draft(viewer, dock, drafting, qtbot)
    viewer.layers.remove("nuclei")
    end(dock, drafting, qtbot)
    assert names(viewer) == []


def test_alpha_moved_during_a_run_changes_the_draft_and_the_result(viewer, dock, drafting, qtbot):
    run_to_draft(viewer, dock, drafting, qtbot)
    dock.form.alpha.setValue(0.6)
    qtbot.wait(200)
    # The draft follows with the next batch, long before the next draft.
    drafting.drafts = ()
    drafting.release(1)
    qtbot.waitUntil(lambda: cells(viewer).data.max() == 1, timeout=180_000)
    seen = []
    cells(viewer).events.data.connect(lambda: seen.append(int(cells(viewer).data.max())))
    end(dock, drafting, qtbot)
    qtbot.wait(300)
    assert set(seen) == {1}


def test_a_mask_changed_during_a_run_that_does_not_fit_does_not_end_the_run(
    viewer, dock, drafting, qtbot, notifications
):
    bad = viewer.add_labels(np.ones((5, 5), dtype=np.uint8), name="small mask")
    run_to_draft(viewer, dock, drafting, qtbot)
    dock.form.foreground.choose(bad)
    qtbot.wait(200)
    end(dock, drafting, qtbot)
    assert viewer.layers["nuclei cells"].data.max() == CELLS
    qtbot.waitUntil(lambda: any("same size" in n.message for n in notifications), timeout=180_000)


def test_labels_of_before_do_not_return_in_the_place_of_a_draft(
    viewer, dock, drafting, run_to_end, qtbot
):
    drafting.release()
    run_to_end(dock)
    layer = cells(viewer)
    run_to_draft(viewer, dock, drafting, qtbot)
    dock.form.alpha.setValue(0.6)
    qtbot.wait(300)
    assert layer.data.max() == DRAFT_CELLS
    # When it is cancelled, the labels of before have the new alpha.
    end(dock, drafting, qtbot, button=dock.controls.cancel_button)
    qtbot.waitUntil(lambda: layer.data.max() == 1, timeout=180_000)


def test_another_plane_gets_a_layer_for_its_draft(make_napari_viewer, drafting, qtbot, run_to_end):
    viewer = make_napari_viewer()
    movie = np.zeros((2, 64, 48))
    movie[:, 8:48, 8:40] = 1
    viewer.add_image(movie, name="movie")
    dock = SeparateCells(viewer, engine=drafting)
    viewer.window.add_dock_widget(dock)
    viewer.dims.set_point(0, 0)
    drafting.release()
    run_to_end(dock)
    first, before = cells(viewer), cells(viewer).data.copy()
    viewer.dims.set_point(0, 1)
    run_to_draft(viewer, dock, drafting, qtbot)
    assert names(viewer) == [
        "movie",
        "movie affinities",
        "movie cells",
        "movie cells [1]",
        PREVIEW_NAME,
    ]
    end(dock, drafting, qtbot, button=dock.controls.cancel_button)
    assert cells(viewer) is first
    np.testing.assert_array_equal(first.data, before)
    assert len(viewer.layers) == 3


@pytest.mark.parametrize("close", ["dock", "viewer"])
def test_closing_leaves_no_draft(make_napari_viewer, drafting, qtbot, close):
    viewer = make_napari_viewer()
    image = np.zeros((64, 48))
    image[8:48, 8:40] = 1
    viewer.add_image(image, name="nuclei")
    dock = SeparateCells(viewer, engine=drafting)
    viewer.window.add_dock_widget(dock, name="Separate cells")
    run_to_draft(viewer, dock, drafting, qtbot)
    if close == "viewer":
        viewer.close()
    else:
        destroyed = []
        dock.destroyed.connect(lambda: destroyed.append(True))
        viewer.window.remove_dock_widget(dock)
        dock.deleteLater()
        del dock
        qtbot.waitUntil(lambda: bool(destroyed), timeout=180_000)
        assert names(viewer) == ["nuclei"]
    drafting.release()
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=180_000)
    qtbot.wait(100)

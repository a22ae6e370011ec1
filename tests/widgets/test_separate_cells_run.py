"""A run in the real viewer: splits evolve, then affinities and labels appear."""

from __future__ import annotations

import re
import time

import numpy as np
from fake_engine import STUDENT, STUDENT_ALPHA
from napari.layers import Image, Labels
from qtpy.QtCore import QTimer

from napari_inpaintaff.widgets.preview import FRAME, ORANGE, OUTLINE, PREVIEW_NAME, PURPLE


def layer_named(viewer, name):
    return next((layer for layer in viewer.layers if layer.name == name), None)


def test_run_shows_labels_and_affinities_in_the_place_of_the_image(viewer, dock, run_to_end):
    source = viewer.layers["nuclei"]
    run_to_end(dock)
    labels, affinities = viewer.layers["nuclei cells"], viewer.layers["nuclei affinities"]
    assert isinstance(labels, Labels)
    assert isinstance(affinities, Image)
    assert affinities.rgb
    for layer in (labels, affinities):
        np.testing.assert_allclose(layer.scale, source.scale)
        np.testing.assert_allclose(layer.translate, source.translate)
        assert layer.units == source.units
        assert layer.axis_labels == source.axis_labels
    assert labels.data.shape == source.data.shape
    assert len(np.unique(labels.data)) == 5
    assert dock.controls.status.text().startswith("5 cells.")
    assert dock.controls.run_button.isEnabled()
    assert not dock.controls.cancel_button.isEnabled()


def test_the_network_is_loaded_soon_after_the_widget_opens(dock, engine, qtbot):
    assert not engine.warm
    qtbot.waitUntil(lambda: engine.warm, timeout=180_000)
    assert dock.controls.run_button.isEnabled()


def test_the_splits_evolve_in_a_preview_that_goes_away(viewer, dock, engine, qtbot):
    engine.hold()
    dock.controls.run_button.click()
    pictures, places = set(), set()

    def next_picture():
        preview = layer_named(viewer, PREVIEW_NAME)
        if preview is None or preview.data.tobytes() in pictures:
            return False
        assert set(np.unique(preview.data)) <= {PURPLE, ORANGE, OUTLINE, FRAME}
        pictures.add(preview.data.tobytes())
        places.add(tuple(preview.translate))
        return True

    for _ in range(5):
        engine.release(1)
        qtbot.waitUntil(next_picture, timeout=180_000)
    # The second patch begins four pixels to the right.
    assert places == {(3.0, -7.0), (3.0, -5.0)}
    with qtbot.waitSignal(dock.controller.ended, timeout=180_000):
        engine.release()
    assert [layer.name for layer in viewer.layers] == [
        "nuclei",
        "nuclei affinities",
        "nuclei cells",
    ]


def test_the_preview_keeps_the_users_selection(viewer, dock, engine, qtbot):
    engine.hold()
    viewer.layers.selection.active = viewer.layers["nuclei"]
    dock.controls.run_button.click()
    engine.release(2)
    qtbot.waitUntil(lambda: layer_named(viewer, PREVIEW_NAME) is not None, timeout=180_000)
    assert viewer.layers.selection.active is viewer.layers["nuclei"]


def test_the_interface_stays_alive_and_counts_patches(viewer, dock, engine, qtbot):
    engine.hold()
    dock.controls.run_button.click()
    text = dock.controls.status.text
    qtbot.waitUntil(lambda: text() == "Loading the network…", timeout=180_000)
    ticks = []
    timer = QTimer(dock)
    timer.timeout.connect(lambda: ticks.append(0))
    timer.start(10)
    for patch in range(1, 6):
        before = len(ticks)
        qtbot.waitUntil(lambda before=before: len(ticks) > before + 3, timeout=180_000)
        engine.release(1)
        qtbot.waitUntil(
            lambda patch=patch: text().startswith(f"Patch {patch} of 6"), timeout=180_000
        )
    assert re.match(r"Patch 5 of 6, about \d+ (s|min) left\.\n", text())
    timer.stop()


def test_a_burst_of_updates_does_not_flood_the_interface(viewer, dock, engine, run_to_end):
    engine.batches = 2000
    flushes = []
    dock.controller._runner.updated.connect(flushes.append)
    start = time.monotonic()
    run_to_end(dock)
    assert engine.batches_done == 2000
    assert len(flushes) <= 20 * (time.monotonic() - start) + 2
    assert flushes[-1][-1].message == "Building the labels…"


def test_run_twice_shows_its_result_in_the_same_layers(viewer, dock, engine, run_to_end):
    run_to_end(dock)
    first = viewer.layers["nuclei cells"]
    first.name = "my cells"
    run_to_end(dock)
    assert engine.separations == 2
    assert engine.previous[0] is None
    assert engine.previous[1] is not None
    assert len(viewer.layers) == 3
    assert viewer.layers["my cells"] is first


def test_a_removed_result_layer_is_made_again(viewer, dock, run_to_end):
    run_to_end(dock)
    viewer.layers.remove("nuclei cells")
    run_to_end(dock)
    assert "nuclei cells" in viewer.layers
    assert len(viewer.layers) == 3


def test_alpha_changes_the_labels_without_inference(viewer, dock, engine, run_to_end, qtbot):
    run_to_end(dock)
    labels = viewer.layers["nuclei cells"]
    assert labels.data.max() == 5
    before = len(engine.labellings)
    for alpha in (1.3, 1.1, 0.6):
        dock.form.alpha.setValue(alpha)
    qtbot.waitUntil(lambda: labels.data.max() == 1, timeout=180_000)
    assert engine.separations == 1
    # One labelling for a quick drag of the slider, not one per value.
    assert len(engine.labellings) == before + 1
    assert engine.labellings[-1][1].alpha == 0.6
    dock.form.minimum_size.setValue(77)
    qtbot.waitUntil(lambda: engine.labellings[-1][1].minimum_size == 77, timeout=180_000)
    assert engine.separations == 1


def test_alpha_moved_during_a_run_counts_for_its_labels(viewer, dock, engine, qtbot):
    engine.hold()
    dock.controls.run_button.click()
    qtbot.waitUntil(engine.in_batch.is_set, timeout=180_000)
    dock.form.alpha.setValue(0.6)
    qtbot.wait(200)
    engine.release()
    qtbot.waitUntil(
        lambda: "nuclei cells" in viewer.layers and viewer.layers["nuclei cells"].data.max() == 1,
        timeout=180_000,
    )
    assert engine.separations == 1


def test_painting_the_mask_changes_the_labels(viewer, dock, engine, run_to_end, qtbot):
    mask = np.zeros((64, 48), dtype=np.uint8)
    mask[10:20, 10:30] = 3
    layer = viewer.add_labels(mask, name="my mask", scale=(0.5, 0.5), translate=(3, -7))
    dock.form.foreground.choose(layer)
    run_to_end(dock)
    labels = viewer.layers["nuclei cells"]
    assert labels.data[12, 12] > 0
    assert labels.data[40, 20] == 0
    layer.data_setitem((np.array([12]), np.array([12])), 0)
    qtbot.waitUntil(lambda: labels.data[12, 12] == 0, timeout=180_000)
    layer.undo()
    qtbot.waitUntil(lambda: labels.data[12, 12] > 0, timeout=180_000)
    assert engine.separations == 1

    # A mask that grows beyond what was computed says so; Run adds what is missing.
    layer.data_setitem((np.array([60]), np.array([40])), 3)
    qtbot.waitUntil(
        lambda: "1 pixel of the foreground" in dock.controls.status.text(), timeout=180_000
    )
    assert labels.data[60, 40] == 0
    run_to_end(dock)
    assert labels.data[60, 40] > 0
    assert engine.previous[1] is not None


def test_a_mask_of_another_shape_is_refused_with_a_notification(
    viewer, dock, engine, notifications
):
    layer = viewer.add_labels(np.ones((3, 64, 48), dtype=np.uint8), name="stack of masks")
    dock.form.foreground.choose(layer)
    dock.controls.run_button.click()
    assert "stack of masks" in notifications[-1].message
    assert engine.separations == 0
    assert dock.controls.run_button.isEnabled()


def test_a_student_shows_its_progress_and_no_splits(viewer, dock, engine, qtbot):
    dock.form.evidence.setCurrentText("Image")
    dock.form.model.choose(STUDENT)
    engine.hold()
    dock.controls.run_button.click()
    engine.release(3)
    bar, text = dock.controls.bar, dock.controls.status.text
    qtbot.waitUntil(lambda: (bar.value(), bar.maximum()) == (3, 6), timeout=180_000)
    assert text() == "Predicting affinities…"
    assert layer_named(viewer, PREVIEW_NAME) is None
    with qtbot.waitSignal(dock.controller.ended, timeout=180_000):
        engine.release()
    assert viewer.layers["nuclei cells"].data.max() == 5
    assert engine.labellings[-1][1].alpha == STUDENT_ALPHA

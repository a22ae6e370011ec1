"""Watching splits in the real viewer: the curve, the line, the speed and the recording."""

from __future__ import annotations

import numpy as np
import pytest
from fake_engine import SPLIT, STUDENT
from napari.layers import Labels

from napari_inpaintaff.widgets import evolution as evolution_module
from napari_inpaintaff.widgets.planes import result_placement, with_leading_axis
from napari_inpaintaff.widgets.preview import PREVIEW_NAME, split_picture
from napari_inpaintaff.widgets.split_following import SplitSpeed

NAME = "nuclei evolution"


def layer_named(viewer, name):
    return next((layer for layer in viewer.layers if layer.name == name), None)


def expected_pictures(engine, dock, batches):
    """The pictures of the fake engine's splits, and where they are."""
    _, request = dock._request()
    splits = [engine._split(request, batch) for batch in range(batches)]
    return [(split_picture(split.state, split.band), split.origin) for split in splits]


@pytest.fixture
def lines(dock):
    """All that the line said, in order."""
    said = []
    dock.controller.live.shown.connect(lambda *_: said.append(dock.watch.line.text()))
    return said


def test_every_step_is_shown_and_replayed_in_its_place(
    viewer, dock, engine, lines, qtbot, run_to_end
):
    engine.batches = 12
    dock.watch.choose(SplitSpeed.EVERY)
    dock.watch.record.click()
    curves = []
    dock.controller.live.shown.connect(lambda *_: curves.append(dock.watch.curve.points))
    engine.hold()
    engine.release(6)
    dock.controls.run_button.click()
    qtbot.waitUntil(lambda: len(lines) == 6, timeout=180_000)
    assert lines == [
        f"Patch {patch} of 12 · depth 1 · iteration {n} of {SPLIT}"
        for patch in (1, 2)
        for n in (1, 2, 3)
    ]
    # The fake's evidence grows by one with every step; the IGM is its opposite.
    assert curves[2] == ((1, 1.0), (2, 0.0), (3, -1.0))
    assert curves[3] == ((1, -2.0),)
    assert dock.watch.recorded.text() == "6 of 1000"
    with qtbot.waitSignal(dock.controller.ended, timeout=180_000):
        engine.release()

    source, layer = viewer.layers["nuclei"], viewer.layers[NAME]
    pictures = expected_pictures(engine, dock, 12)
    lefts = [left for _, (_, left) in pictures]
    frames = np.asarray(layer.data)
    assert frames.shape == (12, 16, 16 + max(lefts))
    assert frames.dtype == np.uint8
    for frame, (picture, _), left in zip(frames, pictures, lefts, strict=True):
        np.testing.assert_array_equal(frame[:, left : left + 16], picture)
        assert np.count_nonzero(frame) == np.count_nonzero(picture)
    np.testing.assert_allclose(layer.scale, (1, *source.scale))
    np.testing.assert_allclose(layer.translate, (0, *source.translate))
    assert layer.units[1:] == source.units
    assert layer.axis_labels[0] == "step"
    # napari's own slider replays it, from the first step.
    assert viewer.dims.ndim == 3
    assert viewer.dims.current_step[0] == 0
    viewer.dims.set_current_step(0, 7)
    here = (7, *source.data_to_world((8, 12)))
    assert layer.get_value(here, world=True) == frames[7, 8, 12]
    assert NAME in dock.controls.status.text()
    # The image is still there to run on, and what was recorded stays.
    run_to_end(dock)
    assert layer_named(viewer, f"{NAME} [1]") is not None
    np.testing.assert_array_equal(np.asarray(layer.data), frames)


def test_off_draws_nothing_and_can_be_chosen_and_left_during_a_run(
    viewer, dock, engine, lines, qtbot
):
    engine.batches = 12
    dock.watch.choose(SplitSpeed.EVERY)
    engine.hold()
    dock.controls.run_button.click()
    engine.release(2)
    qtbot.waitUntil(lambda: len(lines) == 2, timeout=180_000)
    assert layer_named(viewer, PREVIEW_NAME) is not None

    dock.watch.choose(SplitSpeed.OFF)
    assert layer_named(viewer, PREVIEW_NAME) is None
    assert dock.watch.curve.points == ()
    assert not dock.watch.record.isEnabled()
    assert "nothing can be recorded" in dock.watch.record.toolTip()
    engine.release(5)
    qtbot.waitUntil(lambda: dock.controls.bar.value() == 7, timeout=180_000)
    assert "Patch 7 of 12" in dock.controls.status.text()
    assert layer_named(viewer, PREVIEW_NAME) is None
    assert len(lines) == 2

    dock.watch.choose(SplitSpeed.EVERY)
    engine.release(3)
    # Batches 7 and 8 belong to a split whose beginning was not seen.
    qtbot.waitUntil(lambda: len(lines) == 3, timeout=180_000)
    assert lines[-1].startswith("Patch 4 of 12")
    assert layer_named(viewer, PREVIEW_NAME) is not None
    assert dock.watch.record.isEnabled()
    with qtbot.waitSignal(dock.controller.ended, timeout=180_000):
        engine.release()
    assert layer_named(viewer, PREVIEW_NAME) is None
    assert layer_named(viewer, NAME) is None


def test_a_cancelled_run_leaves_its_recording_and_no_more_than_fits(
    viewer, dock, engine, qtbot, monkeypatch
):
    monkeypatch.setattr(evolution_module, "MAX_PICTURES", 4)
    engine.batches = 12
    dock.watch.choose(SplitSpeed.EVERY)
    dock.watch.record.click()
    engine.hold()
    dock.controls.run_button.click()
    engine.release(7)
    qtbot.waitUntil(lambda: dock.watch.line.text().startswith("Patch 3"), timeout=180_000)
    assert dock.watch.recorded.text() == "full: 4 pictures"
    with qtbot.waitSignal(dock.controller.ended, timeout=180_000):
        dock.controls.cancel_button.click()
        engine.release()
    assert [layer.name for layer in viewer.layers] == ["nuclei", NAME]
    assert len(viewer.layers[NAME].data) == 4
    assert dock.controls.status.text().startswith("Cancelled. Only the recording was kept.")


def test_a_run_that_fails_leaves_its_recording(viewer, dock, engine, run_to_end, notifications):
    engine.error = RuntimeError("broken")
    dock.watch.choose(SplitSpeed.EVERY)
    dock.watch.record.click()
    run_to_end(dock)
    assert notifications
    # What was still to be shown is recorded, too.
    assert len(viewer.layers[NAME].data) == 2


def test_a_student_has_no_splits_to_watch(dock):
    watch = dock.watch
    dock.form.model.choose(STUDENT)
    assert not watch.speed.isEnabled()
    assert not watch.record.isEnabled()
    assert "no splits" in watch.record.toolTip()
    dock.form.model.choose("nuclei-small")
    assert watch.speed.isEnabled()
    assert watch.record.isEnabled()


@pytest.mark.parametrize("shape", [(16, 16), (3, 2, 16, 16)])
def test_a_placement_with_another_axis_is_the_same_place(shape):
    """Rotated, sheared and moved: every pixel stays where it was, at every step."""
    rng = np.random.default_rng(0)
    axes = len(shape)
    affine = np.eye(axes + 1)
    affine[:-1] += 0.1 * rng.standard_normal((axes, axes + 1))
    rotation, _ = np.linalg.qr(rng.standard_normal((axes, axes)))
    rotation *= np.sign(np.linalg.det(rotation))
    source = Labels(
        np.zeros(shape, dtype=np.uint8),
        scale=rng.uniform(0.5, 2, axes),
        translate=rng.standard_normal(axes),
        rotate=rotation,
        shear=0.3 * rng.standard_normal(axes * (axes - 1) // 2),
        affine=affine,
        units=("um",) * axes,
    )
    index = (2, 1)[: axes - 2]
    placement = result_placement(source, index, (5, -3), 1.5)
    flat = Labels(np.zeros((1,) * (axes - 2) + (4, 4), dtype=np.uint8), **placement)
    deep = Labels(
        np.zeros((7, *flat.data.shape), dtype=np.uint8), **with_leading_axis(placement, "step")
    )
    for pixel in np.ndindex(flat.data.shape):
        world = deep.data_to_world((6, *pixel))
        np.testing.assert_allclose(world, (6, *flat.data_to_world(pixel)))

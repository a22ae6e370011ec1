"""All planes of a layer: they appear one by one, and nothing that is done gets lost."""

from __future__ import annotations

import dask.array
import numpy as np
import pytest
from fake_engine import FakeEngine
from napari.utils.notifications import NotificationSeverity

from napari_inpaintaff.widgets.correct_labels import CorrectLabels
from napari_inpaintaff.widgets.runner import JobRunner
from napari_inpaintaff.widgets.separate_cells import SeparateCells
from napari_inpaintaff.widgets.whole_data import WholeData

ALL = "movie cells (all)"
FRAMES = 4
BATCHES = 6


def bright_square() -> np.ndarray:
    frame = np.zeros((64, 48), dtype=np.uint16)
    frame[8:48, 8:40] = 100
    return frame


def columns() -> np.ndarray:
    """What the stand-in finds in such a frame."""
    labels = np.broadcast_to(np.arange(48) // 8 + 1, (64, 48))
    return np.where(bright_square() > 0, labels, 0)


@pytest.fixture
def movie(viewer):
    """A time-lapse of four frames, with scale and units, beside the single image."""
    return viewer.add_image(
        np.stack([bright_square()] * FRAMES),
        name="movie",
        scale=(2, 0.5, 0.5),
        translate=(10, 3, -7),
        units=("s", "um", "um"),
        axis_labels=("t", "y", "x"),
    )


@pytest.fixture
def whole_engine():
    engine = FakeEngine(batches=BATCHES)
    yield engine
    engine.release()


@pytest.fixture
def whole(viewer, movie, dock, whole_engine, qtbot):
    """The dock widget beside "Separate cells", with the time-lapse chosen."""
    widget = WholeData(viewer, engine=whole_engine)
    viewer.window.add_dock_widget(widget, name="Whole data")
    yield widget
    whole_engine.release()
    widget.controller.cancel()
    widget.controller.pause(False)
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=180_000)


@pytest.fixture
def apply_to_end(whole, qtbot):
    def apply() -> str:
        with qtbot.waitSignal(whole.controller.ended, timeout=180_000):
            whole.controls.apply_button.click()
        return whole.controls.status.text()

    return apply


def done_frames(viewer) -> list[int]:
    return [int(n) for n in np.flatnonzero(viewer.layers[ALL].data.any(axis=(1, 2)))]


def test_every_plane_gets_the_labels_of_separate_cells(
    viewer, movie, dock, whole, whole_engine, apply_to_end
):
    dock.form.diameter.setValue(31)
    dock.form.minimum_size.setValue(17)
    selected = set(viewer.layers.selection)
    text = apply_to_end()
    layer = viewer.layers[ALL]
    np.testing.assert_array_equal(layer.data, np.stack([columns()] * FRAMES))
    np.testing.assert_allclose(layer.scale, movie.scale)
    np.testing.assert_allclose(layer.translate, movie.translate)
    assert layer.units == movie.units
    assert layer.axis_labels == movie.axis_labels
    assert text == "Done: 4 planes labelled."
    assert viewer.layers.selection == selected
    assert len(whole_engine.requests) == FRAMES
    for request in whole_engine.requests:
        assert request.network == dock.form.network_settings()
        assert request.network.diameter == 31
        assert request.labels.minimum_size == 17
        assert request.region == (slice(0, 64), slice(0, 48))


def test_the_summary_follows_separate_cells(dock, whole):
    assert "Network: nuclei-small (balanced, seed 0)" in whole.summary.text.text()
    dock.form.alpha.setValue(2.1)
    dock.form.model.choose("nuclei-student")
    dock.form.foreground.choose("none")
    text = whole.summary.text.text()
    assert "nuclei-student (one pass)" in text
    assert "Cut strength α: 2.1" in text
    assert "Foreground: None: label every pixel" in text


def test_planes_appear_as_they_are_done_and_a_range_can_be_chosen(
    viewer, whole, whole_engine, qtbot
):
    first, last = whole.form.ranges.spins[0]
    first.setValue(1)
    last.setValue(2)
    assert whole.form.ranges.count.text() == "2 planes."
    whole_engine.hold()
    whole.controls.apply_button.click()
    whole_engine.release(BATCHES + 2)
    qtbot.waitUntil(lambda: done_frames(viewer) == [1], timeout=60_000)
    assert whole.controller.is_running
    assert not whole.controls.apply_button.isEnabled()
    qtbot.waitUntil(lambda: "2 of 2: movie [2]" in whole.controls.status.text(), timeout=60_000)
    with qtbot.waitSignal(whole.controller.ended, timeout=60_000):
        whole_engine.release()
    assert done_frames(viewer) == [1, 2]


def test_a_paused_run_holds_and_goes_on(viewer, whole, whole_engine, qtbot):
    whole_engine.hold()
    controls = whole.controls
    controls.apply_button.click()
    whole_engine.release(BATCHES + 1)
    qtbot.waitUntil(lambda: whole_engine.batches_done == BATCHES + 1, timeout=60_000)
    controls.pause_button.click()
    whole_engine.release(2 * BATCHES)
    qtbot.wait(300)
    # The batch that was under way is over, and no other has begun.
    assert whole_engine.batches_done <= BATCHES + 2
    assert done_frames(viewer) == [0]
    assert controls.pause_button.text() == "Resume"
    assert controls.status.text().startswith("Paused.")
    whole_engine.release()
    with qtbot.waitSignal(whole.controller.ended, timeout=60_000):
        controls.pause_button.click()
    assert done_frames(viewer) == [0, 1, 2, 3]
    assert controls.pause_button.text() == "Pause"


@pytest.mark.parametrize("paused", [False, True])
def test_cancel_keeps_what_is_done_and_another_run_goes_on(
    viewer, whole, whole_engine, apply_to_end, qtbot, paused
):
    whole_engine.hold()
    whole.controls.apply_button.click()
    whole_engine.release(2 * BATCHES + 1)
    qtbot.waitUntil(lambda: done_frames(viewer) == [0, 1], timeout=60_000)
    if paused:
        whole.controls.pause_button.click()
    with qtbot.waitSignal(whole.controller.ended, timeout=60_000):
        whole.controls.cancel_button.click()
        whole_engine.release()
    text = whole.controls.status.text()
    assert text.startswith("Cancelled: 2 planes labelled, which stay.")
    assert done_frames(viewer) == [0, 1]
    layer = viewer.layers[ALL]

    before = len(whole_engine.requests)
    text = apply_to_end()
    assert text == "Done: 2 planes labelled. 2 planes had labels already, which stay."
    assert len(whole_engine.requests) - before == 2
    assert viewer.layers[ALL] is layer
    assert done_frames(viewer) == [0, 1, 2, 3]
    assert len([one for one in viewer.layers if one.name.startswith("movie cells")]) == 1


def test_broken_frames_are_skipped_with_the_reason(viewer, dock, whole_engine, whole, apply_to_end):
    def frame(block_info=None):
        number = block_info[None]["chunk-location"][0]
        if number == 2:
            raise OSError("the disk was unplugged")
        return (bright_square() * (number != 1))[None]

    lazy = dask.array.map_blocks(frame, chunks=((1,) * FRAMES, (64,), (48,)), dtype=np.uint16)
    # Shown is a frame that can be read.
    layer = viewer.add_image(lazy, name="lazy", contrast_limits=(0, 100))
    whole.form.image.choose(layer)
    text = apply_to_end()
    assert text.startswith("Done: 2 planes labelled. 2 planes were skipped (")
    assert "lazy [1]: empty: every pixel is 0" in text
    assert "the disk was unplugged" in text
    done = viewer.layers["lazy cells (all)"].data.any(axis=(1, 2))
    np.testing.assert_array_equal(done, [True, False, False, True])


def test_planes_that_the_user_changed_are_never_overwritten(
    viewer, dock, whole, whole_engine, apply_to_end, qtbot
):
    apply_to_end()
    layer = viewer.layers[ALL]
    layer.data_setitem((np.array([1]), np.array([20]), np.array([20])), 99)
    correct = CorrectLabels(viewer)
    viewer.window.add_dock_widget(correct, name="Correct labels")
    correct.form.labels.choose(layer)
    viewer.dims.set_current_step(0, 2)
    correct.controller.pick(2)
    correct.controller.toggle_lock()
    before = layer.data.copy()

    dock.form.alpha.setValue(0.7)
    text = apply_to_end()
    assert text == "Nothing to do: 4 planes have labels already, which stay."
    np.testing.assert_array_equal(layer.data, before)

    whole.form.keep_labels.setChecked(False)
    text = apply_to_end()
    assert text == "Done: 2 planes labelled. 2 planes had labels already, which stay."
    np.testing.assert_array_equal(layer.data[1:3], before[1:3])
    assert layer.data[0].max() == layer.data[3].max() == 1
    # What was written is no correction of the user's.
    viewer.dims.set_current_step(0, 0)
    qtbot.wait(50)
    assert not correct.form.buttons["undo"].isEnabled()
    assert list(correct.controller.corrections.state.segments) == [1]


def test_the_frame_that_is_under_correction_follows(viewer, whole, whole_engine, qtbot):
    whole_engine.hold()
    whole.controls.apply_button.click()
    layer = viewer.layers[ALL]
    correct = CorrectLabels(viewer)
    viewer.window.add_dock_widget(correct, name="Correct labels")
    correct.form.labels.choose(layer)
    viewer.dims.set_current_step(0, 1)
    assert not correct.controller.corrections.state.segments
    with qtbot.waitSignal(whole.controller.ended, timeout=60_000):
        whole_engine.release()
    qtbot.wait(50)
    assert len(correct.controller.corrections.state.segments) == 4
    assert correct.controller.corrections.untouched


def test_labels_of_separate_cells_stay_as_they_are(
    viewer, movie, dock, whole, run_to_end, apply_to_end
):
    dock.form.image.choose(movie)
    run_to_end(dock)
    cells = viewer.layers["movie cells"]
    before = cells.data.copy()
    dock.form.alpha.setValue(0.7)
    apply_to_end()
    assert cells in viewer.layers
    assert cells.data.shape == before.shape
    assert viewer.layers[ALL].data.max() == 1


def test_one_heavy_job_at_a_time(viewer, dock, engine, whole, whole_engine, qtbot, notifications):
    engine.hold()
    dock.controls.run_button.click()
    whole.controls.apply_button.click()
    errors = [n.message for n in notifications if n.severity is NotificationSeverity.ERROR]
    assert "is still running" in errors[0]
    assert ALL not in viewer.layers
    with qtbot.waitSignal(dock.controller.ended, timeout=60_000):
        engine.release()


def test_without_separate_cells_it_says_what_to_do(make_napari_viewer, whole_engine, qtbot):
    viewer = make_napari_viewer()
    viewer.add_image(bright_square(), name="nuclei")
    widget = WholeData(viewer, engine=whole_engine)
    viewer.window.add_dock_widget(widget, name="Whole data")
    assert not widget.controls.apply_button.isEnabled()
    assert 'Open "Separate cells" first' in widget.controls.apply_button.toolTip()
    assert not widget.controls.cancel_button.isEnabled()
    separate = SeparateCells(viewer, engine=whole_engine)
    viewer.window.add_dock_widget(separate, name="Separate cells")
    assert widget.controls.apply_button.isEnabled()
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=180_000)

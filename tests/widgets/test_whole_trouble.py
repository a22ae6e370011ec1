"""What can go wrong while all planes are labelled: a sentence each, and what is done stays."""

from __future__ import annotations

import dask.array
import numpy as np
import pytest
from napari.utils.notifications import NotificationSeverity
from test_whole_run import (
    ALL,
    BATCHES,
    FRAMES,
    apply_to_end,
    bright_square,
    columns,
    done_frames,
    movie,
    whole_engine,
)

from napari_inpaintaff.errors import DeviceError, ModelFileError
from napari_inpaintaff.widgets.runner import JobRunner
from napari_inpaintaff.widgets.separate_cells import SeparateCells
from napari_inpaintaff.widgets.whole_data import WholeData

__all__ = ["apply_to_end", "movie", "whole_engine"]


@pytest.fixture
def viewer(model_viewer):
    """A viewer without a window: most of this needs none."""
    model_viewer.add_image(bright_square(), name="nuclei")
    return model_viewer


@pytest.fixture
def dock(viewer, engine, qtbot):
    """The dock widget "Separate cells"."""
    widget = SeparateCells(viewer, engine=engine)
    qtbot.addWidget(widget)
    return widget


@pytest.fixture
def whole(viewer, movie, dock, whole_engine, qtbot):
    """The dock widget beside it, with the time-lapse chosen."""
    widget = WholeData(viewer, engine=whole_engine)
    qtbot.addWidget(widget)
    yield widget
    whole_engine.release()
    widget.controller.cancel()
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=180_000)


def errors_of(notifications) -> list[str]:
    return [n.message for n in notifications if n.severity is NotificationSeverity.ERROR]


@pytest.fixture
def one_frame_done(viewer, whole, whole_engine, qtbot):
    """A run that is held in its second frame."""
    whole_engine.hold()
    whole.controls.apply_button.click()
    whole_engine.release(BATCHES + 1)
    qtbot.waitUntil(lambda: done_frames(viewer) == [0], timeout=60_000)


@pytest.mark.parametrize("removed", ["movie", ALL])
def test_a_removed_layer_ends_the_run_and_a_new_run_begins_anew(
    viewer, movie, whole, whole_engine, one_frame_done, apply_to_end, qtbot, removed
):
    layer = viewer.layers[ALL]
    with qtbot.waitSignal(whole.controller.ended, timeout=60_000):
        viewer.layers.remove(removed)
        whole_engine.release()
    text = whole.controls.status.text()
    assert text.startswith(f"{removed} was removed, so the run was ended. 1 plane labelled before")
    assert layer.data[0].any()
    assert not layer.data[1:].any()
    if removed == "movie":
        assert layer in viewer.layers
        return
    assert ALL not in viewer.layers
    apply_to_end()
    assert viewer.layers[ALL] is not layer
    assert done_frames(viewer) == [0, 1, 2, 3]


def test_layers_may_be_renamed_and_others_chosen_meanwhile(
    viewer, movie, whole, whole_engine, one_frame_done, qtbot
):
    layer = viewer.layers[ALL]
    movie.name, layer.name = "other", "mine"
    whole.form.image.choose(viewer.layers["nuclei"])
    viewer.layers.selection.active = viewer.layers["nuclei"]
    with qtbot.waitSignal(whole.controller.ended, timeout=60_000):
        whole_engine.release()
    assert layer.data.any(axis=(1, 2)).all()
    assert "nuclei cells (all)" not in viewer.layers


def test_a_viewer_closed_during_a_run_leaves_no_thread(
    make_napari_viewer, engine, whole_engine, qtbot
):
    other = make_napari_viewer()
    other.add_image(np.stack([bright_square()] * FRAMES), name="movie")
    widget = WholeData(other, engine=whole_engine)
    other.window.add_dock_widget(widget, name="Whole data")
    other.window.add_dock_widget(SeparateCells(other, engine=engine), name="Separate cells")
    whole_engine.hold()
    widget.controls.apply_button.click()
    assert whole_engine.in_batch.wait(60)
    widget.controls.pause_button.click()
    other.close()
    whole_engine.release()
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=60_000)
    assert whole_engine.closed == 1
    assert whole_engine.batches_done <= 2


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ModelFileError("the model was deleted"), "the model was deleted"),
        (DeviceError("the GPU has no memory left"), "the GPU has no memory left"),
        (RuntimeError("mat1 and mat2"), "Unexpected RuntimeError: mat1 and mat2"),
    ],
)
def test_a_failure_is_a_sentence_and_what_is_done_stays(
    viewer, whole, whole_engine, one_frame_done, apply_to_end, qtbot, notifications, error, line
):
    whole_engine.error = error
    with qtbot.waitSignal(whole.controller.ended, timeout=60_000):
        whole_engine.release()
    assert errors_of(notifications) == [line]
    assert whole.controls.status.text() == f"{line} 1 plane labelled before, which stay."
    assert done_frames(viewer) == [0]
    whole_engine.error = None
    apply_to_end()
    assert done_frames(viewer) == [0, 1, 2, 3]


def test_a_mask_of_every_plane_is_used_plane_by_plane(
    viewer, movie, dock, whole, whole_engine, apply_to_end
):
    mask = np.zeros(movie.data.shape, dtype=np.uint8)
    for frame in range(FRAMES):
        mask[frame, 8 : 12 + frame, 8:40] = 1
    dock.form.foreground.choose(viewer.add_labels(mask, name="mask"))
    assert "layer mask" in whole.summary.text.text()
    apply_to_end()
    np.testing.assert_array_equal(viewer.layers[ALL].data > 0, mask > 0)


@pytest.mark.parametrize("shape", [(64, 48), (1, 64, 48), (2, 64, 48), (4, 64, 40)])
def test_a_mask_that_says_nothing_of_some_planes_is_refused(
    viewer, dock, whole, whole_engine, notifications, shape
):
    dock.form.foreground.choose(viewer.add_labels(np.ones(shape, dtype=np.uint8), name="mask"))
    whole.controls.apply_button.click()
    (message,) = errors_of(notifications)
    assert message.startswith("The foreground mask has ")
    assert "choose a method or a network" in message
    assert ALL not in viewer.layers
    assert not whole_engine.requests


def test_planes_are_read_one_at_a_time_in_the_worker(viewer, whole, whole_engine, qtbot):
    read: list[int] = []

    def frame(block_info=None):
        read.append(block_info[None]["chunk-location"][0])
        return bright_square()[None]

    lazy = dask.array.map_blocks(frame, chunks=((1,) * FRAMES, (64,), (48,)), dtype=np.uint16)
    layer = viewer.add_image(lazy, name="lazy", contrast_limits=(0, 100))
    whole.form.image.choose(layer)
    read.clear()
    whole_engine.hold()
    whole.controls.apply_button.click()
    assert whole_engine.in_batch.wait(60)
    assert set(read) == {0}
    with qtbot.waitSignal(whole.controller.ended, timeout=60_000):
        whole_engine.release()
    assert sorted(set(read)) == [0, 1, 2, 3]


def test_a_stack_of_time_and_depth_keeps_both_axes(viewer, whole, whole_engine, apply_to_end):
    data = np.zeros((2, 3, 64, 48), dtype=np.float32)
    data[:] = bright_square()
    data[0, 2] = np.nan
    layer = viewer.add_image(data, name="volume", scale=(5, 2, 0.5, 0.5), contrast_limits=(0, 99))
    whole.form.image.choose(layer)
    assert len(whole.form.ranges.spins) == 2
    whole.form.ranges.spins[1][0].setValue(1)
    text = apply_to_end()
    assert text == (
        "Done: 3 planes labelled. 1 plane was skipped (volume [0, 2]: has no finite pixel)."
    )
    result = viewer.layers["volume cells (all)"]
    assert result.data.shape == data.shape
    np.testing.assert_allclose(result.scale, layer.scale)
    assert result.data.any(axis=(2, 3)).tolist() == [[False, True, False], [False, True, True]]


def test_a_single_image_has_one_plane(viewer, whole, whole_engine, apply_to_end):
    whole.form.image.choose(viewer.layers["nuclei"])
    assert whole.form.ranges.indices == [()]
    assert apply_to_end() == "Done: 1 plane labelled."
    np.testing.assert_array_equal(viewer.layers["nuclei cells (all)"].data, columns())


def test_a_mask_is_no_image(viewer, whole, whole_engine, notifications):
    layer = viewer.add_image(np.ones((3, 64, 48), dtype=bool), name="binary")
    whole.form.image.choose(layer)
    whole.controls.apply_button.click()
    assert "black-and-white mask" in errors_of(notifications)[0]
    assert "binary cells (all)" not in viewer.layers

"""The widget on the real training: a few strokes become a foreground that is used by name."""

from __future__ import annotations

import os

import numpy as np
import pytest
from fake_engine import FakeEngine
from skimage.measure import regionprops

from napari_inpaintaff import inpainting
from napari_inpaintaff.cli.foreground_choice import resolve_foreground
from napari_inpaintaff.foreground import FGNet, threshold
from napari_inpaintaff.images import simulate_dense_nuclei
from napari_inpaintaff.widgets import foreground_form
from napari_inpaintaff.widgets.core_engine import CoreEngine
from napari_inpaintaff.widgets.find_foreground import FindForeground
from napari_inpaintaff.widgets.foreground_controls import ForegroundStage
from napari_inpaintaff.widgets.model_news import model_news
from napari_inpaintaff.widgets.planes import Plane
from napari_inpaintaff.widgets.runner import JobRunner
from napari_inpaintaff.widgets.separate_cells import SeparateCells
from napari_inpaintaff.widgets.settings import LabelSettings, NetworkSettings, SeparationRequest

NAME = "nuclei-foreground"
PAINT, MASK, LIVE = (
    "nuclei foreground labels",
    "nuclei foreground",
    "nuclei foreground probability",
)


@pytest.fixture
def sample():
    """A part of the built-in sample, small enough to learn from within seconds."""
    image, truth = simulate_dense_nuclei()
    return image[:128, :128], truth[:128, :128]


@pytest.fixture
def core_dock(model_viewer, sample, model_folder, one_thread, qtbot, monkeypatch):
    monkeypatch.setitem(foreground_form.LENGTHS, "Quick look", 60)
    model_viewer.add_image(sample[0], name="nuclei", scale=(0.3, 0.3), translate=(10, 20))
    widget = FindForeground(model_viewer)
    qtbot.addWidget(widget)
    widget.form.length.setCurrentIndex(0)
    widget.form.device.setCurrentIndex(1)
    yield widget
    widget.controller.cancel()
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=180_000)


def train(dock, qtbot):
    with qtbot.waitSignal(dock.controller.ended, timeout=300_000):
        dock.controls.train_button.click()


def paint_strokes(layer, truth):
    """Paint through ten cells, and between them."""
    layer.brush_size = 4
    layer.selected_label = 2
    cells = [cell for cell in regionprops(truth) if cell.area > 200][:10]
    for cell in cells:
        row, column = (round(middle) for middle in cell.centroid)
        for step in range(-5, 6):
            layer.paint((row + step, column), 2)
    layer.data[(truth == 0) & (np.indices(truth.shape)[0] % 16 < 2)] = 1


def overlap(mask, truth):
    return ((mask > 0) & (truth > 0)).sum() / ((mask > 0) | (truth > 0)).sum()


def test_strokes_become_a_foreground_that_gets_better_and_is_used_by_name(
    model_viewer, core_dock, sample, model_folder, qtbot, notifications, monkeypatch
):
    image, truth = sample
    core_dock.form.tools.cells_button.click()
    paint_strokes(model_viewer.layers[PAINT], truth)
    updates = []
    core_dock.controller.updated.connect(updates.append)
    train(core_dock, qtbot)
    assert [n.message for n in notifications] == []
    mask = model_viewer.layers[MASK]
    first = overlap(mask.data, truth)
    assert first > 0.6
    assert updates[-1].loss < updates[0].loss
    fgnet = FGNet.load(NAME, device="cpu")
    # Weights are stored in half precision.
    expected = fgnet.probability(image, diameter=25)
    np.testing.assert_allclose(model_viewer.layers[LIVE].data, expected, atol=0.05)
    record = fgnet.metadata.training
    assert (record["steps"], record["started_from"]) == (60, "nuclei-small")
    monkeypatch.setattr(inpainting, "user_model_folder", lambda: model_folder)
    assert isinstance(resolve_foreground(NAME, device="cpu"), FGNet)

    train(core_dock, qtbot)
    assert FGNet.load(NAME, device="cpu").metadata.training["started_from"] == NAME
    assert overlap(mask.data, truth) > first

    # Separate cells takes it by its name, once per image, and again when it was replaced.
    engine = CoreEngine()
    seen = []
    probability = FGNet.probability

    def counted(*arguments, **options):
        seen.append(arguments)
        return probability(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(FGNet, "probability", counted)
        network = NetworkSettings("nuclei-student", 25.0, "", 0, "cpu")
        request = SeparationRequest(
            Plane(image, (), "nuclei"),
            (slice(0, 128), slice(0, 128)),
            NAME,
            network,
            LabelSettings(1.0, 0),
        )
        steps = engine.separate(request, None)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                separation = end.value
                break
        labels = engine.label(separation, NAME, request.labels).labels
        assert len(seen) == 1
        found = threshold(FGNet.load(NAME, device="cpu").probability(image, diameter=25))
        np.testing.assert_array_equal(labels > 0, found)
        os.utime(model_folder / f"{NAME}.safetensors", ns=(1, 1))
        engine.label(separation, NAME, request.labels)
        assert len(seen) == 3


def test_cells_alone_are_enough_and_finish_now_keeps_them(
    model_viewer, core_dock, sample, model_folder, qtbot
):
    core_dock.form.length.setCurrentIndex(2)
    core_dock.form.tools.cells_button.click()
    layer = model_viewer.layers[PAINT]
    paint_strokes(layer, sample[1])
    layer.data[layer.data == 1] = 0
    core_dock.controls.train_button.click()
    qtbot.waitUntil(lambda: LIVE in model_viewer.layers, timeout=180_000)
    assert core_dock.controls.stage is ForegroundStage.TRAINING
    with qtbot.waitSignal(core_dock.controller.ended, timeout=180_000):
        core_dock.controls.finish_button.click()
    record = FGNet.load(NAME, device="cpu").metadata.training
    assert record["stopped"]
    assert record["class_prior"] > 0
    assert "The background was guessed" in core_dock.controls.status.text()


def test_a_network_that_is_replaced_or_gone_is_followed(model_viewer, model_folder, qtbot, sample):
    from fake_foreground_engine import write_fgnet

    model_viewer.add_image(sample[0], name="nuclei")
    cells = SeparateCells(model_viewer, engine=FakeEngine())
    qtbot.addWidget(cells)
    choice = cells.form.foreground
    assert [choice.itemText(i) for i in range(choice.count())] == [
        "Otsu threshold",
        "Inpainting error (IEM)",
        "One threshold for all (Otsu)",
        "GrabCut",
        "Largest object",
        "None: label every pixel",
    ]
    model_folder.mkdir(parents=True)
    path = write_fgnet(model_folder / "mine.safetensors")
    model_news.changed.emit()
    choice.choose("mine")
    assert choice.value == "mine"
    with qtbot.waitSignal(cells.controller.ended, timeout=60_000):
        cells.controls.run_button.click()
    engine = cells.controller._engine
    assert engine.requests[-1].foreground == "mine"
    before = len(engine.labellings)
    model_news.changed.emit()
    assert choice.value == "mine"
    qtbot.waitUntil(lambda: len(engine.labellings) > before, timeout=60_000)
    path.unlink()
    model_news.changed.emit()
    assert choice.value == "otsu"
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=60_000)

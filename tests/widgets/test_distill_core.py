"""Distilling with the real core: an image layer becomes a student that separates its cells."""

from __future__ import annotations

from threading import Event

import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.evaluation import seg_score
from napari_inpaintaff.images import simulate_dense_nuclei
from napari_inpaintaff.jobs import Job, Progress
from napari_inpaintaff.separation import DistillationUpdate, Student
from napari_inpaintaff.widgets.distill_engine import CoreDistillEngine
from napari_inpaintaff.widgets.distill_settings import DistillRequest, DistillSettings
from napari_inpaintaff.widgets.planes import mask_planes
from napari_inpaintaff.widgets.runner import JobRunner
from napari_inpaintaff.widgets.separate_cells import SeparateCells
from napari_inpaintaff.widgets.training_settings import LayerImages


def request(data, foreground="otsu", *, patches=20, minutes=0.1):
    settings = DistillSettings(
        "tiny", "nuclei-small", minutes, patches, diameter=25.0, seed=0, device="cpu"
    )
    return DistillRequest(settings, LayerImages("images", data), foreground)


def distill(asked):
    """Run to the end; return the student and what was said on the way."""
    updates = []
    steps = CoreDistillEngine().distill(asked, Event())
    return Job(steps, on_update=updates.append).run(), updates


def test_from_the_layer_to_labels_in_one_pass(make_napari_viewer, model_folder, qtbot):
    image, truth = simulate_dense_nuclei()
    viewer = make_napari_viewer()
    viewer.add_image(image, name="nuclei")
    dock = SeparateCells(viewer)
    viewer.window.add_dock_widget(dock)
    dock.form.device.setCurrentIndex(1)
    dock.distill.minutes.setValue(1.0)
    dock.distill.patches.setValue(60)
    name = dock.distill.name.name
    try:
        with qtbot.waitSignal(dock.distill.controller.ended, timeout=180_000):
            dock.distill.controls.start_button.click()
        assert f"{name} is chosen as network" in dock.distill.controls.status.text()
        assert Student.load(name, device="cpu").metadata.training["teacher"] == "nuclei-small"
        assert dock.form.model.name == name
        with qtbot.waitSignal(dock.controller.ended, timeout=180_000):
            dock.controls.run_button.click()
    finally:
        dock.controller.cancel()
        dock.distill.controller.cancel()
        qtbot.waitUntil(lambda: not JobRunner._working, timeout=180_000)
    # Connected components reach 0.36.
    labels = viewer.layers["nuclei cells"].data
    assert labels.max() > 30
    assert seg_score(labels, truth) > 0.5


def test_planes_and_masks_are_those_of_the_layers():
    image, truth = simulate_dense_nuclei(shape=(96, 96))
    stack = np.stack([np.full(image.shape, np.nan), image * 0, image, image * 0, image])
    masks = np.stack([truth * 0, truth * 0, truth, truth * 0, truth * 0])
    layers = Labels(masks.astype(np.int32)), Image(stack)
    distilled, updates = distill(request(stack, mask_planes(*layers), patches=4))
    messages = [update.message for update in updates if isinstance(update, Progress)]
    assert messages[:2] == ["Loading the network…", "Reading the masks…"]
    assert "IGM labels of patches" in messages
    assert messages[-1] == "Saving the student…"
    assert any(isinstance(update, DistillationUpdate) for update in updates)
    assert distilled.teacher == "nuclei-small"
    student = distilled.save.__self__
    # Only one plane has foreground.
    assert student.metadata.training["images"] == 1
    assert student.metadata.training["data"] == "5 images of the user"


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (np.full((64, 64), np.nan), "no image can be learned from"),
        (np.zeros((64, 64), bool), "images"),
    ],
)
def test_images_without_anything_to_learn_are_explained(data, line):
    with pytest.raises(ImageError, match=line):
        distill(request(data))


def test_a_mask_of_another_size_is_explained():
    mask = Labels(np.ones((9, 9), np.int32), name="small mask")
    data = np.random.default_rng(0).normal(size=(64, 64))
    with pytest.raises(ImageError, match="small mask"):
        distill(request(data, mask_planes(mask, Image(data))))

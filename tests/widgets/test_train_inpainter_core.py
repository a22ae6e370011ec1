"""The widget on the real training: layers and files become a model that separates cells."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_inpaintaff.images import simulate_dense_nuclei
from napari_inpaintaff.inpainting import Inpainter
from napari_inpaintaff.inpainting.checkpoint import checkpoint_path
from napari_inpaintaff.widgets.core_engine import CoreEngine
from napari_inpaintaff.widgets.runner import JobRunner
from napari_inpaintaff.widgets.train_inpainter import TrainInpainter


@pytest.fixture
def core_trainer(model_viewer, model_folder, qtbot):
    """The widget on the real engine, with the built-in sample ticked."""
    image, _ = simulate_dense_nuclei()
    model_viewer.add_image(np.stack([image[:128, :128], image[128:, 128:]]), name="nuclei")
    widget = TrainInpainter(model_viewer)
    qtbot.addWidget(widget)
    widget.form.device.setCurrentIndex(1)
    yield widget
    widget.controller.cancel()
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=180_000)


def train(widget, qtbot, minutes):
    widget.form.preset.setCurrentIndex(3)
    widget.form.minutes.setValue(minutes)
    with qtbot.waitSignal(widget.controller.ended, timeout=300_000):
        widget.controls.start_button.click()


def test_layers_and_files_become_a_model_that_predicts(
    core_trainer, model_folder, qtbot, tmp_path, notifications
):
    image, _ = simulate_dense_nuclei()
    tifffile.imwrite(tmp_path / "more.tif", image[:100, 100:])
    (tmp_path / "broken.tif").write_bytes(b"no image")
    with qtbot.waitSignal(core_trainer.sources._looker.finished, timeout=60_000):
        core_trainer.sources.add([tmp_path / "more.tif", tmp_path / "broken.tif"])
    assert "broken.tif" in notifications[-1].message
    assert core_trainer.sources.planes == 3
    train(core_trainer, qtbot, 0.1)
    assert core_trainer.controls.status.text().startswith("Saved.")
    assert len(core_trainer.plot.error_curve.get_xdata())
    assert core_trainer.controls.verdict.text()
    inpainter = Inpainter.load("nuclei-inpainter", device="cpu")
    assert inpainter.metadata.training["images"] == 3
    values = inpainter.normalise(image)
    prediction = inpainter.predict(values, np.ones(values.shape, dtype=bool))
    assert np.isfinite(prediction.mean).all()

    # Its replacement is another model, though its name is the same.
    first = CoreEngine().read_card(model_folder / "nuclei-inpainter.safetensors")
    core_trainer.form.name.replace.setChecked(True)
    core_trainer.form.start_from.choose("nuclei-inpainter")
    train(core_trainer, qtbot, 0.1)
    second = CoreEngine().read_card(model_folder / "nuclei-inpainter.safetensors")
    assert "started_from: nuclei-inpainter" in second.description
    assert first.description != second.description


def test_stop_and_keep_then_resume(core_trainer, model_folder, qtbot):
    core_trainer.form.preset.setCurrentIndex(0)
    updates = []
    core_trainer.controller.updated.connect(updates.append)
    core_trainer.controls.start_button.click()
    qtbot.waitUntil(lambda: any(update.history for update in updates), timeout=180_000)
    with qtbot.waitSignal(core_trainer.controller.ended, timeout=180_000):
        core_trainer.controls.stop_button.click()
    path = model_folder / "nuclei-inpainter.safetensors"
    assert Inpainter.load(path, device="cpu").metadata.training["stopped"]
    assert checkpoint_path(path).is_file()
    done = updates[-1].seconds

    core_trainer.form.name.resume.setChecked(True)
    updates.clear()
    # As long as it has been trained already: only a little is left.
    train(core_trainer, qtbot, max(0.1, done / 60 + 0.05))
    assert updates[0].seconds > 0.9 * done
    assert not Inpainter.load(path, device="cpu").metadata.training["stopped"]
    assert [file.name for file in model_folder.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("images", "line"),
    [(np.full((64, 64), 7), "nothing varies"), (np.full((2, 64, 64), np.nan), "nothing varies")],
)
def test_images_of_one_value_are_refused_in_one_line(
    model_viewer, model_folder, qtbot, notifications, images, line
):
    model_viewer.add_image(images, name="flat", contrast_limits=(0, 1))
    widget = TrainInpainter(model_viewer)
    qtbot.addWidget(widget)
    train(widget, qtbot, 0.1)
    assert line in notifications[-1].message
    assert list(model_folder.iterdir()) == []
    assert widget.controls.start_button.isEnabled()

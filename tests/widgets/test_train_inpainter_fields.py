"""The fields of "Train inpainter": images, names, settings, and why Start is disabled."""

from __future__ import annotations

from pathlib import Path

import dask.array as da
import numpy as np
import pytest
from fake_training_engine import FakeTrainingEngine, write_checkpoint, write_model
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent

from napari_inpaintaff.inpainting import ARCHITECTURES, InpainterMetadata
from napari_inpaintaff.inpainting.metadata import MODEL_KIND
from napari_inpaintaff.networks.model_file import ModelFile, write_model_file
from napari_inpaintaff.widgets.train_inpainter import TrainInpainter


def rows(widget):
    items = [widget.sources.list.item(i) for i in range(widget.sources.list.count())]
    return {item.text(): item for item in items}


def tick(widget, text, ticked=True):
    state = Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked
    rows(widget)[text].setCheckState(state)


@pytest.fixture
def add_files(form_only, qtbot):
    """Add files and wait until they were looked through."""

    def add(*paths):
        with qtbot.waitSignal(form_only.sources._looker.finished, timeout=60_000):
            form_only.sources.add([Path(path) for path in paths])

    return add


def test_layers_are_offered_by_object_and_all_planes_count(form_only, model_viewer):
    sources = form_only.sources
    assert sources.problem
    assert not form_only.controls.start_button.isEnabled()
    first = model_viewer.add_image(np.eye(8), name="a")
    assert sources.layers == (first,)
    movie = model_viewer.add_image(np.zeros((5, 3, 8, 8)), name="movie")
    assert sources.layers == (first,)
    tick(form_only, "movie  (15 planes)")
    movie.name = "film"
    assert set(sources.layers) == {first, movie}
    assert sources.planes == 16
    assert sources.count.text().startswith("16 planes")
    model_viewer.layers.remove(first)
    assert sources.layers == (movie,)
    tick(form_only, "film  (15 planes)", False)
    assert sources.problem
    assert form_only.controls.start_button.toolTip() == sources.problem


def test_colour_and_label_layers_and_affinities_are_no_images(form_only, model_viewer):
    model_viewer.add_image(np.zeros((8, 8, 3), np.uint8), rgb=True, name="colour")
    model_viewer.add_labels(np.zeros((8, 8), int), name="labels")
    assert list(rows(form_only)) == ["colour"]
    item = rows(form_only)["colour"]
    assert not item.flags() & Qt.ItemFlag.ItemIsEnabled
    assert "Split RGB" in item.toolTip()
    assert form_only.sources.layers == ()


def test_dask_layers_stay_lazy(form_only, model_viewer):
    read = []

    def block(block_id):
        read.append(block_id)
        return np.eye(8)[np.newaxis]

    data = da.map_blocks(block, chunks=((1,) * 30, 8, 8), dtype=float, meta=np.empty((0, 0, 0)))
    model_viewer.add_image(data, name="movie")
    shown = len(read)
    assert shown < 10
    assert form_only.sources.planes == 30
    (captured,), files = form_only.sources.captured()
    assert captured.data is data
    assert files == ()
    assert len(read) == shown


def test_layers_are_captured_in_the_order_of_their_names(form_only, model_viewer):
    for name in ("b", "a", "c"):
        model_viewer.add_image(np.eye(8), name=name)
    for name in ("a", "c"):
        tick(form_only, name)
    assert [layer.name for layer in form_only.sources.captured()[0]] == ["a", "b", "c"]


def test_files_are_counted_and_bad_ones_named(form_only, add_files, notifications, tmp_path):
    files = [tmp_path / name for name in ("a.tif", "bad1.tif", "b.tif", "bad2.tif")]
    add_files(*files)
    assert form_only.sources.planes == 4
    assert notifications[-1].message == (
        "2 images are left out. bad1.tif: it is damaged; bad2.tif: it is damaged"
    )
    assert form_only.sources.files == tuple(files)
    assert form_only.controls.start_button.isEnabled()
    [label] = rows(form_only)
    assert label == f"4 files in {tmp_path.name}  (4 planes)"
    tick(form_only, label, False)
    assert form_only.sources.files == ()


def test_a_folder_without_images_is_not_added(form_only, add_files, notifications, tmp_path):
    folder = tmp_path / "bad-folder"
    folder.mkdir()
    add_files(folder)
    assert "no image can be used" in notifications[-1].message
    assert rows(form_only) == {}
    add_files(tmp_path / "a.tif")
    assert list(rows(form_only)) == ["a.tif  (2 planes)"]


def test_files_can_be_dropped_and_removed(form_only, qtbot, tmp_path):
    sources = form_only.sources
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.tif"))])
    event = QDropEvent(
        QPointF(1, 1),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    with qtbot.waitSignal(sources._looker.finished, timeout=60_000):
        sources.list.dropEvent(event)
    assert sources.files == (tmp_path / "a.tif",)
    assert not sources.remove_button.isEnabled()
    sources.list.item(0).setSelected(True)
    assert sources.remove_button.isEnabled()
    sources.remove_button.click()
    assert rows(form_only) == {}


def test_another_channel_looks_through_the_files_again(
    form_only, add_files, training_engine, qtbot, tmp_path
):
    add_files(tmp_path / "a.tif")
    with qtbot.waitSignal(form_only.sources._looker.finished, timeout=60_000):
        form_only.sources.channel.setCurrentIndex(2)
    assert [channel for _, channel in training_engine.looked] == [None, 1]
    assert len(rows(form_only)) == 1


def test_a_free_name_is_proposed_until_the_user_types_one(form_only, model_viewer, model_folder):
    model_folder.mkdir(parents=True)
    write_model(model_folder / "cells-inpainter.safetensors")
    layer = model_viewer.add_image(np.eye(8), name="cells")
    name = form_only.form.name
    assert name.name == "cells-inpainter-2"
    model_viewer.layers.remove(layer)
    model_viewer.add_image(np.eye(8), name="other")
    assert name.name == "other-inpainter"
    name.edit.setText("typed")
    model_viewer.layers.clear()
    model_viewer.add_image(np.eye(8), name="third")
    assert name.name == "typed"


def test_a_shipped_name_is_refused_and_an_own_one_needs_consent(
    form_only, model_viewer, model_folder
):
    model_viewer.add_image(np.eye(8), name="cells")
    model_folder.mkdir(parents=True)
    write_model(model_folder / "mine.safetensors")
    name, start = form_only.form.name, form_only.controls.start_button
    name.edit.setText("nuclei-small")
    assert not start.isEnabled()
    assert "comes with the plugin" in start.toolTip()
    assert "comes with the plugin" in name.note.text()
    name.edit.setText("mine")
    assert not start.isEnabled()
    name.replace.setChecked(True)
    assert start.isEnabled()
    # Consent is for one name.
    name.edit.setText("mine2")
    name.edit.setText("mine")
    assert not start.isEnabled()
    name.new_name_button.click()
    assert name.name == "cells-inpainter"
    assert start.isEnabled()


def test_presets_say_minutes_and_any_number_can_be_given(form_only):
    form = form_only.form
    form.name.edit.setText("x")
    assert form.settings(None).minutes == 20
    form.preset.setCurrentIndex(0)
    assert form.settings(None).minutes == 2
    form.preset.setCurrentIndex(3)
    form.minutes.setValue(7.5)
    assert form.settings(None).minutes == 7.5


def test_settings_say_what_the_fields_hold(form_only):
    form = form_only.form
    form.name.edit.setText(" my model ")
    form.diameter.setValue(40)
    form.kind.setCurrentIndex(1)
    form.denoise.setChecked(True)
    form.network.setCurrentIndex(1)
    form.loss.setCurrentIndex(2)
    form.vgg.set_path("/weights/vgg16.pth")
    form.seed.setValue(3)
    form.device.setCurrentIndex(1)
    settings = form.settings(4)
    assert (settings.name, settings.diameter, settings.normalisation) == ("my model", 40, "linear")
    assert (settings.denoise, settings.network, settings.loss) == (True, "pconv", "liu2018")
    assert (settings.vgg, settings.seed, settings.device) == ("/weights/vgg16.pth", 3, "cpu")
    assert (settings.channel, settings.start_from) == (4, None)
    # Of use to one loss only.
    form.loss.setCurrentIndex(0)
    assert form.settings(None).vgg is None
    assert not form.vgg.isEnabled()
    assert "Only the loss" in form.vgg.toolTip()


def test_what_the_start_brings_along_cannot_be_chosen(
    form_only, model_folder, training_engine, tmp_path
):
    path = tmp_path / "old.safetensors"
    architecture = ARCHITECTURES["pconv"].__class__("partial", (8, 8), outputs=1)
    metadata = InpainterMetadata("old", architecture, "linear", 18.0)
    write_model_file(path, ModelFile(MODEL_KIND, metadata.to_json(), {}))
    form = form_only.form
    form.name.edit.setText("new")
    form.start_from.load(path)
    settings = form.settings(None)
    assert settings.start_from == str(path)
    assert (settings.normalisation, settings.diameter, settings.loss) == ("linear", 18.0, "l1")
    assert not form.network.isEnabled()
    assert "Taken over from old" in form.network.toolTip()
    assert form.loss.isEnabled()
    assert not form.loss.model().item(0).isEnabled()
    form.start_from.choose("nuclei-small")
    assert form.settings(None).loss == "laplace"
    assert not form.loss.isEnabled()
    form.start_from.choose(None)
    assert form.settings(None).start_from is None
    assert form.network.isEnabled()
    assert "paper" in form.network.toolTip()


def test_resuming_locks_all_but_the_time(form_only, model_viewer, model_folder):
    model_viewer.add_image(np.eye(8), name="cells")
    model_folder.mkdir(parents=True)
    write_checkpoint(model_folder / "mine.checkpoint.safetensors", 15)
    form = form_only.form
    form.name.edit.setText("mine")
    assert form.name.resume.text() == "Resume interrupted training (2 min are done)"
    assert form.name.interrupted is None
    form.name.resume.setChecked(True)
    assert form_only._request().resume
    # Its settings are not known here: the user has to know them.
    assert form.seed.isEnabled()
    form.name.edit.setText("other")
    assert not form.name.resume.isVisibleTo(form)
    assert not form_only._request().resume


def test_a_training_whose_model_is_there_is_not_pushed_on_the_user(
    model_viewer, model_folder, qtbot
):
    model_viewer.add_image(np.eye(8), name="cells")
    model_folder.mkdir(parents=True)
    write_checkpoint(model_folder / "mine.checkpoint.safetensors", 15)
    write_model(model_folder / "mine.safetensors")
    widget = TrainInpainter(model_viewer, engine=FakeTrainingEngine())
    qtbot.addWidget(widget)
    assert widget.form.name.name == "cells-inpainter"


@pytest.mark.parametrize(
    "field", ["kind", "diameter", "preset", "denoise", "network", "loss", "vgg", "seed", "device"]
)
def test_every_field_explains_itself(form_only, field):
    assert len(getattr(form_only.form, field).toolTip()) > 20

"""Foregrounds that need no labels, in the viewer: offered, found, shown, and refused in words."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from napari_inpaintaff.foreground import (
    FOREGROUND_MODELS,
    IEMNetwork,
    IEMNetworkMetadata,
    foreground_probability,
)
from napari_inpaintaff.foreground.iem_network_layers import IEMSegmenter
from napari_inpaintaff.images import simulate_dense_nuclei
from napari_inpaintaff.jobs import Job
from napari_inpaintaff.networks.model_file import ModelFile, write_model_file
from napari_inpaintaff.widgets.foreground_choice import ForegroundChoice
from napari_inpaintaff.widgets.form_values import field_values, set_field_values
from napari_inpaintaff.widgets.masks import foreground_version, iterate_found_mask
from napari_inpaintaff.widgets.model_news import model_news

MASK = "nuclei foreground"


@pytest.fixture(scope="module")
def iem_network() -> IEMNetwork:
    """A network for colour pictures that finds about half of any image."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        segmenter = IEMSegmenter(channels=3, width=4)
        segmenter.head[3].weight.fill_(1)
        segmenter.head[3].bias.fill_(-1.6)
    return IEMNetwork(segmenter, IEMNetworkMetadata("half", 24, 3, 4), device="cpu")


def texts(choice: ForegroundChoice) -> list[str]:
    return [choice.itemText(row) for row in range(choice.count())]


def row_of(choice: ForegroundChoice, text: str) -> int:
    assert text in texts(choice)
    return texts(choice).index(text)


@pytest.fixture
def find(foreground_dock, qtbot):
    """Choose a method or network by what the user reads, press Find, and wait for the end."""

    def press(text: str) -> str:
        choice = foreground_dock.finding.source
        choice.setCurrentIndex(row_of(choice, text))
        with qtbot.waitSignal(foreground_dock.controller.ended, timeout=180_000):
            foreground_dock.finding.button.click()
        return foreground_dock.controls.status.text()

    return press


def test_a_network_of_iem_in_the_model_folder_is_offered_and_gives_a_mask(
    viewer, foreground_dock, dock, model_folder, iem_network, notifications, find
):
    model_folder.mkdir(parents=True)
    iem_network.save(model_folder / "half.safetensors")
    model_news.changed.emit()
    assert "half · network" in texts(dock.form.foreground)
    text = find("half · network")
    image = viewer.layers["nuclei"].data
    expected = iem_network.probability(image) > 0.5
    assert 0 < expected.mean() < 1
    np.testing.assert_array_equal(viewer.layers[MASK].data > 0, expected)
    assert f"{100 * expected.mean():.0f} %" in text
    assert notifications == []
    # It is a mask to choose in "Separate cells".
    assert MASK in texts(dock.form.foreground)


@pytest.mark.parametrize("name", ["GrabCut", "Largest object", "Otsu threshold"])
def test_a_method_gives_its_mask_in_the_place_of_the_image(viewer, foreground_dock, find, name):
    pytest.importorskip("cv2")
    find(name)
    mask, source = viewer.layers[MASK], viewer.layers["nuclei"]
    method = foreground_dock.finding.source.value
    expected = foreground_probability(source.data, method, diameter=25) > 0.5
    assert expected.any()
    np.testing.assert_array_equal(mask.data > 0, expected)
    np.testing.assert_allclose(mask.translate, source.translate)
    np.testing.assert_allclose(mask.scale, source.scale)


def test_another_method_replaces_the_mask_but_not_what_was_painted(viewer, foreground_dock, find):
    find("Otsu threshold")
    first = viewer.layers[MASK]
    find("Largest object")
    assert viewer.layers[MASK] is first
    first.data[0, 0] = 1
    find("Otsu threshold")
    assert first.data[0, 0] == 1
    masks = [layer for layer in viewer.layers if layer.name.startswith(MASK)]
    assert len([mask for mask in masks if mask is not first and mask.data.dtype == np.uint8]) == 1


def test_the_foreground_goes_to_the_plane_in_view(viewer, foreground_dock, find):
    frames = np.stack([np.roll(simulate_dense_nuclei(shape=(64, 64))[0], n, 0) for n in (0, 9)])
    foreground_dock.form.image.choose(viewer.add_image(frames, name="film"))
    viewer.dims.set_point(0, 1)
    find("Otsu threshold")
    mask = viewer.layers["film foreground"].data
    assert not mask[0].any()
    np.testing.assert_array_equal(mask[1] > 0, foreground_probability(frames[1], "otsu") > 0.5)


def test_colours_are_looked_at(viewer, foreground_dock, find, notifications):
    # Of one brightness: only the colours tell the disc from the rest.
    inside = np.hypot(*(np.indices((64, 48)) - np.array([32, 24])[:, None, None])) < 12
    noise = np.random.default_rng(0).integers(-6, 7, (64, 48, 3))
    colours = np.where(inside[..., None], (180, 60, 60), (60, 180, 60)) + noise
    colours = colours.astype(np.uint8)
    layer = viewer.add_image(colours, rgb=True, name="photo", units=("um", "um"))
    foreground_dock.form.image.choose(layer)
    pytest.importorskip("cv2")
    find("GrabCut")
    found = viewer.layers["photo foreground"].data > 0
    assert (found & inside).sum() / (found | inside).sum() > 0.9
    assert notifications == []
    text = find("Otsu threshold")
    assert "Split RGB" in text
    assert [n.message for n in notifications] == [text]
    # Painting and training are for one channel.
    assert "Split RGB" in foreground_dock.controls.train_button.toolTip()
    foreground_dock.form.tools.cells_button.click()
    assert "Split RGB" in notifications[-1].message


def test_without_opencv_the_entry_says_what_to_install(
    viewer, foreground_engine, dock, model_folder, monkeypatch
):
    monkeypatch.setitem(sys.modules, "cv2", None)
    choice = dock.form.foreground
    choice.list_anew()
    row = row_of(choice, "GrabCut")
    assert not choice.model().item(row).isEnabled()
    assert "napari-inpaintaff[grabcut]" in choice.itemData(row, Qt.ItemDataRole.ToolTipRole)
    choice.choose("grabcut")
    assert choice.value == "otsu"


def test_opencv_that_goes_missing_is_a_notification(
    viewer, foreground_dock, find, notifications, monkeypatch
):
    monkeypatch.setitem(sys.modules, "cv2", None)
    text = find("GrabCut")
    assert "pip install napari-inpaintaff[grabcut]" in text
    assert [n.message for n in notifications] == [text]
    assert [layer.name for layer in viewer.layers] == ["nuclei"]


def test_a_file_of_a_network_is_taken_and_any_other_is_refused(
    viewer, dock, tmp_path, iem_network, notifications, monkeypatch
):
    choice = dock.form.foreground
    other = write_model_file(tmp_path / "other.safetensors", ModelFile("inpainter", {}, {}))
    choice.load(other)
    (tmp_path / "text.safetensors").write_text("no model")
    choice.load(tmp_path / "text.safetensors")
    choice.load(tmp_path / "nothing.safetensors")
    messages = [n.message for n in notifications]
    assert "'inpainter', which finds no foreground" in messages[0]
    assert len(messages) == 3
    assert choice.value == "otsu"

    path = iem_network.save(tmp_path / "mine.safetensors")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    choice.load_button.click()
    assert choice.currentText() == "mine.safetensors · file"
    assert choice.network == str(path)
    # Another of the same name in another folder is another one.
    (tmp_path / "b").mkdir()
    again = iem_network.save(tmp_path / "b" / "mine.safetensors")
    choice.load(Path(again))
    assert choice.value == str(again)
    choice.choose(str(path))
    assert choice.value == str(path)


def test_networks_of_every_kind_are_listed_and_no_others(viewer, dock, model_folder):
    model_folder.mkdir(parents=True)
    for kind in (*FOREGROUND_MODELS, "student"):
        write_model_file(model_folder / f"a-{kind}.safetensors", ModelFile(kind, {}, {}))
    model_news.changed.emit()
    listed = [text for text in texts(dock.form.foreground) if text.startswith("a-")]
    assert sorted(listed) == sorted(f"a-{kind} · network" for kind in FOREGROUND_MODELS)


def test_separate_cells_takes_the_mask_of_a_network_by_name_and_by_file(
    model_folder, tmp_path, iem_network
):
    image = simulate_dense_nuclei(shape=(64, 64))[0]
    expected = iem_network.probability(image) > 0.5
    model_folder.mkdir(parents=True)
    iem_network.save(model_folder / "half.safetensors")
    path = iem_network.save(tmp_path / "half.safetensors")
    for name in ("half", str(path)):
        mask = Job(iterate_found_mask(image, name, 25.0, device="cpu")).run()
        np.testing.assert_array_equal(mask, expected)
    assert foreground_version("half") != foreground_version(str(path))


def test_a_file_comes_back_with_a_session(viewer, dock, tmp_path, iem_network):
    fields = {"foreground": dock.form.foreground}
    path = iem_network.save(tmp_path / "mine.safetensors")
    values = {"foreground": {"entry": str(path)}}
    assert set_field_values(fields, values, lambda name: None) == []
    assert field_values(fields, lambda layer: None) == values
    gone = {"foreground": {"entry": str(tmp_path / "gone.safetensors")}}
    assert "gone.safetensors" in set_field_values(fields, gone, lambda name: None)[0]


def test_cancel_ends_a_search_and_leaves_nothing(viewer, foreground_dock, qtbot, notifications):
    viewer.layers["nuclei"].data = simulate_dense_nuclei(shape=(1024, 1024))[0]
    foreground_dock.finding.source.choose("iem")
    foreground_dock.finding.button.click()
    assert not foreground_dock.finding.button.isEnabled()
    assert not foreground_dock.controls.train_button.isEnabled()
    with qtbot.waitSignal(foreground_dock.controller.ended, timeout=180_000):
        foreground_dock.controls.cancel_button.click()
    assert [layer.name for layer in viewer.layers] == ["nuclei"]
    assert foreground_dock.finding.button.isEnabled()
    assert foreground_dock.controls.status.text().startswith("Cancelled.")
    assert notifications == []


def test_an_empty_foreground_is_said(viewer, foreground_dock, find, notifications):
    viewer.layers["nuclei"].data = np.zeros((64, 48), np.uint16)
    text = find("Largest object")
    assert text.startswith("Largest object: no foreground.")
    assert not viewer.layers[MASK].data.any()

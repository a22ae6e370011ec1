"""What is set on napari's page of preferences is used."""

from __future__ import annotations

from pathlib import Path

import napari.settings
import numpy as np
import pytest
import torch
from npe2 import PluginManifest

import napari_inpaintaff
from napari_inpaintaff.inpainting import catalogue
from napari_inpaintaff.networks.compute import Compute, compute, use_compute
from napari_inpaintaff.widgets import preferences
from napari_inpaintaff.widgets.docks import open_dock
from napari_inpaintaff.widgets.loading import load_torch
from napari_inpaintaff.widgets.runner import JobRunner

NAME = "napari-inpaintaff"


@pytest.fixture(autouse=True)
def settings(npe2pm, plugin_settings, qtbot):
    """The settings of our plugin, in a file of the test."""
    path = Path(napari_inpaintaff.__file__).parent / "napari.yaml"
    threads = torch.get_num_threads()
    preferences._followed.clear()
    with npe2pm.tmp_plugin(manifest=PluginManifest.from_file(path)):
        yield napari.settings.get_plugin_settings(NAME)
        qtbot.waitUntil(lambda: not JobRunner._working, timeout=60_000)
    preferences._followed.clear()
    use_compute(Compute())
    catalogue.use_model_folder(None)
    torch.set_num_threads(threads)


def test_what_was_set_is_used_when_a_dock_opens_and_when_it_changes(
    make_napari_viewer, settings, tmp_path
):
    settings.computing.threads = 3
    settings.folders.models = str(tmp_path / "models")
    dock = open_dock(make_napari_viewer(), "Train inpainter")
    assert compute() == Compute(device="auto", threads=3, memory=0, tile=512)
    load_torch()
    assert torch.get_num_threads() == 3
    assert catalogue.user_model_folder() == tmp_path / "models"
    settings.computing.device = "cpu"
    settings.computing.gpu_memory = 2.5
    settings.computing.tile = 256
    assert compute() == Compute("cpu", 3, 2.5, 256)
    settings.folders.models = ""
    assert catalogue.user_model_folder() != tmp_path / "models"
    assert dock is not None


def test_a_device_that_is_not_there_is_a_sentence_when_a_run_begins(
    make_napari_viewer, settings, qtbot, notifications, monkeypatch
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    settings.computing.device = "cuda"
    viewer = make_napari_viewer()
    viewer.add_image(np.eye(64), name="image")
    dock = open_dock(viewer, "Separate cells")
    with qtbot.waitSignal(dock.controller.ended, timeout=180_000) as ended:
        dock.controls.run_button.click()
    (text,) = ended.args
    assert "the device 'cuda' of the preferences is not available here" in text
    assert notifications[-1].message == text
    settings.computing.device = "cpu"
    with qtbot.waitSignal(dock.controller.ended, timeout=180_000) as ended:
        dock.controls.run_button.click()
    assert "preferences" not in ended.args[0]


@pytest.mark.parametrize("text", ["models", "{file}"])
def test_a_folder_that_can_be_none_is_a_sentence(
    make_napari_viewer, settings, tmp_path, notifications, text
):
    file = tmp_path / "file"
    file.write_text("")
    usual = catalogue.user_model_folder()
    preferences.follow_preferences()
    settings.folders.models = text.format(file=file)
    assert "cannot be the folder of your models" in notifications[-1].message
    assert catalogue.user_model_folder() == usual


def test_without_such_a_page_nothing_breaks(make_napari_viewer, monkeypatch, settings):
    monkeypatch.delattr(napari.settings, "get_plugin_settings")
    assert open_dock(make_napari_viewer(), "Separate cells") is not None
    assert compute() == Compute()


def test_a_damaged_file_of_settings_keeps_no_widget_from_opening(
    make_napari_viewer, monkeypatch, settings
):
    def broken(plugin):
        raise ValueError("not a mapping")

    monkeypatch.setattr(napari.settings, "get_plugin_settings", broken)
    assert open_dock(make_napari_viewer(), "Separate cells") is not None
    assert compute() == Compute()

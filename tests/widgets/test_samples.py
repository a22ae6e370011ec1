"""Samples that are downloaded: the interface stays alive, errors say what is wrong."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from qtpy.QtCore import QTimer

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images import ImageData
from napari_inpaintaff.widgets import samples

OPENERS = [samples.hela, samples.pancreatic_stem_cells, samples.bbbc039]


@pytest.mark.parametrize("opener", OPENERS)
def test_a_downloaded_sample_keeps_its_pixel_size(qtbot, monkeypatch, opener):
    asked, threads = [], []

    def download(name):
        asked.append(name)
        threads.append(threading.current_thread())
        return ImageData(np.ones((4, 5)), "YX", (0.645, 0.645), ("micrometer",) * 2, "t084")

    monkeypatch.setattr(samples, "download_sample", download)
    ((data, attributes, kind),) = opener()
    assert kind == "image"
    assert data.shape == (4, 5)
    assert attributes["scale"] == (0.645, 0.645)
    assert attributes["units"] == ("micrometer", "micrometer")
    assert attributes["name"] == asked[0]
    assert threads != [threading.main_thread()]


def test_the_interface_lives_while_a_sample_is_downloaded(qtbot, monkeypatch):
    ticks, lived = [], threading.Event()

    def tick():
        ticks.append(0)
        if len(ticks) > 10:
            lived.set()

    timer = QTimer()
    timer.timeout.connect(tick)
    timer.start(10)

    def download(name):
        assert lived.wait(180)
        return ImageData(np.ones((4, 5)), "YX", (1, 1), ("pixel", "pixel"), name)

    monkeypatch.setattr(samples, "download_sample", download)
    samples.hela()
    timer.stop()


def test_offline_the_error_says_so(qtbot, monkeypatch):
    def download(name):
        raise ImageError(f"the sample {name} cannot be downloaded, there is no connection")

    monkeypatch.setattr(samples, "download_sample", download)
    with pytest.raises(ImageError, match="there is no connection"):
        samples.hela()

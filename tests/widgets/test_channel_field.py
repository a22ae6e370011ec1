"""The channel of files: chosen from a list, or typed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import Qt

from napari_inpaintaff.images import gather_planes
from napari_inpaintaff.widgets.channel_field import ChannelField
from napari_inpaintaff.widgets.training_sources import TrainingSources


@pytest.fixture
def field(qtbot):
    field = ChannelField()
    qtbot.addWidget(field)
    field.show()
    return field


def type_in(qtbot, field: ChannelField, text: str) -> None:
    field.lineEdit().selectAll()
    qtbot.keyClicks(field.lineEdit(), text)
    qtbot.keyClick(field.lineEdit(), Qt.Key.Key_Return)


@pytest.mark.parametrize(
    ("text", "value"), [("0+2", "0+2"), ("DAPI", "DAPI"), ("12", 12), (" 3 ", 3), ("+", None)]
)
def test_what_is_typed(qtbot, field, text, value):
    type_in(qtbot, field, text)
    assert field.value == value
    if value is None:
        assert field.currentText() == "Files have one channel"


def test_the_list_and_what_is_typed_after_each_other(qtbot, field):
    changes = []
    field.changed.connect(lambda: changes.append(field.value))
    assert field.value is None
    field.setCurrentIndex(3)
    type_in(qtbot, field, "0+1")
    field.setCurrentIndex(4)
    field.setCurrentIndex(0)
    assert changes == [2, "0+1", 3, None]


@pytest.mark.parametrize("channel", [None, 0, 7, 11, "DAPI", "1+2"])
def test_what_was_chosen_is_shown_again(field, channel):
    field.setCurrentIndex(2)
    field.choose(channel)
    assert field.value == channel


def test_a_list_item_chosen_again_after_typing(qtbot, field):
    field.setCurrentIndex(3)
    type_in(qtbot, field, "DAPI")
    field.choose(2)
    assert (field.value, field.currentText()) == (2, "Channel 2 of files")


def test_combined_channels_are_read(qtbot, field, tmp_path: Path):
    data = np.random.default_rng(0).integers(0, 999, (3, 40, 50), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", data, imagej=True, metadata={"axes": "CYX"})
    type_in(qtbot, field, "0+2")
    [plane] = gather_planes([tmp_path], channel=field.value).planes
    assert (plane.read().dtype, plane.shape) == (np.float32, (40, 50))


def test_files_of_several_channels_are_taken_once_one_is_chosen(
    qtbot, model_viewer, notifications, tmp_path: Path
):
    data = np.random.default_rng(0).integers(0, 999, (3, 40, 50), dtype=np.uint16)
    metadata = {"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP", "RFP"]}}
    tifffile.imwrite(tmp_path / "a.ome.tif", data, ome=True, metadata=metadata)
    sources = TrainingSources(
        model_viewer, look_through=lambda files, channel: gather_planes(files, channel=channel)
    )
    qtbot.addWidget(sources)
    assert sources.channel.isHidden()
    with qtbot.waitSignal(sources._looker.finished, timeout=60_000):
        sources.add([tmp_path / "a.ome.tif"])
    assert "3 channels (DAPI, GFP, RFP): choose one" in notifications[-1].message
    assert (sources.planes, sources.channel.isHidden()) == (0, False)
    with qtbot.waitSignal(sources._looker.finished, timeout=60_000):
        type_in(qtbot, sources.channel, "DAPI+RFP")
    assert (sources.planes, sources.chosen_channel) == (1, "DAPI+RFP")
    assert sources.files == (tmp_path / "a.ome.tif",)
    with qtbot.waitSignal(sources._looker.finished, timeout=60_000):
        type_in(qtbot, sources.channel, "Cy5")
    assert "no channel 'Cy5'" in notifications[-1].message
    assert sources.planes == 0
    sources.dispose()

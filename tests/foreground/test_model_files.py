"""One loader for all networks that find a foreground, and what may be registered there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_inpaintaff.cli import main
from napari_inpaintaff.errors import ModelFileError
from napari_inpaintaff.foreground import (
    FOREGROUND_MODELS,
    FGNet,
    FGNetMetadata,
    ForegroundModel,
    available_foreground_models,
    load_foreground_model,
)
from napari_inpaintaff.images import ImageData, read_colours
from napari_inpaintaff.inpainting import DEFAULT_INPAINTER, catalogue
from napari_inpaintaff.jobs import Job
from napari_inpaintaff.networks import UNetArchitecture, build_unet
from napari_inpaintaff.networks.catalogue import KINDS
from napari_inpaintaff.networks.model_file import ModelFile, write_model_file
from napari_inpaintaff.pipeline.foreground_source import foreground_mask
from napari_inpaintaff.pipeline.window_foreground import (
    foreground_levels,
    iterate_window_foreground,
)


class Reddest:
    """Says how much of the light is red, and half everywhere on greyscale."""

    channels = 3

    def probability(self, image, *, diameter=None):
        del diameter
        if image.ndim == 2:
            return (image > np.median(image)).astype(np.float32)
        return (image[0] / np.maximum(image.sum(axis=0), 1)).astype(np.float32)


@pytest.fixture
def reddest(tmp_path, monkeypatch) -> Path:
    """Register a kind of model, and write a file of it where it is found by name."""
    own = tmp_path / "own"
    own.mkdir()
    monkeypatch.setitem(FOREGROUND_MODELS, "reddest", lambda path, device: Reddest())
    monkeypatch.setattr("napari_inpaintaff.networks.catalogue.KINDS", {*KINDS, "reddest"})
    monkeypatch.setattr(catalogue, "user_model_folder", lambda: own)
    monkeypatch.setattr("napari_inpaintaff.inpainting.user_model_folder", lambda: own)
    metadata = {"training": {"data": "2 sunsets"}}
    weights = {"w": np.zeros(1, np.float32)}
    return write_model_file(own / "red.safetensors", ModelFile("reddest", metadata, weights))


@pytest.fixture
def picture(tmp_path) -> tuple[Path, np.ndarray]:
    """A colour image with a red square."""
    colours = np.full((40, 50, 3), 90, np.uint8)
    colours[10:25, 5:30] = (200, 20, 20)
    path = tmp_path / "picture.png"
    Image.fromarray(colours).save(path)
    mask = np.zeros((40, 50), bool)
    mask[10:25, 5:30] = True
    return path, mask


def test_every_kind_can_be_found_by_name():
    assert set(FOREGROUND_MODELS) <= KINDS


def test_an_fgnet_is_such_a_model(tmp_path):
    architecture = UNetArchitecture("plain", (4, 4), stem=2, outputs=1)
    fgnet = FGNet(build_unet(architecture), FGNetMetadata("cells", architecture), device="cpu")
    assert isinstance(fgnet, ForegroundModel)
    loaded = load_foreground_model(fgnet.save(tmp_path / "it.safetensors"), device="cpu")
    assert isinstance(loaded, FGNet)
    image = np.random.default_rng(0).random((32, 32))
    np.testing.assert_array_equal(loaded.probability(image), fgnet.probability(image))


def test_what_finds_no_foreground_is_refused():
    with pytest.raises(ModelFileError, match="'inpainter', which finds no foreground"):
        load_foreground_model(DEFAULT_INPAINTER)
    with pytest.raises(ModelFileError, match="there is no model"):
        load_foreground_model("nowhere")
    assert not isinstance(np.zeros((2, 2)), ForegroundModel)
    assert not isinstance("otsu", ForegroundModel)


def test_a_registered_kind_is_found_by_name_and_sees_colours(reddest, picture, tmp_path, capsys):
    path, mask = picture
    assert [model.name for model in available_foreground_models()] == ["red"]
    for name in ("red", str(reddest)):
        output = tmp_path / "mask.tif"
        assert main(["foreground", str(path), "-o", str(output), "--model", name]) == 0
        np.testing.assert_array_equal(tifffile.imread(output) > 0, mask)
    # One channel alone is greyscale, in which the rest of the image is the brighter part.
    arguments = ["foreground", str(path), "-o", str(output), "--model", "red", "--channel", "1"]
    assert main(arguments) == 0
    assert not (tifffile.imread(output)[mask] > 0).any()
    capsys.readouterr()
    assert main(["models"]) == 0
    assert "2 sunsets" in capsys.readouterr().out


def test_a_registered_kind_segments(reddest, tmp_path):
    image = np.full((40, 40), 10, np.uint8)
    image[5:12, 5:12] = image[20:30, 20:30] = 200
    path, output = tmp_path / "image.tif", tmp_path / "labels.tif"
    tifffile.imwrite(path, image)
    arguments = ["segment", str(path), "-o", str(output), "--foreground", "red"]
    options = ["--partition", "foreground_components", "--outlines", "keep"]
    assert main([*arguments, *options]) == 0
    labels = tifffile.imread(output)
    np.testing.assert_array_equal(labels > 0, image > 10)
    assert labels.max() == 2


def test_parts_of_a_plane_see_their_surroundings():
    image = np.random.default_rng(1).integers(0, 200, (200, 180)).astype(np.float64)
    network = Reddest()
    levels = foreground_levels([image], network, outlines="keep")

    class Plane:
        shape, dtype = image.shape, image.dtype

        def read_region(self, region):
            return image[region]

    core = slice(60, 100), slice(70, 90)
    steps = iterate_window_foreground(Plane(), core, network, levels)
    found = Job(steps).run()
    whole = foreground_mask(image, network)
    # The medians of the part and of the whole plane differ a little.
    assert found.shape == (40, 20)
    assert (found == whole[core]).mean() > 0.95


def test_colours_are_read_as_they_are(picture, tmp_path):
    path, mask = picture
    red, green, blue = read_colours(path)
    assert isinstance(red, ImageData)
    assert (red.data[mask] == 200).all()
    assert (green.data[mask] == 20).all()
    np.testing.assert_array_equal(green.data, blue.data)
    translucent = tmp_path / "translucent.png"
    Image.open(path).convert("RGBA").save(translucent)
    assert len(read_colours(translucent)) == 3
    grey = tmp_path / "grey.tif"
    tifffile.imwrite(grey, np.arange(12, dtype=np.uint8).reshape(3, 4))
    assert [image.data.shape for image in read_colours(grey)] == [(3, 4)]

"""A network that learns from masks of IEM: better than those, repeatable, resumed, refused."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_inpaintaff.cli import main
from napari_inpaintaff.errors import ImageError, ModelFileError, ParameterError
from napari_inpaintaff.evaluation import mask_scores, mean_mask_scores
from napari_inpaintaff.foreground import (
    IEMNetwork,
    IEMNetworkTraining,
    load_foreground_model,
    maximise_inpainting_error,
    train_iem_network,
)
from napari_inpaintaff.foreground.picture_squares import picture_square, read_picture_squares
from napari_inpaintaff.images import layered_scenes
from napari_inpaintaff.images.scene_files import write_scenes
from napari_inpaintaff.jobs import Job
from napari_inpaintaff.networks.model_file import ModelFile, write_model_file

TINY = IEMNetworkTraining(side=24, epochs=3, batch=8, width=4)


def trained(pictures: np.ndarray, training: IEMNetworkTraining = TINY, **options) -> IEMNetwork:
    return Job(train_iem_network(pictures, training, device="cpu", **options)).run()


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return layered_scenes(20, 24, seed=3).images


@pytest.fixture(scope="module")
def tiny(pictures) -> IEMNetwork:
    return trained(pictures)


def test_the_network_is_better_than_the_masks_it_learned_from():
    learned, seen = layered_scenes(160, 32, seed=1), layered_scenes(60, 32, seed=2)
    training = IEMNetworkTraining(side=32, epochs=40, batch=32, width=16)
    network = trained(learned.images, training)
    by_iem = maximise_inpainting_error(seen.images, device="cpu").masks
    found = [network.probability(image) > 0.5 for image in seen.images]
    alone = mean_mask_scores(zip(by_iem, seen.masks, strict=True))
    both = mean_mask_scores(zip(found, seen.masks, strict=True))
    assert both.accuracy > alone.accuracy + 0.02
    network.metadata = type(network.metadata)("refined", 32, 3, 16, refine=True)
    again = [network.probability(image) > 0.5 for image in seen.images]
    refined = mean_mask_scores(zip(again, seen.masks, strict=True))
    assert refined.iou > alone.iou + 0.05
    assert refined.iou > both.iou


def test_the_same_seed_gives_the_same_network(pictures, tiny):
    again = trained(pictures)
    assert all(np.array_equal(tiny.weights[name], again.weights[name]) for name in tiny.weights)
    other = trained(pictures, IEMNetworkTraining(side=24, epochs=3, batch=8, width=4, seed=1))
    assert not np.array_equal(tiny.probability(pictures[0]), other.probability(pictures[0]))


@pytest.mark.parametrize("updates", [1, 3])
def test_a_training_that_was_left_goes_on_with_the_same_result(pictures, tiny, tmp_path, updates):
    checkpoint = tmp_path / "it.checkpoint.safetensors"
    options = {"checkpoint": checkpoint, "seconds_between": 0.0, "device": "cpu"}
    steps = train_iem_network(pictures, TINY, **options)
    for _ in range(updates):
        seen = next(steps)
    steps.close()
    assert (seen.phase, seen.done) == (("masks", 16) if updates == 1 else ("network", 1))
    rest = list(train_iem_network(pictures, TINY, **options))
    assert len(rest) == 5 - updates
    # The state after the last epoch was kept: there is nothing left to do.
    network = trained(pictures, checkpoint=checkpoint)
    assert all(np.array_equal(tiny.weights[name], network.weights[name]) for name in tiny.weights)
    with pytest.raises(ParameterError, match="other pictures or settings"):
        trained(pictures[:19], checkpoint=checkpoint)
    checkpoint.write_bytes(checkpoint.read_bytes()[:-40])
    with pytest.raises(ModelFileError, match="damaged"):
        trained(pictures, checkpoint=checkpoint)


def test_updates_show_what_is_learned(pictures):
    last = list(train_iem_network(pictures, TINY, device="cpu"))[-1]
    assert (last.phase, last.done, last.total) == ("network", 3, 3)
    assert last.loss > 0
    assert last.pictures.shape == (6, 3, 24, 24)
    assert last.masks.shape == last.probabilities.shape == (6, 24, 24)


def test_a_training_that_is_stopped_keeps_what_it_learned(pictures):
    asked = []

    def stop() -> bool:
        asked.append(0)
        return len(asked) > 3

    assert trained(pictures, stop=stop).metadata.training["epochs"] == 1
    with pytest.raises(ParameterError, match="before the network had learned"):
        trained(pictures, stop=lambda: True)


def test_the_best_masks_are_learned_from():
    errors = np.array([0.3, 0.0, 0.9, 0.5, 0.1], np.float32)
    assert IEMNetworkTraining().best(errors).tolist() == [0, 2, 3, 4]
    assert IEMNetworkTraining(masks=2).best(errors).tolist() == [2, 3]
    assert IEMNetworkTraining(part=1.0).best(errors).tolist() == [0, 2, 3, 4]


@pytest.mark.parametrize("shape", [(24, 24), (30, 61), (13, 40), (100, 24)])
def test_pictures_of_any_size_are_seen(tiny, shape):
    rng = np.random.default_rng(0)
    image = rng.random((3, *shape))
    image[:, 2, 3] = np.nan
    found = tiny.probability(image)
    assert (found.shape, found.dtype, found[2, 3]) == (shape, np.float32, 0)
    assert 0 <= found.min() <= found.max() <= 1
    # Gain and offset do not matter, and greyscale is three equal colours.
    np.testing.assert_allclose(tiny.probability(200 * image + 9), found, atol=1e-4)
    grey = tiny.probability(image[0])
    np.testing.assert_array_equal(grey, tiny.probability(np.stack([image[0]] * 3)))


def test_a_file_gives_the_same_network(tiny, pictures, tmp_path):
    path = tiny.save(tmp_path / "mine.safetensors")
    loaded = load_foreground_model(path, device="cpu")
    assert isinstance(loaded, IEMNetwork)
    assert (loaded.metadata.name, loaded.channels) == ("mine", 3)
    np.testing.assert_array_equal(loaded.probability(pictures[0]), tiny.probability(pictures[0]))


@pytest.mark.parametrize(
    "damage",
    [{"width": 0}, {"width": 10**6}, {"channels": 2}, {"side": "24"}, {"what": 1}, {"training": 3}],
)
def test_files_that_cannot_be_are_refused(tiny, tmp_path, damage):
    metadata = {**tiny.metadata.to_json(), **damage}
    path = tmp_path / "odd.safetensors"
    write_model_file(path, ModelFile("iem-network", metadata, tiny.weights))
    with pytest.raises(ModelFileError, match="damaged"):
        load_foreground_model(path)
    fewer = dict(list(tiny.weights.items())[1:])
    write_model_file(path, ModelFile("iem-network", tiny.metadata.to_json(), fewer))
    with pytest.raises(ModelFileError, match="do not fit"):
        load_foreground_model(path)


@pytest.mark.slow
def test_a_command_that_is_killed_goes_on_with_the_same_network(tmp_path, capsys):
    scenes = layered_scenes(20, 24, seed=3)
    write_scenes(tmp_path, scenes.images, scenes.masks)
    options = ["--side", "24", "--epochs", "150", "--batch", "8", "--device", "cpu"]
    images = str(tmp_path / "images")
    killed, whole = tmp_path / "killed.safetensors", tmp_path / "whole.safetensors"
    checkpoint = tmp_path / "killed.checkpoint.safetensors"
    command = [sys.executable, "-m", "napari_inpaintaff", "train-iem", images, "-o", str(killed)]
    process = subprocess.Popen([*command, *options])
    try:
        while not checkpoint.exists():
            assert process.poll() is None
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    assert not killed.exists()
    assert main(["train-iem", images, "-o", str(killed), *options]) == 2
    assert "--resume" in capsys.readouterr().err
    assert main(["train-iem", images, "-o", str(killed), *options, "--resume"]) == 0
    assert main(["train-iem", images, "-o", str(whole), *options]) == 0
    weights = [IEMNetwork.load(path, device="cpu").weights for path in (killed, whole)]
    assert all(np.array_equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not checkpoint.exists()


def test_what_cannot_be_used_is_refused(tiny, pictures):
    with pytest.raises(ImageError, match="takes images"):
        tiny.probability(np.zeros((2, 30, 30)))
    with pytest.raises(ImageError, match="NaN"):
        tiny.probability(np.full((30, 30), np.nan))
    assert not tiny.probability(np.full((30, 30), 7)).any()
    with pytest.raises(ImageError, match="24 x 24"):
        trained(layered_scenes(2, 32).images)
    constant = pictures.copy()
    constant[4] = 0.5
    with pytest.raises(ImageError, match=r"from 0 on, all.*image 4 of 16.*same intensity"):
        trained(constant)
    for wrong in ({"side": 30}, {"side": 16}, {"epochs": 0}, {"part": 0.0}, {"learning_rate": 0}):
        with pytest.raises(ParameterError):
            IEMNetworkTraining(**wrong)


def test_pictures_become_squares_of_their_middle(tmp_path):
    image = np.zeros((1, 40, 80))
    image[0, 10:30, 30:50] = 1
    square = picture_square(image, 20)
    assert square.shape == (1, 20, 20)
    np.testing.assert_allclose(square[0, 6:14, 6:14], 1, atol=1e-6)
    assert square[0, :, 0].max() < 1e-6
    assert picture_square(image, 64).shape == (1, 64, 64)
    Image.fromarray(np.arange(1200, dtype=np.uint8).reshape(20, 20, 3)).save(tmp_path / "c.png")
    tifffile.imwrite(tmp_path / "g.tif", np.eye(30, 50, dtype=np.uint16))
    tifffile.imwrite(tmp_path / "flat.tif", np.full((30, 50), 5, np.uint8))
    (tmp_path / "broken.png").write_bytes(b"no")
    read = read_picture_squares([tmp_path], 24)
    assert read.pixels.shape == (2, 3, 24, 24)
    assert [Path(one.path_or_name).name for one in read.skipped] == ["broken.png", "flat.tif"]
    with pytest.raises(ImageError, match="equal"):
        read_picture_squares([tmp_path / "flat.tif"], 24)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="folder without images"):
        read_picture_squares([tmp_path / "empty"], 24)


def test_the_commands_train_and_use_it(tmp_path, capsys):
    scenes = layered_scenes(12, 24, placement="whole")
    write_scenes(tmp_path, scenes.images, scenes.masks)
    model, mask = tmp_path / "it.safetensors", tmp_path / "mask.tif"
    command = ["train-iem", str(tmp_path / "images"), "-o", str(model), "--device", "cpu"]
    options = ["--side", "24", "--epochs", "2", "--batch", "4", "--refine"]
    assert main([*command, *options]) == 0
    assert "12 pictures in 2 epochs" in capsys.readouterr().out
    assert not model.with_name("it.checkpoint.safetensors").exists()
    samples = np.asarray(Image.open(tmp_path / "it-samples.png"))
    assert samples.shape == (3 * 72, 6 * 72, 3)
    assert set(np.unique(samples[72:144])) == {0, 255}  # masks by IEM
    folder = tmp_path / "images"
    among = ["train-iem", str(folder), "-o", str(folder / "m.safetensors")]
    assert main(among) == 2
    assert "among the images" in capsys.readouterr().err
    picture = tmp_path / "images" / "scene_00000.png"
    arguments = ["foreground", str(picture), "-o", str(mask), "--model", str(model)]
    assert main([*arguments, "--device", "cpu"]) == 0
    (own,) = maximise_inpainting_error(scenes.images[:1], device="cpu").masks
    assert mask_scores(tifffile.imread(mask), own).iou > 0.5
    grey, labels = tmp_path / "grey.tif", tmp_path / "labels.tif"
    tifffile.imwrite(grey, (255 * scenes.images[0, 1]).astype(np.uint8))
    arguments = ["segment", str(grey), "-o", str(labels), "--foreground", str(model)]
    assert main([*arguments, "--partition", "foreground_components", "--device", "cpu"]) == 0
    capsys.readouterr()
    assert main([*command, *options, "--resume"]) == 2
    assert "leave --resume out" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    empty = ["train-iem", str(tmp_path / "empty"), "-o", str(model)]
    assert main(empty) == 2
    assert "folder without images" in capsys.readouterr().err

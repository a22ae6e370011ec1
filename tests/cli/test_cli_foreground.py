"""inpaintaff foreground and every --foreground: networks, methods, masks, denoised images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from two_cells import two_cells

from napari_inpaintaff.foreground import FGNet, FGNetMetadata
from napari_inpaintaff.images import read_image, write_array
from napari_inpaintaff.inpainting import Inpainter, catalogue
from napari_inpaintaff.networks import UNetArchitecture, build_unet

QUICK = ("--iterations", 1, "--stride", 64, "--device", "cpu")


@pytest.fixture(scope="session")
def fgnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An FGNet that has learnt nothing, and says something else about every pixel."""
    import torch

    architecture = UNetArchitecture("plain", (4, 4), stem=2, outputs=1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        network = build_unet(architecture)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
    metadata = FGNetMetadata("cells", architecture, training={"data": "1 image", "instances": 5})
    path = tmp_path_factory.mktemp("fgnet") / "my-cells.safetensors"
    return FGNet(network, metadata, device="cpu").save(path)


@pytest.fixture
def named(fgnet, tmp_path, monkeypatch) -> str:
    """Put the FGNet where it is found by name."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "mine.safetensors").write_bytes(fgnet.read_bytes())
    monkeypatch.setattr(catalogue, "user_model_folder", lambda: own)
    monkeypatch.setattr("napari_inpaintaff.inpainting.user_model_folder", lambda: own)
    return "mine"


@pytest.fixture
def foreground(run, tmp_path):
    """Run ``foreground``; give the outcome and what was written."""

    def foreground(image, *options):
        output = tmp_path / "mask.tif"
        outcome = run("foreground", image, "-o", output, "--device", "cpu", *options)
        return outcome, tifffile.imread(output) if output.exists() else None

    return foreground


def expected(fgnet: Path, image: Path) -> np.ndarray:
    return FGNet.load(fgnet, device="cpu").probability(tifffile.imread(image))


def test_a_network_finds_the_foreground(foreground, image, fgnet):
    probability = expected(fgnet, image)
    for level in (0.5, float(np.median(probability))):
        outcome, mask = foreground(image, "--model", fgnet, "--level", level)
        assert (outcome.code, outcome.err) == (0, "")
        assert mask.dtype == np.uint8
        np.testing.assert_array_equal(mask > 0, probability > np.float32(level))
        assert f"{(mask > 0).mean():.1%} foreground" in outcome.out
    _, written = foreground(image, "--model", fgnet, "--probability")
    assert written.dtype == np.float32
    np.testing.assert_array_equal(written, probability)


def test_a_stack_keeps_its_axes_and_a_name_is_enough(foreground, named, tmp_path):
    path = tmp_path / "movie.tif"
    plane = two_cells()[0]
    write_array(path, np.stack([plane, plane[::-1]]), axes="TYX", scale=(1, 0.5, 0.5))
    outcome, mask = foreground(path, "--model", named)
    assert outcome.code == 0
    assert mask.shape == (2, 96, 96)
    written = read_image(tmp_path / "mask.tif")
    assert (written.axes, written.scale[1:]) == ("TYX", pytest.approx((0.5, 0.5)))


@pytest.mark.parametrize("by_name", [True, False])
def test_segment_and_partition_take_a_network(run, image, model, fgnet, named, by_name, tmp_path):
    source = named if by_name else fgnet
    mask = expected(fgnet, image) > 0.5
    assert 0 < mask.mean() < 1
    labels, saved = tmp_path / "labels.tif", tmp_path / "a.npz"
    command = ("segment", image, "-o", labels, "--model", model, *QUICK)
    outcome = run(*command, "--foreground", source, "--save-affinities", saved)
    assert (outcome.code, outcome.complaints) == (0, [])
    np.testing.assert_array_equal(tifffile.imread(labels) > 0, mask)
    again = run("partition", saved, "-o", labels, "--foreground", source, "--image", image)
    assert again.code == 0
    np.testing.assert_array_equal(tifffile.imread(labels) > 0, mask)
    alone = run("partition", saved, "-o", labels, "--foreground", source)
    assert (alone.code, len(alone.lines)) == (2, 1)
    assert "--image" in alone.err


@pytest.mark.parametrize("name", ["distance_watershed", "foreground_components"])
def test_outline_partitions_need_no_model(run, image, tmp_path, monkeypatch, name):
    def load(*arguments, **options):
        raise AssertionError("no model is needed")

    monkeypatch.setattr("napari_inpaintaff.separation.model_loading.load_model", load)
    monkeypatch.setattr(Inpainter, "load", load)
    labels = tmp_path / "labels.tif"
    outcome = run("segment", image, "-o", labels, "--partition", name)
    assert (outcome.code, outcome.err) == (0, "")
    assert tifffile.imread(labels).max() == (2 if name == "distance_watershed" else 1)


def test_partition_of_the_outline_of_saved_affinities(run, image, model, tmp_path):
    labels, saved = tmp_path / "labels.tif", tmp_path / "a.npz"
    run("segment", image, "-o", labels, "--model", model, *QUICK, "--save-affinities", saved)
    outline = ("--partition", "distance_watershed")
    for options, objects in (((), 2), (("--sigma", 40), 1), (("--minimum-distance", 60), 1)):
        assert run("partition", saved, "-o", labels, *outline, *options).code == 0
        found = tifffile.imread(labels)
        assert found.max() == objects
        direct = tmp_path / "direct.tif"
        assert run("segment", image, "-o", direct, *outline, *options).code == 0
        np.testing.assert_array_equal(tifffile.imread(direct), found)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--partition", "distance_watershed", "--alpha", "1"), "--alpha has no meaning"),
        (("--partition", "distance_watershed", "--minimum-size", "9"), "--minimum-size has no"),
        (("--partition", "distance_watershed", "--model", "nuclei-small"), "leave --model out"),
        (("--partition", "distance_watershed", "--mode", "draft"), "leave --mode out"),
        (("--partition", "distance_watershed", "--sigma", "-1"), "sigma"),
        (("--partition", "distance_watershed", "--minimum-distance", "0"), "minimum distance"),
        (("--partition", "foreground_components", "--sigma", "1"), "--sigma is for"),
        (("--partition", "foreground_components", "--save-affinities", "a.npz"), "no affinities"),
        (("--sigma", "1"), "--sigma is for --partition distance_watershed"),
        (("--partition", "watershed"), "unknown partition method 'watershed'"),
        (("--engine", "affnet"), "no AffNet is included"),
        (("--foreground", "yours"), "the networks are mine"),
        (("--foreground", "nuclei-small"), "'inpainter'"),
        (("--foreground", "nuclei-student"), "'student'"),
        (("--foreground", "no/such.safetensors"), "no/such.safetensors"),
        (("--model", "mine"), "fgnet"),
    ],
)
def test_bad_options_of_segment_are_one_line(run, image, named, tmp_path, options, reason):
    labels = tmp_path / "labels.tif"
    outcome = run("segment", image, "-o", labels, "--device", "cpu", *options)
    assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1), outcome.err
    assert reason in outcome.err
    assert "internal error" not in outcome.err
    assert not labels.exists()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ((), "--model --method is required"),
        (("--model", "mine", "--method", "otsu"), "not allowed"),
        (("--method", "li"), "unknown foreground method 'li'"),
        (("--model", "yours"), "one of: mine"),
        (("--model", "nuclei-small"), "'inpainter'"),
        (("--method", "otsu", "--level", "1"), "below 1"),
        (("--method", "otsu", "--level", "nan"), "below 1"),
        (("--method", "otsu", "--denoiser", "nuclei-small"), "has no denoiser"),
        (("--method", "none", "--denoiser", "nuclei-small"), "--denoiser is for"),
        (("--model", "mine", "--denoiser", "nuclei-small"), "--denoiser is for"),
        (("--model", "mine", "--diameter", "1"), "diameter"),
    ],
)
def test_bad_options_of_foreground_are_one_line(foreground, image, named, options, reason):
    outcome, mask = foreground(image, *options)
    assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1), outcome.err
    assert reason in outcome.err
    assert "internal error" not in outcome.err
    assert mask is None


def test_no_model_is_overwritten_by_what_it_finds(run, image, fgnet, tmp_path):
    copy = tmp_path / "copy.tif"
    copy.write_bytes(fgnet.read_bytes())
    outcome = run("foreground", image, "-o", copy, "--model", copy)
    assert (outcome.code, len(outcome.lines)) == (2, 1)
    assert "is an input of this command" in outcome.err
    assert copy.read_bytes() == fgnet.read_bytes()


def test_a_method_sees_what_a_denoiser_leaves(run, foreground, image, model, monkeypatch, tmp_path):
    """The image without its darker cell stands for a denoised one."""
    plane, truth = two_cells()
    left = np.where(truth == 1, 200, plane).astype(np.float32)
    monkeypatch.setattr(Inpainter, "denoise", lambda self, image: left)
    denoiser = property(lambda self: object(), lambda self, value: None)
    monkeypatch.setattr(Inpainter, "denoiser", denoiser, raising=False)
    _, mask = foreground(image, "--method", "otsu", "--denoiser", model)
    assert mask[truth == 2].mean() > 0.9
    assert mask[truth == 1].mean() < 0.1
    _, mask = foreground(image, "--method", "otsu")
    assert mask[truth == 1].mean() > 0.9


def test_models_lists_networks_of_the_foreground(run, named):
    outcome = run("models")
    assert (outcome.code, outcome.err) == (0, "")
    (row,) = (line for line in outcome.out.splitlines() if line.startswith("mine"))
    assert row.split()[1] == "fgnet"
    assert row.endswith("5 labelled cells in 1 image")


def test_iem_finds_the_cells(foreground, image):
    outcome, mask = foreground(image, "--method", "iem")
    assert (outcome.code, outcome.err) == (0, "")
    truth = two_cells()[1] > 0
    assert ((mask > 0) & truth).sum() / ((mask > 0) | truth).sum() > 0.7
    _, probability = foreground(image, "--method", "iem", "--probability")
    assert probability.dtype == np.float32
    np.testing.assert_array_equal(probability > 0.5, mask > 0)


def test_iem_is_a_foreground_of_segment(run, image, tmp_path):
    output = tmp_path / "labels.tif"
    outcome = run("segment", image, "-o", output, "--foreground", "iem", *QUICK)
    assert outcome.code == 0
    labels = tifffile.imread(output)
    run("foreground", image, "-o", tmp_path / "mask.tif", "--method", "iem", "--device", "cpu")
    mask = tifffile.imread(tmp_path / "mask.tif") > 0
    assert labels.any()
    assert not (labels > 0)[~mask].any()


def test_iem_refuses_too_small_an_image_in_a_sentence(foreground, tmp_path):
    path = tmp_path / "small.tif"
    tifffile.imwrite(path, np.arange(20, dtype=np.uint8).reshape(4, 5))
    outcome, written = foreground(path, "--method", "iem")
    assert outcome.code == 2
    assert written is None
    assert "4 x 5 pixels" in outcome.err

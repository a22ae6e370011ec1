"""The inpainter: predictions, unknown pixels, saving and loading."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_world import NARROW, smooth_textures, untrained

from napari_inpaintaff.errors import (
    ImageError,
    ModelFileError,
    OutputError,
    ParameterError,
)
from napari_inpaintaff.images import NormalisationKind, estimate_normalisation
from napari_inpaintaff.inpainting import Inpainter, InpainterMetadata
from napari_inpaintaff.inpainting.denoising import Denoiser
from napari_inpaintaff.inpainting.losses import pixel_error
from napari_inpaintaff.inpainting.metadata import MODEL_KIND
from napari_inpaintaff.networks import UNetArchitecture, build_unet
from napari_inpaintaff.networks.model_file import (
    ModelFile,
    read_model_file,
    write_model_file,
)

DENOISING = UNetArchitecture("plain", (4, 6), outputs=1)

ARCHITECTURES = {
    "plain": NARROW,
    "stem": UNetArchitecture("plain", (4, 6), stem=2),
    "partial": UNetArchitecture("partial", (4, 6), batch_norm=True),
    "L1": UNetArchitecture("plain", (4, 6), outputs=1),
}


def some_task(shape: tuple[int, ...], seed: int = 0) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    return random.random(shape, dtype=np.float32) * 3, random.random(shape) < 0.5


@pytest.mark.parametrize("name", ARCHITECTURES)
@settings(deadline=None, max_examples=15)
@given(height=st.integers(1, 21), width=st.integers(1, 21))
def test_any_size_is_padded_with_hidden_pixels(name: str, height: int, width: int) -> None:
    inpainter = untrained(ARCHITECTURES[name])
    image, known = some_task((height, width))
    prediction = inpainter.predict(image, known)
    assert prediction.mean.shape == image.shape
    assert prediction.mean.dtype == np.float32
    stride = inpainter.metadata.architecture.stride
    missing = [(0, -height % stride), (0, -width % stride)]
    padded = inpainter.predict(np.pad(image, missing, constant_values=9), np.pad(known, missing))
    np.testing.assert_allclose(prediction.mean, padded.mean[:height, :width], atol=1e-5)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_scale_is_positive_or_absent(name: str) -> None:
    inpainter = untrained(ARCHITECTURES[name])
    prediction = inpainter.predict(*some_task((16, 16)))
    if name == "L1":
        assert prediction.scale is None
    else:
        assert prediction.scale is not None
        assert prediction.scale.shape == (16, 16)
        assert prediction.scale.dtype == np.float32
        assert (prediction.scale > 0).all()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_hidden_pixels_are_never_seen(name: str) -> None:
    inpainter = untrained(ARCHITECTURES[name])
    image, known = some_task((16, 16))
    expected = inpainter.predict(image, known).mean
    for hidden_value in (np.nan, np.inf, -1e30):
        changed = np.where(known, image, hidden_value).astype(np.float32)
        np.testing.assert_array_equal(inpainter.predict(changed, known).mean, expected)


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("unknown", [np.nan, np.inf])
def test_unknown_pixels_are_never_seen_even_if_marked_as_known(name: str, unknown: float) -> None:
    inpainter = untrained(ARCHITECTURES[name])
    image, known = some_task((16, 16))
    holes = np.random.default_rng(1).random(image.shape) < 0.1
    prediction = inpainter.predict(np.where(holes, unknown, image).astype(np.float32), known)
    expected = inpainter.predict(image, known & ~holes)
    np.testing.assert_array_equal(prediction.mean, expected.mean)
    assert np.isfinite(prediction.mean).all()


@pytest.mark.parametrize("shape", [(16, 16), (1, 16, 16), (5, 16, 16), (2, 3, 10, 12), (0, 16, 16)])
def test_batches_of_any_shape(shape: tuple[int, ...]) -> None:
    inpainter = untrained()
    image, known = some_task(shape)
    prediction = inpainter.predict(image, known)
    assert prediction.mean.shape == shape
    assert prediction.scale is not None
    assert prediction.scale.shape == shape
    for index in np.ndindex(shape[:-2]):
        alone = inpainter.predict(image[index], known[index])
        np.testing.assert_allclose(prediction.mean[index], alone.mean, atol=1e-5)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_errors_are_those_of_the_prediction(name: str) -> None:
    inpainter = untrained(ARCHITECTURES[name])
    image, known = some_task((3, 14, 17))
    errors = inpainter.errors(torch.from_numpy(image), torch.from_numpy(known))
    prediction = inpainter.predict(image, known)
    channels = [prediction.mean]
    if prediction.scale is not None:
        channels.append(np.log(prediction.scale))
    expected = pixel_error(torch.from_numpy(np.stack(channels, 1)), torch.from_numpy(image))
    torch.testing.assert_close(errors, expected, atol=1e-4, rtol=1e-4)
    assert errors.dtype == torch.float32


def test_predicting_leaves_no_trace() -> None:
    inpainter = untrained()
    image, known = some_task((16, 16))
    before = image.copy(), known.copy()
    inpainter.predict(image, known)
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(known, before[1])


@pytest.mark.parametrize(
    ("image_shape", "known_shape"),
    [((4, 5), (5, 4)), ((2, 4, 5), (4, 5)), ((8,), (8,)), ((0, 4), (0, 4)), ((2, 4, 0), (2, 4, 0))],
)
def test_impossible_shapes(image_shape: tuple[int, ...], known_shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match="planes of one shape"):
        untrained().predict(np.zeros(image_shape, np.float32), np.zeros(known_shape, bool))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_saved_and_loaded_it_predicts_the_same(name: str, tmp_path: Path) -> None:
    inpainter = untrained(ARCHITECTURES[name])
    path = inpainter.save(tmp_path / "mine.safetensors")
    loaded = Inpainter.load(path, device="cpu", dtype=torch.float32)
    assert loaded.metadata == replace(inpainter.metadata, name="mine")
    image, known = some_task((2, 20, 20))
    expected, prediction = inpainter.predict(image, known), loaded.predict(image, known)
    np.testing.assert_array_equal(prediction.mean, expected.mean)
    again = loaded.save(tmp_path / "mine2.safetensors")
    assert read_model_file(again, MODEL_KIND).weights.keys() == (
        read_model_file(path, MODEL_KIND).weights.keys()
    )


def test_half_precision_in_the_file_hardly_changes_predictions(tmp_path: Path) -> None:
    inpainter = untrained()
    image = inpainter.normalise(smooth_textures(1)[0])
    known = np.ones(image.shape, bool)
    known[20:50, 20:50] = False
    full = inpainter.save(tmp_path / "full.safetensors")
    half = inpainter.save(tmp_path / "half.safetensors", dtype=np.float16)
    assert half.stat().st_size < 0.75 * full.stat().st_size
    loaded = Inpainter.load(half, device="cpu", dtype=torch.float32)
    expected = inpainter.predict(image, known).mean
    difference = np.abs(loaded.predict(image, known).mean - expected)
    assert 0 < difference.max() < 0.01 * np.abs(expected).max()


def test_weights_that_half_precision_cannot_hold_stay_full(tmp_path: Path) -> None:
    inpainter = untrained()
    name = next(iter(inpainter.weights))
    inpainter.weights[name] = inpainter.weights[name] + 1e6
    path = inpainter.save(tmp_path / "half.safetensors", dtype=np.float16)
    stored = read_model_file(path, MODEL_KIND).weights
    assert np.array_equal(stored[name], inpainter.weights[name])
    assert {str(value.dtype) for value in stored.values()} == {"float16", "float32"}


def test_low_precision_saves_full_weights(tmp_path: Path) -> None:
    path = untrained().save(tmp_path / "one.safetensors")
    low = Inpainter.load(path, device="cpu", dtype=torch.bfloat16)
    image, known = some_task((16, 16))
    full = Inpainter.load(path, device="cpu", dtype=torch.float32).predict(image, known).mean
    np.testing.assert_allclose(low.predict(image, known).mean, full, atol=0.05 * np.ptp(full))
    weights = read_model_file(low.save(tmp_path / "two.safetensors"), MODEL_KIND).weights
    for name, value in read_model_file(path, MODEL_KIND).weights.items():
        np.testing.assert_array_equal(weights[name], value)


def test_loading_by_name(model_folder: Path) -> None:
    untrained().save(model_folder / "mine.safetensors")
    assert Inpainter.load("mine", device="cpu").metadata.name == "mine"


def test_saving_into_no_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no folder"):
        untrained().save(tmp_path / "nowhere" / "mine.safetensors")


def damaged(path: Path, **changes: Any) -> Path:
    """Write a well-formed model file with another description or other weights."""
    file = read_model_file(path, MODEL_KIND)
    weights = changes.pop("weights", file.weights)
    return write_model_file(path, ModelFile(MODEL_KIND, {**file.metadata, **changes}, weights))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": None}, "damaged"),
        ({"architecture": {"kind": "dense", "widths": [4, 6]}}, "dense"),
        ({"architecture": {"kind": "plain", "widths": [4, 6], "outputs": 3}}, "got 3"),
        ({"diameter": -1}, "diameter"),
        ({"diameter": "25"}, "damaged"),
        ({"normalisation": "cubic"}, "cubic"),
        ({"novelty": 1}, "novelty"),
        ({"weights": {}}, "do not fit"),
        ({"architecture": {"kind": "plain", "widths": [4, 6]}}, "wrong shapes"),
        ({"architecture": {"kind": "partial", "widths": [8, 16]}}, "do not fit"),
    ],
)
def test_a_file_that_contradicts_itself(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = damaged(untrained().save(tmp_path / "mine.safetensors"), **changes)
    with pytest.raises(ModelFileError, match=message) as caught:
        Inpainter.load(path)
    assert "mine.safetensors" in str(caught.value)
    assert "\n" not in str(caught.value)


def with_denoiser(*, seed: int = 0) -> Inpainter:
    """An inpainter that denoises, both with random weights."""
    plain = untrained(seed=seed)
    torch.manual_seed(seed + 1)
    denoiser = Denoiser(
        build_unet(DENOISING), DENOISING, device=torch.device("cpu"), dtype=torch.float32
    )
    metadata = replace(plain.metadata, denoiser=DENOISING)
    return Inpainter(
        build_unet(NARROW), metadata, denoiser=denoiser, device="cpu", dtype=torch.float32
    )


def test_a_denoiser_comes_before_the_normalisation(tmp_path: Path) -> None:
    image = smooth_textures(1)[0]
    inpainter = with_denoiser()
    torch.manual_seed(1)
    denoiser = Denoiser(
        build_unet(DENOISING), DENOISING, device=torch.device("cpu"), dtype=torch.float32
    )
    denoised = denoiser(image)
    expected = estimate_normalisation(denoised).apply(denoised)
    assert not np.allclose(expected, untrained().normalise(image), atol=0.1)
    np.testing.assert_array_equal(inpainter.normalise(image), expected)
    path = inpainter.save(tmp_path / "mine.safetensors")
    loaded = Inpainter.load(path, device="cpu", dtype=torch.float32)
    assert loaded.metadata == replace(inpainter.metadata, name="mine")
    np.testing.assert_array_equal(loaded.normalise(image), expected)
    again = read_model_file(loaded.save(tmp_path / "again.safetensors"), MODEL_KIND)
    assert again.weights.keys() == read_model_file(path, MODEL_KIND).weights.keys()


def test_a_denoiser_follows_the_precision(tmp_path: Path) -> None:
    image = smooth_textures(1)[0]
    path = with_denoiser().save(tmp_path / "one.safetensors")
    full = Inpainter.load(path, device="cpu", dtype=torch.float32)
    low = Inpainter.load(path, device="cpu", dtype=torch.bfloat16)
    assert not np.array_equal(low.normalise(image), full.normalise(image))
    np.testing.assert_allclose(low.normalise(image), full.normalise(image), atol=0.1)
    weights = read_model_file(low.save(tmp_path / "two.safetensors"), MODEL_KIND).weights
    for name, value in read_model_file(path, MODEL_KIND).weights.items():
        np.testing.assert_array_equal(weights[name], value)


def test_without_a_denoiser_the_file_is_as_before(tmp_path: Path) -> None:
    file = read_model_file(untrained().save(tmp_path / "mine.safetensors"), MODEL_KIND)
    assert "denoiser" not in file.metadata
    assert not any(name.startswith("denoiser") for name in file.weights)


def test_denoiser_and_description_must_agree() -> None:
    metadata = replace(untrained().metadata, denoiser=DENOISING)
    with pytest.raises(ParameterError, match="not the one of the metadata"):
        Inpainter(torch.nn.Identity(), metadata, device="cpu")
    two = UNetArchitecture("plain", (4, 6))
    with pytest.raises(ParameterError, match="1 output, got 2"):
        replace(metadata, denoiser=two)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"denoiser": None}, "its description lacks"),
        ({"denoiser": "yes"}, "damaged"),
        ({"denoiser": {"kind": "plain", "widths": [4, 6]}}, "1 output"),
        ({"denoiser": {"kind": "plain", "widths": [5, 6], "outputs": 1}}, "wrong shapes"),
        ({"denoiser": {"kind": "partial", "widths": [4, 6], "outputs": 1}}, "do not fit"),
        ({"architecture": {"kind": "plain", "widths": [4, 6]}}, "wrong shapes"),
    ],
)
def test_a_denoiser_that_contradicts_itself(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = damaged(with_denoiser().save(tmp_path / "mine.safetensors"), **changes)
    with pytest.raises(ModelFileError, match=message) as caught:
        Inpainter.load(path)
    assert "mine.safetensors" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_denoiser_without_weights(tmp_path: Path) -> None:
    path = damaged(untrained().save(tmp_path / "mine.safetensors"), denoiser=asdict(DENOISING))
    with pytest.raises(ModelFileError, match="do not fit"):
        Inpainter.load(path)


def test_unknown_device() -> None:
    with pytest.raises(ParameterError, match="'abacus'"):
        Inpainter(torch.nn.Identity(), untrained().metadata, device="abacus")


def test_description_survives_json() -> None:
    metadata = InpainterMetadata("a", NARROW, "linear", 12.5, {"steps": 3, "data": "α"})
    assert InpainterMetadata.from_json(metadata.to_json()) == metadata


def test_normalise_is_the_rule_of_the_model() -> None:
    image = smooth_textures(1)[0]
    for kind in get_args(NormalisationKind):
        metadata = replace(untrained().metadata, normalisation=kind)
        inpainter = Inpainter(torch.nn.Identity(), metadata, device="cpu")
        expected = estimate_normalisation(image, kind).apply(image)
        np.testing.assert_array_equal(inpainter.normalise(image), expected)

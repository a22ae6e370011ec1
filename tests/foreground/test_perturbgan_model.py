"""A trained PerturbGAN: its file, what it finds, and what its encoder learns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from perturbgan_scenes import finish, short, squares

from napari_inpaintaff.errors import ImageError, ModelFileError
from napari_inpaintaff.foreground.perturbgan import (
    LayeredArchitecture,
    PerturbGAN,
    PerturbGANMetadata,
    train_perturbgan,
)
from napari_inpaintaff.foreground.perturbgan.critic import Critic
from napari_inpaintaff.foreground.perturbgan.encoding import Autoencoder, decode, make_encoder
from napari_inpaintaff.foreground.perturbgan.generator import LayeredGenerator
from napari_inpaintaff.networks.model_file import ModelFile, read_model_file, write_model_file

IMAGES, _ = squares(20, 12)
IMAGE = np.random.default_rng(0).random((20, 30))

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def model() -> PerturbGAN:
    _, found = finish(train_perturbgan(IMAGES, short(), name="squares", device="cpu"))
    assert found is not None
    return found


def test_a_saved_model_finds_the_same(model: PerturbGAN, tmp_path: Path) -> None:
    path = model.save(tmp_path / "squares.safetensors")
    loaded = PerturbGAN.load(path, device="cpu")
    assert loaded.metadata == model.metadata
    np.testing.assert_array_equal(loaded.probability(IMAGE), model.probability(IMAGE))


def test_probability_has_the_shape_of_the_image_and_none_where_it_is_unknown(
    model: PerturbGAN,
) -> None:
    image = IMAGE.copy()
    image[:5] = np.nan
    probability = model.probability(image)
    assert probability.shape == image.shape
    assert probability.dtype == np.float32
    assert (probability[:5] == 0).all()
    assert (probability[5:] > 0).all()
    assert probability.max() <= 1


def test_of_the_back_layer_it_is_the_complement(model: PerturbGAN) -> None:
    back = PerturbGAN(
        model.networks, replace(model.metadata, foreground_layer="back"), device="cpu"
    )
    np.testing.assert_allclose(back.probability(IMAGE), 1 - model.probability(IMAGE), atol=1e-6)


def test_a_network_of_one_channel_wants_no_colours(model: PerturbGAN) -> None:
    assert model.channels == 1
    with pytest.raises(ImageError, match="in colour"):
        model.probability(np.random.default_rng(0).random((3, 20, 20)))
    with pytest.raises(ImageError, match="less than the side 8"):
        model.probability(np.random.default_rng(0).random((7, 20)))


def test_damaged_files_are_refused(model: PerturbGAN, tmp_path: Path) -> None:
    path = model.save(tmp_path / "squares.safetensors")
    file = read_model_file(path, "perturbgan")
    missing = {name: value for name, value in file.weights.items() if "encoder" not in name}
    write_model_file(path, ModelFile(file.kind, file.metadata, missing))
    with pytest.raises(ModelFileError, match="do not fit"):
        PerturbGAN.load(path)
    wrong = {**file.metadata, "architecture": {"side": 7}}
    write_model_file(path, ModelFile(file.kind, wrong, file.weights))
    with pytest.raises(ModelFileError, match="power of two"):
        PerturbGAN.load(path)
    with pytest.raises(ModelFileError, match="damaged"):
        PerturbGANMetadata.from_json({"name": "no architecture"})


def bold_generator() -> LayeredGenerator:
    """Return a generator with random weights whose scenes differ in their masks."""
    torch.manual_seed(0)
    generator = LayeredGenerator(LayeredArchitecture(8, 1, 8, 8, 16, 2)).eval()
    with torch.no_grad():
        for head in generator.syntheses[1].heads:
            head.weight[-1] *= 3
            head.bias[-1] = 0
    return generator


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    inside, outside = (one & other).sum((1, 2)), (one | other).sum((1, 2))
    return float((inside / np.maximum(outside, 1)).mean())


def test_the_encoder_learns_to_find_the_masks_of_generated_images() -> None:
    generator = bold_generator()
    autoencoder = Autoencoder(generator, Critic(generator.architecture))
    encoder = make_encoder(generator, 0, 0.0)
    adam = torch.optim.Adam(encoder.parameters(), 3e-3)
    torch.manual_seed(1)
    layers = generator(generator.styles(torch.randn(100, 8)))
    truth = layers.mask[:, 0].numpy() > 0.5

    def score() -> float:
        with torch.no_grad():
            found = decode(generator, encoder.eval()(layers.compose())).mask[:, 0].numpy() > 0.5
        return overlap(found, truth)

    before = score()
    for _ in range(100):
        adam.zero_grad()
        autoencoder.rehearsal_loss(encoder.train(), 16).backward()
        adam.step()
    assert score() > before + 0.05


def test_fitting_changes_a_copy_of_the_encoder(model: PerturbGAN) -> None:
    state = {n: v.clone() for n, v in model.networks.encoder.state_dict().items()}
    updates, masks = finish(model.iterate_fitted_masks(IMAGES, steps=20))
    assert [one.done for one in updates] == list(range(20))
    assert masks.shape == (20, 8, 8)
    assert not np.array_equal(masks, model.masks(IMAGES))
    # The encoder of the model itself stays what it was.
    assert all(torch.equal(v, state[n]) for n, v in model.networks.encoder.state_dict().items())
    np.testing.assert_array_equal(model.fitted_masks(IMAGES, steps=20), masks)

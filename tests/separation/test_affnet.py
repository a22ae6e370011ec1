"""AffNets: what they learn from labels, which labels they refuse, and that they are students."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mosaic import mosaic
from numpy.typing import NDArray
from skimage.segmentation import find_boundaries
from tiny_student import ARCHITECTURE, OFFSETS, random_inpainter, random_network, random_student

from generators import finish
from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS
from napari_inpaintaff.errors import ImageError, ModelFileError, ParameterError
from napari_inpaintaff.inpainting import catalogue
from napari_inpaintaff.inpainting.training_images import as_planes
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks import UNetArchitecture, build_unet, tiles
from napari_inpaintaff.separation import (
    AffNet,
    AffNetMetadata,
    AffNetTraining,
    AffNetUpdate,
    Student,
    affnet_training,
    available_models,
    available_students,
    compute_student_affinities,
    load_model,
    read_metadata,
    student_card,
    train_affnet,
)
from napari_inpaintaff.separation.affinities import affinities_from_labels
from napari_inpaintaff.separation.affnet_labels import held_out_blocks, labelled_images
from napari_inpaintaff.separation.affnet_parameters import AffNetLoss
from napari_inpaintaff.separation.affnet_patches import PreparedImage, cut_patches

pytestmark = pytest.mark.usefixtures("one_thread")

SHORT = AffNetTraining(steps=6, batch=2)


def cells(shape: tuple[int, int] = (110, 120), seed: int = 0, areas: int = 14) -> Any:
    """Touching cells with dim borders on a dark background, and their labels."""
    labels = mosaic(shape, seed=seed, areas=areas)[1] + 1
    labels[:, :12] = labels[:9] = 0
    image = np.where(find_boundaries(labels), 1.0, 4.0) * (labels > 0)
    noise = np.random.default_rng(seed).normal(0, 0.05, shape)
    return (image + noise).astype(np.float32), labels


def tiny_start(**options: Any) -> Student:
    return random_student(**options)


@pytest.fixture
def few_patches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(affnet_training, "_PIXELS", 16 * 96**2)
    monkeypatch.setattr(affnet_training, "_MEASURED_PIXELS", 96**2)


def short_run(
    training: AffNetTraining = SHORT, *, seed: int = 0, **options: Any
) -> tuple[list[Any], AffNet]:
    image, labels = cells(seed=seed)
    given: dict[str, Any] = {
        "start": tiny_start(),
        "offsets": OFFSETS,
        "device": "cpu",
        **options,
    }
    return finish(train_affnet([image], [labels], training, **given))


@pytest.fixture(scope="module")
def trained() -> tuple[list[Any], AffNet]:
    images, labels = zip(
        *(cells((150, 150), seed=seed, areas=25) for seed in range(3)), strict=True
    )
    steps = train_affnet(
        images,
        labels,
        AffNetTraining(steps=60, batch=4, learning_rate=1e-2),
        start=random_inpainter(UNetArchitecture("plain", (8, 16), stem=2)),
        name="mosaics",
        offsets=PUBLISHED_OFFSETS[:6],
        notes={"licence": "CC0"},
        device="cpu",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(affnet_training, "_PIXELS", 160 * 96**2)
        patch.setattr(affnet_training, "_MEASURED_PIXELS", 12 * 96**2)
        return finish(steps)


def test_it_learns_to_take_unseen_images_apart(trained: tuple[list[Any], AffNet]) -> None:
    updates, affnet = trained
    image, labels = cells((150, 150), seed=7, areas=25)
    found = compute_student_affinities(image, affnet, wanted=labels > 0)
    truth = affinities_from_labels(labels, affnet.metadata.offsets)
    inside = found.weight > 0
    inside &= _partner_labelled(labels, affnet.metadata.offsets)
    cut, together = (found.values[inside & (truth.values == same)] for same in (0, 1))
    assert cut.mean() < 0.35
    assert together.mean() > 0.65
    training = [update for update in updates if isinstance(update, AffNetUpdate)]
    assert training[-1].loss < 0.85 * training[0].loss
    assert 0 <= training[-1].loss <= 1
    assert affnet.metadata.training["agreement"] > 0.9


def _partner_labelled(labels: NDArray[Any], offsets: Any) -> NDArray[np.bool_]:
    return np.stack([np.roll(labels, (-y, -x), (0, 1)) > 0 for y, x in offsets])


def test_it_describes_itself(trained: tuple[list[Any], AffNet], tmp_path: Path) -> None:
    updates, affnet = trained
    assert isinstance(affnet.metadata, AffNetMetadata)
    assert affnet.metadata.architecture == UNetArchitecture("plain", (8, 16), stem=2, outputs=6)
    record = affnet.metadata.training
    assert (record["images"], record["labelled_cells"], record["licence"]) == (3, 74, "CC0")
    assert record["labelled_pixels"] == 3 * 150 * 150
    assert record["started_from"] == "random"
    assert record["agreement_on"] == "held-out parts of the labels"
    assert (record["config"], record["seed"], record["stopped"]) == ("small", 0, False)
    phases = [type(update) for update in updates]
    assert phases == sorted(phases, key=[Progress, AffNetUpdate].index)
    path = affnet.save(tmp_path / "mine.safetensors")
    loaded = AffNet.load(path, device="cpu", dtype=torch.float32)
    assert loaded.metadata == AffNetMetadata.read(path)
    for name, weight in affnet.weights.items():
        np.testing.assert_array_equal(loaded.weights[name], weight)
    card = student_card(loaded.metadata)
    for line in ("| Started from | random |", "| Cells labelled by hand | 74 |", "| Alpha | 1 |"):
        assert f"{line}\n" in card
    assert "train-affinities" in card
    assert "Teacher" not in card
    assert "None" not in card


def test_an_affnet_is_found_and_loaded_like_any_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "user_model_folder", lambda: tmp_path)
    affnet = AffNet(
        random_network(ARCHITECTURE),
        AffNetMetadata("a", ARCHITECTURE, offsets=OFFSETS, alpha=1.2),
        device="cpu",
    )
    affnet.save(tmp_path / "mine.safetensors")
    found = load_model("mine", device="cpu")
    assert isinstance(found, AffNet)
    assert found.metadata.alpha == 1.2
    assert read_metadata(tmp_path / "mine.safetensors") == found.metadata
    assert ("mine", "affnet") in [(e.name, e.metadata.kind) for e in available_models()]
    assert "mine" not in [entry.name for entry in available_students()]
    with pytest.raises(ModelFileError, match="of kind 'affnet', not 'student'"):
        Student.load("mine")


@pytest.mark.usefixtures("few_patches")
def test_the_same_seed_gives_the_same_affnet() -> None:
    first, second = (short_run()[1] for _ in range(2))
    other = short_run(AffNetTraining(steps=6, batch=2, seed=1))[1]
    for name, weight in first.weights.items():
        np.testing.assert_array_equal(weight, second.weights[name])
    assert any(not np.array_equal(w, other.weights[n]) for n, w in first.weights.items())


ONE_STEP = AffNetTraining(steps=1, batch=1, learning_rate=1e-4)


@pytest.mark.usefixtures("few_patches")
def test_it_starts_from_all_weights_of_a_student_and_the_body_of_an_inpainter() -> None:
    student = tiny_start(diameter=30.0, normalisation="linear", denoise=True)
    affnet = short_run(ONE_STEP, start=student)[1]
    for name, weight in student.weights.items():
        np.testing.assert_allclose(affnet.weights[name], weight, atol=1e-3)
    assert (affnet.metadata.diameter, affnet.metadata.normalisation) == (30, "linear")
    assert affnet.denoiser is student.denoiser
    inpainter = random_inpainter()
    affnet = short_run(ONE_STEP, start=inpainter, normalisation="linear")[1]
    for name, weight in inpainter.weights.items():
        if not name.startswith("head."):
            np.testing.assert_allclose(affnet.weights[name], weight, atol=1e-3)
    assert affnet.metadata.normalisation == "linear"
    partial = random_inpainter(UNetArchitecture("partial", (4, 6)))
    affnet = short_run(ONE_STEP, start=partial)[1]
    assert affnet.metadata.architecture.widths == (32, 64, 64, 64)


@pytest.mark.usefixtures("few_patches")
def test_other_offsets_begin_with_another_head() -> None:
    student = tiny_start()
    affnet = short_run(ONE_STEP, start=student, offsets=OFFSETS[:4])[1]
    name = "encoders.0.first.weight"
    np.testing.assert_allclose(affnet.weights[name], student.weights[name], atol=1e-3)
    assert affnet.metadata.offsets == OFFSETS[:4]
    assert len(affnet.weights["head.bias"]) == 4 * 4


def test_the_papers_network_is_that_of_pix2pix() -> None:
    architecture = AffNetTraining(config="paper").architecture
    assert architecture.kind == "pix2pix"
    assert architecture.widths == (64, 128, 256, 512, 512, 512)
    assert architecture.batch_norm
    with pytest.raises(ParameterError, match="cannot start from random"):
        short_run(AffNetTraining(steps=1, config="paper"))


def pix2pix() -> AffNet:
    architecture = UNetArchitecture("pix2pix", (4, 6, 8), batch_norm=True, outputs=len(OFFSETS))
    metadata = AffNetMetadata("a", architecture, offsets=OFFSETS)
    return AffNet(random_network(architecture), metadata, device="cpu", dtype=torch.float32)


def test_tiles_of_pix2pix_leave_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.random.default_rng(0).gamma(2, 500, (150, 130))
    affnet = pix2pix()
    whole = compute_student_affinities(image, affnet)
    assert whole.values[whole.weight > 0].std() > 0.01
    monkeypatch.setattr(tiles, "TILE", 20)
    tiled = compute_student_affinities(image, affnet)
    np.testing.assert_allclose(tiled.values, whole.values, atol=1e-5)


@pytest.mark.parametrize("levels", [2, 3, 5])
def test_pix2pix_looks_as_far_as_its_tiles_show_it(levels: int) -> None:
    network = build_unet(UNetArchitecture("pix2pix", (2,) * levels, outputs=1)).eval()
    stride = 1 << levels
    with torch.no_grad():
        for weight in network.parameters():
            weight.abs_()
    values = torch.ones(1, 1, 12 * stride, stride, requires_grad=True)
    reaches = []
    for row in range(6 * stride, 7 * stride):
        output = network(values, torch.ones_like(values))[0, 0, row, 0]
        [gradient] = torch.autograd.grad(output, values)
        seen = np.flatnonzero(gradient[0, 0].abs().sum(1).numpy())
        reaches += [row - int(seen[0]), int(seen[-1]) - row]
    assert max(reaches) == tiles.PIX2PIX_REACH_STRIDES * stride - 3


@pytest.mark.usefixtures("few_patches")
def test_a_pix2pix_network_is_fine_tuned() -> None:
    start = pix2pix()
    training = AffNetTraining(steps=2, batch=1, config="paper")
    affnet = short_run(training, start=start)[1]
    torch.rand(1)  # its dropout draws from the seed alone
    again = short_run(training, start=start)[1]
    for name, weight in affnet.weights.items():
        np.testing.assert_array_equal(weight, again.weights[name])
    assert affnet.metadata.architecture == start.metadata.architecture
    assert np.isfinite(compute_student_affinities(cells()[0], affnet).values).all()


@pytest.mark.usefixtures("few_patches")
def test_stopping_keeps_what_was_learned() -> None:
    seen: list[AffNetUpdate] = []
    image, labels = cells()
    steps = train_affnet(
        [image],
        [labels],
        AffNetTraining(steps=500, batch=1),
        start=tiny_start(),
        offsets=OFFSETS,
        device="cpu",
        stop=lambda: bool(seen) and seen[-1].step >= 20,
    )
    while True:
        try:
            update = next(steps)
            if isinstance(update, AffNetUpdate):
                seen.append(update)
        except StopIteration as end:
            affnet = end.value
            break
    assert affnet.metadata.training["stopped"]
    assert 20 <= affnet.metadata.training["steps"] < 500
    with pytest.raises(ParameterError, match="stopped before"):
        short_run(stop=lambda: True)


@pytest.mark.usefixtures("few_patches")
def test_alpha_is_chosen_on_what_was_held_out() -> None:
    given: list[Any] = []

    def choose(affnet: AffNet, held_out: Any) -> Generator[Progress, None, float]:
        given.append((affnet, held_out))
        yield Progress(0, 1, "Choosing")
        return 1.25

    image, labels = cells((220, 220), areas=80)
    run = train_affnet([image], [labels], SHORT, start=tiny_start(), choose_alpha=choose)
    affnet = finish(run)[1]
    assert affnet.metadata.alpha == 1.25
    assert affnet.metadata.training["alpha_chosen_on"] == "held-out parts of the labels"
    [(_, [held])] = given
    assert held.shape == image.shape
    assert 0 < held.mean() < 0.5
    affnet = short_run(choose_alpha=choose)[1]
    assert given[-1][1] is None
    assert affnet.metadata.training["alpha_chosen_on"] == "the training labels"


@pytest.mark.usefixtures("few_patches")
def test_cells_of_another_size_are_resampled() -> None:
    image, labels = cells()
    large, truth = (np.kron(plane, np.ones((2, 2), plane.dtype)) for plane in (image, labels))
    options: dict[str, Any] = {"start": tiny_start(), "offsets": OFFSETS, "device": "cpu"}
    affnet = finish(train_affnet([large], [truth], SHORT, diameter=50, **options))[1]
    assert affnet.metadata.diameter == 25
    assert affnet.metadata.image_diameter == 50
    with pytest.raises(ParameterError, match="too far"):
        finish(train_affnet([large], [truth], SHORT, diameter=900, **options))


def labels_with(dtype: Any, **pixels: Any) -> NDArray[Any]:
    labels = cells()[1].astype(dtype)
    for value in pixels.values():
        labels[20, 20] = value
    return labels


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.ones((110, 119), int), r"labels \(110, 119\) must have the shape of image 0"),
        (np.ones((110, 120)), "whole numbers, got float64"),
        (np.ones((110, 120), bool), "mask"),
        (labels_with(np.int64, value=-2), "hold -2"),
        (np.zeros((110, 120), np.uint8), "no cell is labelled"),
        (np.full((110, 120), -1), "no cell is labelled"),
        (np.full((110, 120), 7), "one cell and no background"),
        (np.where(np.eye(110, 120, dtype=bool), 3, -1), "one cell and no background"),
    ],
)
def test_labels_that_say_nothing_are_refused(labels: NDArray[Any], message: str) -> None:
    with pytest.raises(ImageError, match=message):
        finish(train_affnet([cells()[0]], [labels], SHORT))


def test_cells_that_nobody_sees_are_refused() -> None:
    image, labels = cells()
    labels = np.where(labels == 3, 3, 0)
    with pytest.raises(ImageError, match="no pixel of a labelled cell"):
        finish(train_affnet([np.where(labels, np.nan, image)], [labels], SHORT, device="cpu"))


def test_images_and_labels_must_be_as_many() -> None:
    with pytest.raises(ImageError, match="1 images, but 2 label images"):
        finish(train_affnet([cells()[0]], [cells()[1]] * 2, SHORT))
    with pytest.raises(ImageError, match="no image"):
        finish(train_affnet([], [], SHORT))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32, np.uint64, np.int64])
def test_cells_may_have_any_numbers(dtype: Any) -> None:
    image, labels = cells()
    largest = np.iinfo(dtype).max
    numbers = np.where(labels == 1, largest, labels).astype(dtype)
    [one] = labelled_images(as_planes([image]), [numbers])
    assert one.labels.dtype == np.int32
    assert one.cells == len(np.unique(labels)) - 1
    np.testing.assert_array_equal(one.labels == one.cells, labels == 1)
    np.testing.assert_array_equal(one.labels == 0, labels == 0)


def test_unlabelled_pixels_stay_unlabelled() -> None:
    image, labels = cells()
    labels = np.where(labels == 3, -1, labels).astype(np.int16)
    [one] = labelled_images(as_planes([image]), [labels])
    np.testing.assert_array_equal(one.labels == -1, labels == -1)
    np.testing.assert_array_equal(one.labels == 0, labels == 0)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 999), part=st.floats(0, 0.9), areas=st.integers(40, 120))
def test_what_is_held_out_holds_cells_and_is_never_everything(
    seed: int, part: float, areas: int
) -> None:
    image, labels = cells((160, 140), seed=1, areas=areas)
    images = labelled_images(as_planes([image]), [labels])
    held = held_out_blocks(images, side=40, part=part, seed=seed)
    if part == 0 or images[0].cells < 64:
        assert held is None
        return
    assert held is not None
    assert len(np.unique(labels[held[0]])) >= 2
    assert (labels[~held[0]] > 0).any()
    again = held_out_blocks(images, side=40, part=part, seed=seed)
    np.testing.assert_array_equal(held[0], again[0] if again else None)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 999), shape=st.tuples(st.integers(20, 90), st.integers(20, 90)))
def test_patches_are_cut_from_where_they_may_be(seed: int, shape: tuple[int, int]) -> None:
    # Values tell the place, so that a patch tells where it was cut.
    ys, xs = np.indices(shape)
    values = (ys + xs / 1000).astype(np.float32)
    labels = (1 + ys // 10 + 100 * (xs // 10)).astype(np.int32)
    labels[:, 5] = 0
    labels[3] = -1
    held = np.zeros(shape, bool)
    held[10:20, 2:18] = True
    image = PreparedImage(values, labels, held)
    for held_out in (False, True):
        patches, allowed = cut_patches([image], count=12, side=32, seed=seed, held_out=held_out)
        assert len(patches) > 0
        known = np.isfinite(patches.values)
        assert not (allowed & ~known).any()
        assert (patches.leaves[allowed] >= 0).all()
        np.testing.assert_array_equal(patches.wanted, patches.leaves > 0)
        # Interpolated values tell the place to half a pixel.
        ys_found = np.rint(patches.values[allowed] - 0.02).astype(int)
        for near in (-1, 0, 1):
            if held_out:
                assert ((ys_found + near >= 9) & (ys_found + near <= 20)).all()
        assert allowed.any()
        if held_out:
            rows = np.floor(patches.values[allowed]).astype(int)
            columns = np.rint((patches.values[allowed] - rows) * 1000).astype(int)
            assert held[rows, columns].all()
            np.testing.assert_array_equal(patches.leaves[allowed], labels[rows, columns])


def test_bent_patches_keep_cells_whole() -> None:
    """A cell stays at its intensity: labels and values are bent alike."""
    _, labels = cells()
    values = np.where(labels > 0, labels * 10.0, 0).astype(np.float32)
    prepared = PreparedImage(values, labels.astype(np.int32), np.zeros(labels.shape, bool))
    patches, allowed = cut_patches([prepared], count=40, side=64, seed=0, held_out=False)
    told = patches.values / 10
    alike = np.abs(told - patches.leaves)[allowed] < 0.01
    assert alike.mean() > 0.9
    bent = np.array(
        [(np.abs(p - np.rint(p)) > 0.01)[a].any() for p, a in zip(told, allowed, strict=True)]
    )
    assert 0.3 < bent.mean() < 0.8


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"steps": 0}, "steps"),
        ({"minutes": 0.0}, "minutes"),
        ({"batch": 0}, "batch"),
        ({"learning_rate": 0.0}, "learning rate"),
        ({"config": "large"}, "'large'"),
        ({"loss": "guess"}, "'guess'"),
        ({"validation": 1.0}, "validation"),
    ],
)
def test_settings_that_cannot_be(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        AffNetTraining(**values)


def test_fine_tuning_is_slower_unless_a_rate_is_given() -> None:
    usual, given = AffNetTraining(), AffNetTraining(learning_rate=3e-3)
    assert usual.schedule(0, fine_tuning=True).learning_rate == 5e-4
    assert usual.schedule(0).learning_rate == 1e-3
    assert given.schedule(0, fine_tuning=True).learning_rate == 3e-3


@pytest.mark.usefixtures("few_patches")
def test_the_loss_can_be_that_of_students() -> None:
    dice, entropy = (
        short_run(AffNetTraining(steps=6, batch=2, loss=loss))[1] for loss in get_args(AffNetLoss)
    )
    assert any(not np.array_equal(w, entropy.weights[n]) for n, w in dice.weights.items())
    assert entropy.metadata.training["loss_kind"] == "cross-entropy"


@pytest.mark.usefixtures("few_patches")
def test_minutes_limit_the_training() -> None:
    affnet = short_run(AffNetTraining(minutes=0.02, batch=1))[1]
    assert affnet.metadata.training["minutes"] < 0.2
    assert not affnet.metadata.training["stopped"]

"""Training a foreground network: what it learns, repeats and refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from small_nuclei import NARROW, dim_nuclei, finish, overlap, random_fgnet, random_inpainter

from napari_inpaintaff.errors import DeviceError, ImageError, ParameterError
from napari_inpaintaff.foreground import (
    FGNET_ARCHITECTURES,
    FGNet,
    FGNetTraining,
    FGNetUpdate,
    foreground_targets,
    train_fgnet,
)
from napari_inpaintaff.images import planes_of
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks import UNetArchitecture


def training(steps: int, **values: Any) -> FGNetTraining:
    return FGNetTraining(steps=steps, **{"batch": 4, "size": 64, "learning_rate": 1e-2, **values})


def train(
    images: list[NDArray[Any]], targets: list[NDArray[np.int8]], steps: int, **options: Any
) -> FGNet:
    options.setdefault("start", random_inpainter())
    return finish(train_fgnet(images, targets, training(steps), device="cpu", **options))[1]


def strokes(labels: NDArray[np.int32], *, background: bool) -> NDArray[np.int32]:
    """Paint a short line in some cells, and some between them."""
    painted = np.zeros_like(labels)
    for cell in np.unique(labels)[1::2]:
        y, x = (int(one) for one in np.argwhere(labels == cell).mean(0))
        painted[y - 1 : y + 2, x - 9 : x + 10] = cell + 1
        painted[y - 9 : y + 10, x - 1 : x + 2] = cell + 1
    if background:
        painted[30:33, 10:90] = 1
        painted[10:90, 63:66] = 1
    painted[(painted >= 2) & (labels == 0)] = 0
    painted[(painted == 1) & (labels > 0)] = 0
    return painted


def test_it_learns_a_foreground_from_a_few_cells() -> None:
    image, labels = dim_nuclei(seed=0)
    targets = foreground_targets(labels)
    targets[:, 64:] = -1
    net = train([image], [targets], 60)
    other, truth = dim_nuclei(seed=1)
    assert overlap(net.probability(other) > 0.5, truth > 0) > 0.85


def test_strokes_are_enough() -> None:
    image, labels = dim_nuclei(seed=0)
    targets = foreground_targets(strokes(labels, background=True), sparse=True)
    net = train([image], [targets], 60)
    other, truth = dim_nuclei(seed=1)
    assert overlap(net.probability(other) > 0.5, truth > 0) > 0.75


def test_strokes_on_cells_only_are_enough() -> None:
    image, labels = dim_nuclei(seed=0)
    targets = foreground_targets(strokes(labels, background=False), sparse=True)
    assert not (targets == 0).any()
    net = train([image], [targets], 60)
    other, truth = dim_nuclei(seed=1)
    assert overlap(net.probability(other) > 0.5, truth > 0) > 0.6
    assert 0.05 < net.metadata.training["class_prior"] < 0.6


def test_same_seed_and_steps_same_weights() -> None:
    image, labels = dim_nuclei(side=64)
    targets = [foreground_targets(labels)]
    first, again = (train([image], targets, 4) for _ in range(2))
    for name, value in first.weights.items():
        np.testing.assert_array_equal(value, again.weights[name])
    other = finish(
        train_fgnet([image], targets, training(4, seed=1), start=random_inpainter(), device="cpu")
    )[1]
    assert any((value != other.weights[name]).any() for name, value in first.weights.items())


def test_the_papers_network_repeats_itself_in_spite_of_dropout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slim = UNetArchitecture("pix2pix", (4, 6, 8, 8, 8, 8), batch_norm=True, outputs=1)
    monkeypatch.setitem(FGNET_ARCHITECTURES, "paper", slim)
    image, labels = dim_nuclei(side=64)
    nets = []
    for _ in range(2):
        torch.rand(3)  # what others draw must not matter
        given = training(4, config="paper")
        start = random_inpainter(normalisation="linear", diameter=20.0)
        updates = train_fgnet(
            [image], [foreground_targets(labels)], given, start=start, device="cpu"
        )
        nets.append(finish(updates)[1])
    assert nets[0].metadata.architecture == slim
    assert (nets[0].metadata.normalisation, nets[0].metadata.diameter) == ("linear", 20)
    for name, value in nets[0].weights.items():
        np.testing.assert_array_equal(value, nets[1].weights[name])


def test_it_begins_with_the_weights_of_the_inpainter_but_its_head() -> None:
    image, labels = dim_nuclei(side=64)
    start = random_inpainter()
    given = training(1, learning_rate=1e-9)
    net = finish(
        train_fgnet([image], [foreground_targets(labels)], given, start=start, device="cpu")
    )[1]
    for name, value in start.weights.items():
        if not name.startswith("head."):
            np.testing.assert_allclose(net.weights[name], value, atol=1e-6)
    assert net.metadata.architecture == UNetArchitecture("plain", NARROW.widths, 2, outputs=1)
    assert net.metadata.training["started_from"] == "random"


def test_a_warm_restart_goes_on_from_the_head_as_well() -> None:
    image, labels = dim_nuclei(seed=0)
    targets = [foreground_targets(labels)]
    first = train([image], targets, 40)
    given = training(1, learning_rate=1e-9)
    again = finish(train_fgnet([image], targets, given, start=first, device="cpu"))[1]
    for name, value in first.weights.items():
        np.testing.assert_allclose(again.weights[name], value, atol=1e-6)
    assert again.metadata.training["started_from"] == "fgnet"


def test_updates_show_the_first_image() -> None:
    image, labels = dim_nuclei(side=80)
    updates = train_fgnet(
        [image, image[:64]],
        [foreground_targets(labels), foreground_targets(labels[:64])],
        training(25),
        start=random_inpainter(),
        device="cpu",
    )
    assert isinstance(next(updates), Progress)
    seen, net = finish(updates)
    assert [update.step for update in seen] == sorted(update.step for update in seen)
    assert seen[-1].step == 25
    assert seen[-1].progress == 1
    assert seen[-1].seconds_left == 0
    shown = seen[-1].probability
    assert shown is not None
    # The network sees it unmirrored and in float32 there.
    np.testing.assert_allclose(shown, net.probability(image, flips=False), atol=0.05)


def test_a_training_can_be_stopped() -> None:
    image, labels = dim_nuclei(side=64)
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 3

    updates = train_fgnet(
        [image], [foreground_targets(labels)], training(500), device="cpu", stop=stop
    )
    _, net = finish(updates)
    assert net.metadata.training["steps"] == 3
    assert net.metadata.training["stopped"]


def test_minutes_end_a_training() -> None:
    image, labels = dim_nuclei(side=64)
    given = FGNetTraining(minutes=1 / 60, batch=2, size=64)
    seen, net = finish(
        train_fgnet(
            [image], [foreground_targets(labels)], given, start=random_inpainter(), device="cpu"
        )
    )
    assert seen[-1].progress == 1
    assert net.metadata.training["steps"] > 1
    assert not net.metadata.training["stopped"]


def test_the_file_says_what_it_learned_from() -> None:
    image, labels = dim_nuclei(side=64)
    targets = foreground_targets(labels)
    targets[:20] = -1
    net = train([image], [targets], 2, instances=4, notes={"data": "mine"}, name="cells")
    assert net.metadata.name == "cells"
    assert isinstance(net.metadata.training, dict)
    expected = {
        "data": "mine",
        "images": 1,
        "labelled_pixels": 44 * 64,
        "instances": 4,
        "steps": 2,
        "seed": 0,
        "started_from": "random",
        "stopped": False,
    }
    assert expected.items() <= net.metadata.training.items()


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_cells_of_another_size(factor: float) -> None:
    image, labels = dim_nuclei(side=round(128 * factor), scale=factor)
    targets = [foreground_targets(labels)]
    net = train([image], targets, 60, diameter=25 * factor)
    assert (net.metadata.diameter, net.metadata.image_diameter) == (25, 25 * factor)
    other, truth = dim_nuclei(side=round(128 * factor), scale=factor, seed=1)
    assert overlap(net.probability(other) > 0.5, truth > 0) > 0.8
    warm = train([image], targets, 1, start=net)
    assert warm.metadata.image_diameter == 25 * factor


def test_a_thin_stroke_survives_where_images_are_shrunk() -> None:
    image, labels = dim_nuclei(side=256, scale=2)
    targets = np.full(labels.shape, -1, np.int8)
    targets[31, :] = labels[31] > 0  # rows of odd numbers are not sampled
    targets[65, :] = 0
    net = train([image], [targets], 5, diameter=100)
    assert net.metadata.training["loss"] > 0.01


def far_too_little(shape: tuple[int, int]) -> NDArray[np.int8]:
    targets = np.full(shape, -1, np.int8)
    targets[5, 5] = 1
    return targets


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (lambda shape: np.zeros((9, 9), np.int8), r"\(9, 9\) must have the shape of image 0"),
        (lambda shape: np.zeros(shape, np.int8), "only 0 pixels of cells"),
        (far_too_little, "only 1 pixels of cells"),
        (lambda shape: np.ones(shape, np.int8), "everything is labelled"),
        (lambda shape: np.full(shape, 2, np.int8), "targets are -1, 0 and 1"),
        (lambda shape: np.full(shape, 0.5), "targets are -1, 0 and 1"),
    ],
)
def test_targets_that_cannot_be(targets: Any, message: str) -> None:
    image, _ = dim_nuclei(side=64)
    with pytest.raises(ImageError, match=message):
        next(train_fgnet([image], [targets(image.shape)]))


def test_other_input_that_cannot_be() -> None:
    image, labels = dim_nuclei(side=64)
    targets = foreground_targets(labels)
    with pytest.raises(ParameterError, match="2 images, but 1 label images"):
        next(train_fgnet([image, image], [targets]))
    with pytest.raises(ImageError, match="no image"):
        next(train_fgnet([], []))
    with pytest.raises(ImageError, match="no finite pixel"):
        finish(train_fgnet([np.full_like(image, np.nan)], [targets], training(1)))
    with pytest.raises(ParameterError, match="too far from the model's"):
        finish(train_fgnet([image], [targets], start=random_inpainter(), diameter=1e4))
    with pytest.raises(ParameterError, match="unknown device 'tpu'"):
        next(train_fgnet([image], [targets], device="tpu"))
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError, match="cuda"):
            next(train_fgnet([image], [targets], device="cuda"))


def test_planes_are_read_when_they_are_needed() -> None:
    image, labels = dim_nuclei(side=64)
    [plane] = planes_of(image, "cells.tif")
    net = finish(train_fgnet([plane], [foreground_targets(labels)], training(1), device="cpu"))[1]
    assert net.metadata.training["steps"] == 1
    with pytest.raises(ImageError, match=r"must have the shape of cells\.tif"):
        next(train_fgnet([plane], [foreground_targets(labels)[:5]]))


def test_it_starts_from_a_network_of_the_same_kind_only() -> None:
    image, labels = dim_nuclei(side=64)
    partial = UNetArchitecture("partial", (4, 6, 8), outputs=1)
    net = train([image], [foreground_targets(labels)], 1, start=random_inpainter(partial))
    assert net.metadata.architecture.kind == "plain"
    start = random_fgnet(
        UNetArchitecture("pix2pix", (4, 6, 8, 8, 8, 8), batch_norm=True, outputs=1)
    )
    net = train([image], [foreground_targets(labels)], 1, start=start)
    assert net.metadata.architecture == start.metadata.architecture


def test_an_update_is_a_plain_value() -> None:
    update = FGNetUpdate(step=1, loss=0.5, progress=0.1, seconds=1.0, seconds_left=9.0)
    assert update.probability is None

"""How many splits evolve together, and what happens when they do not fit into memory."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mosaic import QUICK, mosaic
from torch import Tensor

from gaussian_inpainter import GaussianInpainter
from napari_inpaintaff.errors import DeviceError
from napari_inpaintaff.inpainting import ARCHITECTURES
from napari_inpaintaff.networks import build_unet
from napari_inpaintaff.separation import batch_size, compute_affinities
from napari_inpaintaff.separation.batch_size import suitable_batch, values_per_pixel


class SmallMemory(GaussianInpainter):
    """Runs out of memory when it gets more than some samples."""

    def __init__(self, most: int, error: Exception) -> None:
        super().__init__()
        self._most = most
        self._error = error
        #: Samples by the size of the window.
        self.refused: dict[int, list[int]] = {}

    def errors(self, values: Tensor, known: Tensor) -> Tensor:
        if len(values) > self._most:
            self.refused.setdefault(values.shape[-1], []).append(len(values))
            raise self._error
        return super().errors(values, known)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate"),
    ],
)
def test_batches_are_halved_until_they_fit(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    image, _ = mosaic((40, 40), seed=2)
    inpainter = SmallMemory(7, error)
    found = compute_affinities(image, inpainter, replace(QUICK, batch=8))
    expected = compute_affinities(image, GaussianInpainter(), replace(QUICK, batch=8))
    np.testing.assert_array_equal(found.values, expected.values)
    np.testing.assert_array_equal(found.weight, expected.weight)
    assert set(inpainter.refused) == set(QUICK.windows())
    for refused in inpainter.refused.values():
        halvings = [first / second for first, second in pairwise(refused)]
        assert set(halvings) <= {2.0}, "half as many, and none tried again"
        assert refused[-1] == 8, "the next are 4, which fit"
    assert "batches of 2 windows" in caplog.text


def test_a_single_patch_that_does_not_fit_is_refused() -> None:
    image, _ = mosaic((40, 40), seed=2)
    with pytest.raises(DeviceError, match="a single patch does not fit"):
        compute_affinities(image, SmallMemory(1, MemoryError()), QUICK)


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    image, _ = mosaic((40, 40), seed=2)
    inpainter = SmallMemory(0, RuntimeError("something else"))
    with pytest.raises(RuntimeError, match="something else"):
        compute_affinities(image, inpainter, QUICK)
    assert [len(refused) for refused in inpainter.refused.values()] == [1]


@given(gigabytes=st.floats(0.001, 80))
def test_a_gpu_gets_as_many_splits_as_fit(gigabytes: float) -> None:
    inpainter = GaussianInpainter()
    inpainter.device = torch.device("cuda")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_size, "free_memory", lambda device: int(gigabytes * 2**30))
        batch = suitable_batch(inpainter, 64)
        patch.setattr(batch_size, "free_memory", lambda device: int(gigabytes * 2**31))
        with_twice_as_much = suitable_batch(inpainter, 64)
    assert batch in {1 << power for power in range(9)}
    assert with_twice_as_much in {batch, min(2 * batch, 256)}
    needed = 2 * batch * 64**2 * 4 * values_per_pixel(inpainter.metadata.architecture)
    assert batch == 1 or needed <= gigabytes * 2**29


@pytest.mark.parametrize("name", ["small", "pconv"])
def test_the_estimate_covers_all_feature_maps(name: str) -> None:
    network = build_unet(ARCHITECTURES[name]).eval()
    produced = 0

    def count(module: object, inputs: object, output: object) -> None:
        nonlocal produced
        for tensor in output if isinstance(output, tuple) else (output,):
            produced += tensor.numel() if isinstance(tensor, Tensor) else 0

    handles = [
        module.register_forward_hook(count)
        for module in network.modules()
        if not list(module.children())
    ]
    with torch.no_grad():
        network(torch.zeros(1, 1, 64, 64), torch.ones(1, 1, 64, 64))
    for handle in handles:
        handle.remove()
    assert produced <= 64**2 * values_per_pixel(ARCHITECTURES[name]) <= 8 * produced

"""Devices and their precision."""

from __future__ import annotations

import time

import pytest
import torch
from torch import nn

from napari_inpaintaff.errors import DeviceError, ParameterError
from napari_inpaintaff.networks import (
    DEVICES,
    UNetArchitecture,
    bfloat16_speedup,
    build_unet,
    inference_dtype,
    pick_device,
)
from napari_inpaintaff.networks import devices as devices_module
from napari_inpaintaff.networks.architecture import UNetKind
from napari_inpaintaff.networks.devices import autocast, place

CPU = torch.device("cpu")


def test_auto_finds_a_device_that_works() -> None:
    device = pick_device("auto")
    assert torch.ones(3, device=device).sum().item() == 3


def test_unknown_device() -> None:
    with pytest.raises(ParameterError, match=r"'gpu'.*auto, cpu, cuda, mps"):
        pick_device("gpu")


@pytest.mark.parametrize("name", [name for name in DEVICES if name not in ("auto", "cpu")])
def test_absent_device(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(DeviceError, match=f"'{name}' is not available.*cpu"):
        pick_device(name)
    assert pick_device("auto") == CPU


def test_the_probe_is_quick_and_leaves_the_threads_alone() -> None:
    threads = torch.get_num_threads()
    bfloat16_speedup.cache_clear()
    ratios = []
    for _ in range(3):
        start = time.process_time()
        ratios.append(bfloat16_speedup.__wrapped__())
        # Time of this process: other load must not fail the test.
        assert time.process_time() - start < 0.5
    assert torch.get_num_threads() == threads
    assert min(ratios) > 0
    assert max(ratios) / min(ratios) < 2, "the probe does not repeat"


@pytest.mark.parametrize(("speedup", "dtype"), [(2.9, torch.bfloat16), (0.5, torch.float32)])
def test_the_probe_decides_the_precision_of_a_cpu(
    speedup: float, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices_module, "bfloat16_speedup", lambda: speedup)
    assert inference_dtype(CPU) == dtype
    with autocast(CPU):
        assert nn.Conv2d(1, 1, 1)(torch.ones(1, 1, 2, 2)).dtype == dtype


@pytest.mark.filterwarnings("ignore:CUDA is not available")
@pytest.mark.parametrize(
    ("capability", "dtype", "training_dtype"),
    [
        ((9, 0), torch.bfloat16, torch.bfloat16),
        ((8, 0), torch.bfloat16, torch.bfloat16),
        ((7, 5), torch.float16, None),
    ],
)
def test_cuda_precision(
    capability: tuple[int, int],
    dtype: torch.dtype,
    training_dtype: torch.dtype | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert inference_dtype(torch.device("cuda")) == dtype
    trains_in_float32 = not isinstance(autocast(torch.device("cuda")), torch.autocast)
    assert trains_in_float32 == (training_dtype is None)


def test_mps_computes_in_float32() -> None:
    assert inference_dtype(torch.device("mps")) == torch.float32


def test_place_casts_in_place() -> None:
    network = nn.Conv2d(4, 4, 3)
    placed = place(network, CPU, torch.bfloat16)
    assert placed is network
    assert network.weight.dtype == torch.bfloat16
    assert network.weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("kind", ["plain", "partial", "pix2pix"])
def test_what_leaves_a_network_is_not_rounded(kind: UNetKind) -> None:
    network = build_unet(UNetArchitecture(kind, (4, 6)))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(generator=torch.Generator().manual_seed(0))
    narrow = place(network.eval(), CPU, torch.bfloat16)
    values, known = torch.rand(2, 1, 16, 16).bfloat16(), torch.ones(2, 1, 16, 16).bfloat16()
    with torch.inference_mode():
        output = narrow(values, known)
    assert output.dtype == torch.float32
    assert not torch.equal(output, output.bfloat16().float())

"""What a process keeps to: device, threads, memory, tiles."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from napari_inpaintaff.errors import DeviceError, ParameterError
from napari_inpaintaff.networks import devices
from napari_inpaintaff.networks.compute import Compute, compute, use_compute
from napari_inpaintaff.networks.devices import free_memory, pick_device, use_threads
from napari_inpaintaff.networks.tiles import Tiling


@pytest.fixture(autouse=True)
def as_usual():
    threads = torch.get_num_threads()
    yield
    use_compute(Compute())
    torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"device": "tpu"}, "unknown device 'tpu'"),
        ({"threads": -1}, "threads must be"),
        ({"memory": -0.5}, "memory must be"),
        ({"memory": float("nan")}, "memory must be"),
        ({"tile": 8}, "tiles must be 64 pixels or more"),
    ],
)
def test_values_that_cannot_work_are_named(values, message):
    with pytest.raises(ParameterError, match=message):
        Compute(**values)


def test_automatic_takes_the_usual_device_and_others_are_taken_as_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto").type == "cuda"
    use_compute(Compute(device="cpu"))
    assert pick_device("auto").type == "cpu"
    assert pick_device("cuda").type == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    use_compute(Compute(device="cuda"))
    with pytest.raises(DeviceError, match="'cuda' of the preferences is not available here"):
        pick_device("auto")
    assert pick_device("cpu").type == "cpu"


def test_threads_are_used_and_given_back():
    usual = torch.get_num_threads()
    use_threads()
    assert torch.get_num_threads() == usual
    use_compute(Compute(threads=usual + 1))
    use_threads()
    assert torch.get_num_threads() == usual + 1
    use_compute(Compute())
    use_threads()
    assert torch.get_num_threads() == usual


def test_a_gpu_is_not_used_beyond_what_is_allowed(monkeypatch):
    gib = 2**30
    shares = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (6 * gib, 8 * gib))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: gib)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: gib // 2)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", shares.append)
    monkeypatch.setattr(devices, "_limited", set())
    cuda = pick_device("cuda")
    assert shares == []
    assert free_memory(cuda) == 6.5 * gib
    use_compute(Compute(memory=2))
    pick_device("cuda")
    assert shares == [0.25]
    assert free_memory(cuda) == 1.5 * gib
    use_compute(Compute(memory=0.25))
    assert free_memory(cuda) == 0
    use_compute(Compute())
    pick_device("cuda")
    assert shares[-1] == 1


def test_tiles_have_the_side_that_was_asked_for():
    box = (slice(0, 300), slice(0, 300))
    assert len(list(Tiling((300, 300), 16).tiles(box))) == 1
    use_compute(Compute(tile=100))
    tiles = list(Tiling((300, 300), 16).tiles(box))
    assert {tile.core[0].stop - tile.core[0].start for tile in tiles} <= {112, 76}
    assert len(tiles) == 9


def test_it_needs_no_torch():
    code = (
        "import sys; import napari_inpaintaff.networks.compute; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
    assert compute() == Compute()

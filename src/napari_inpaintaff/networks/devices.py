"""Where networks run, and in which precision."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from functools import cache
from typing import TypeVar

import torch
from torch import nn

from napari_inpaintaff.errors import DeviceError, ParameterError

NetworkT = TypeVar("NetworkT", bound=nn.Module)

DEVICES = ("auto", "cpu", "cuda", "mps")


def pick_device(name: str = "auto") -> torch.device:
    """Choose the device to compute on.

    Parameters
    ----------
    name : {"auto", "cpu", "cuda", "mps"}, optional
        ``auto`` takes CUDA, else Apple's MPS, else the CPU.

    Returns
    -------
    torch.device
        Usable on this machine.

    Raises
    ------
    ParameterError
        If the name is unknown.
    DeviceError
        If this machine or this PyTorch does not have the device.
    """
    if name not in DEVICES:
        raise ParameterError(f"unknown device {name!r}; use one of {', '.join(DEVICES)}")
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(device for device, there in available.items() if there)
    if not available[name]:
        raise DeviceError(
            f"device {name!r} is not available here; use --device auto or cpu, "
            f"or install a PyTorch build that supports it"
        )
    return torch.device(name)


def inference_dtype(device: torch.device) -> torch.dtype:
    """Return the fastest precision that a device computes convolutions in.

    Parameters
    ----------
    device : torch.device
        Where.

    Returns
    -------
    torch.dtype
        bfloat16 on CUDA devices that have it (else float16), float32 on MPS. A CPU is
        probed once per process: bfloat16 is nearly three times faster than float32 where
        the processor has instructions for it, and twice slower where it has not.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if device.type == "cpu":
        return torch.bfloat16 if bfloat16_speedup() > 1.2 else torch.float32
    return torch.float32


@cache
def bfloat16_speedup() -> float:
    """Return how many times faster than float32 this CPU convolves in bfloat16.

    Returns
    -------
    float
        Ratio of the best of five timings; takes about 50 ms, once per process.
    """
    return _seconds(torch.float32) / _seconds(torch.bfloat16)


def _seconds(dtype: torch.dtype) -> float:
    conv = place(nn.Conv2d(64, 64, 3, padding=1), torch.device("cpu"), dtype)
    features = torch.ones(16, 64, 16, 16, dtype=dtype).to(memory_format=torch.channels_last)
    times = []
    with torch.inference_mode():
        for _ in range(6):
            start = time.perf_counter()
            conv(features)
            times.append(time.perf_counter() - start)
    return min(times[1:])


def place(network: NetworkT, device: torch.device, dtype: torch.dtype = torch.float32) -> NetworkT:
    """Move a network to a device, with its weights in the layout that is fastest there.

    Parameters
    ----------
    network : Module
        Moved in place.
    device : torch.device
        Where to.
    dtype : torch.dtype, optional
        Precision of the weights.

    Returns
    -------
    Module
        The same network.
    """
    network.to(device=device, dtype=dtype)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def autocast(device: torch.device) -> AbstractContextManager[object]:
    """Return a context in which convolutions run in the device's fastest precision."""
    dtype = inference_dtype(device)
    return torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32)

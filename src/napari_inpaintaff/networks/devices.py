"""Where networks run, and in which precision."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from napari_inpaintaff.errors import DeviceError, ParameterError
from napari_inpaintaff.networks.compute import DEVICES, compute

NetworkT = TypeVar("NetworkT", bound=nn.Module)

_GIB = 2**30
#: What PyTorch and oneDNN say, each in its own way.
_OUT_OF_MEMORY = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "could not create a primitive",
    "could not create a memory",
)
#: Types of devices whose memory PyTorch was told to spare.
_limited: set[str] = set()


def pick_device(name: str = "auto") -> torch.device:
    """Choose the device to compute on.

    Parameters
    ----------
    name : {"auto", "cpu", "cuda", "mps"}, optional
        ``auto`` takes what `compute` says: by default CUDA, else Apple's MPS, else the CPU.

    Returns
    -------
    torch.device
        Usable on this machine. From now on no more of its memory is used than `compute` says.

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
    usual = compute().device
    if name == "auto" and usual != "auto":
        if not available[usual]:
            raise DeviceError(
                f"the device {usual!r} of the preferences is not available here; choose auto or "
                f"cpu there, or install a PyTorch build that supports it"
            )
        name = usual
    if name == "auto":
        name = next(device for device, there in available.items() if there)
    if not available[name]:
        raise DeviceError(
            f"device {name!r} is not available here; use --device auto or cpu, "
            f"or install a PyTorch build that supports it"
        )
    device = torch.device(name)
    _limit_memory(device)
    return device


def _limit_memory(device: torch.device) -> None:
    """Let PyTorch refuse more memory of a GPU than is allowed: everybody then takes less."""
    if device.type == "cpu" or (not compute().memory and device.type not in _limited):
        return
    _limited.add(device.type)
    share = min(1.0, compute().memory * _GIB / _total_memory(device)) or 1.0
    module = torch.cuda if device.type == "cuda" else torch.mps
    module.set_per_process_memory_fraction(share)


def _total_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[1])
    return int(torch.mps.recommended_max_memory())


@cache
def _usual_threads() -> int:
    """Return how many threads PyTorch took before anybody asked for another number."""
    return torch.get_num_threads()


def use_threads() -> None:
    """Let this thread compute with as many threads as `compute` says."""
    usual = _usual_threads()
    wanted = compute().threads or usual
    if wanted != torch.get_num_threads():
        torch.set_num_threads(wanted)


def inference_dtype(device: torch.device) -> torch.dtype:
    """Return the fastest precision that a device computes convolutions in.

    Parameters
    ----------
    device : torch.device
        Where.

    Returns
    -------
    torch.dtype
        bfloat16 on CUDA devices that have it (else float16: older ones only imitate
        bfloat16, slowly), float32 on MPS. A CPU is probed once per process: bfloat16 is
        nearly three times faster than float32 where the processor has instructions for it,
        and twice slower where it has not.
    """
    if device.type == "cuda":
        modern = torch.cuda.get_device_capability(device) >= (8, 0)
        return torch.bfloat16 if modern else torch.float16
    if device.type == "cpu":
        return torch.bfloat16 if bfloat16_speedup() > 1.2 else torch.float32
    return torch.float32


@cache
def bfloat16_speedup() -> float:
    """Return how many times faster than float32 this CPU convolves in bfloat16.

    Other work on the machine hardly disturbs the measurement: the two precisions take
    turns, the best of many timings counts, each is shorter than the scheduler's slices,
    and one thread convolves (several would wait for the one whose core is busy).

    Returns
    -------
    float
        Ratio of the best timings; takes about 0.1 s, once per process.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _measure_speedup()
    finally:
        torch.set_num_threads(threads)


@torch.inference_mode()
def _measure_speedup(seconds: float = 0.08) -> float:
    calls = [_convolution(torch.float32), _convolution(torch.bfloat16)]
    for call in calls:
        call()
    best = [math.inf, math.inf]
    turns = 0
    end = time.perf_counter() + seconds
    while turns < 3 or time.perf_counter() < end:
        for index, call in enumerate(calls):
            start = time.perf_counter()
            call()
            best[index] = min(best[index], time.perf_counter() - start)
        turns += 1
    return best[0] / best[1]


def _convolution(dtype: torch.dtype) -> Callable[[], Tensor]:
    conv = place(nn.Conv2d(64, 64, 3, padding=1), torch.device("cpu"), dtype)
    features = torch.ones(4, 64, 16, 16, dtype=dtype).to(memory_format=torch.channels_last)
    return lambda: conv(features)


def place(network: NetworkT, device: torch.device, dtype: torch.dtype = torch.float32) -> NetworkT:
    """Move a network to a device, with its weights in the layout that is fastest there.

    Parameters
    ----------
    network : Module
        Moved in place.
    device : torch.device
        Where to.
    dtype : torch.dtype, optional
        Precision of the weights, but for those of a last layer called ``head``: what leaves a
        network is compared with observed values, and rounding it to bfloat16 makes likelihoods
        noisy (SEG of HeLa frame 079: 0.940 with such a head, 0.922 without).

    Returns
    -------
    Module
        The same network.
    """
    network.to(device=device, dtype=dtype)
    if isinstance(head := getattr(network, "head", None), nn.Module):
        head.to(dtype=torch.float32)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def autocast(device: torch.device) -> AbstractContextManager[object]:
    """Return a context for training in which convolutions run in the fastest precision.

    That is bfloat16 or float32: the gradients of float16 vanish unless the loss is scaled.
    """
    if inference_dtype(device) == torch.bfloat16:
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Draw PyTorch's random numbers, such as those of dropout, from a seed.

    The caller's own numbers go on as if nothing had been drawn.

    Parameters
    ----------
    seed : int
        0 or more.
    device : torch.device
        Where numbers are drawn, besides the CPU.
    """
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory was not enough, on any device."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    # The CPU and MPS allocators raise plain RuntimeErrors.
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in _OUT_OF_MEMORY)


def free_memory(device: torch.device) -> int:
    """Return the memory of a GPU that nobody uses, in bytes.

    Parameters
    ----------
    device : torch.device
        A CUDA or MPS device.

    Returns
    -------
    int
        What torch keeps for later counts as free; what `compute` does not allow does not.
    """
    if device.type == "cuda":
        unused, _ = torch.cuda.mem_get_info(device)
        used = torch.cuda.memory_allocated(device)
        free = int(unused + torch.cuda.memory_reserved(device) - used)
    else:
        used = int(torch.mps.current_allocated_memory())
        free = int(torch.mps.recommended_max_memory()) - used
    allowed = compute().memory
    if allowed:
        free = min(free, round(allowed * _GIB) - used)
    return max(0, free)


def release_memory() -> None:
    """Give memory that torch keeps for later back to the devices."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()


def step_seed(seed: int, step: int) -> int:
    """Return the seed of a step: a resumed training draws the same numbers.

    Parameters
    ----------
    seed : int
        Of the training.
    step : int
        From 0.
    """
    return int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0] >> 1)

"""What a timing has to be seen against: the machine, its peak, and the work of a network."""

from __future__ import annotations

import os
import platform
import resource
import time
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from napari_inpaintaff.inpainting import Inpainter
from napari_inpaintaff.networks import build_unet
from napari_inpaintaff.networks.devices import inference_dtype, pick_device


def describe_machine() -> str:
    """Name the processor, its cores and instructions, the GPU if there is one, and torch."""
    cpu, flags = platform.processor(), set[str]()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = dict(line.split(":", 1) for line in info.read_text().splitlines() if ":" in line)
        named = {key.strip(): value.strip() for key, value in lines.items()}
        cpu, flags = named.get("model name", cpu), set(named.get("flags", "").split())
    present = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags]
    text = (
        f"{cpu}, {os.cpu_count()} cores visible, {torch.get_num_threads()} threads used, "
        f"{' '.join(present)}; {platform.system()}, torch {torch.__version__}; "
        f"{inference_dtype(pick_device('cpu'))} chosen on the CPU"
    )
    if torch.cuda.is_available():
        text += f"; {torch.cuda.get_device_name()}"
    return text.replace("torch.bf", "bf").replace("torch.fl", "fl")


def peak_gflops(dtype: torch.dtype, device: torch.device) -> float:
    """Measure the fastest product of two matrices, in 1e9 floating-point operations per second."""
    side = 8192 if device.type == "cuda" else 1536
    left = torch.randn(side, side, device=device).to(dtype)
    best = float("inf")
    for _ in range(10):
        start = time.perf_counter()
        torch.mm(left, left)
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return 2e-9 * side**3 / best


def evaluation_gflop(inpainter: Inpainter, patch: int) -> float:
    """Count the floating-point operations of one evaluation of a patch, in 1e9."""
    network = build_unet(inpainter.metadata.architecture).eval()
    planes = torch.ones(1, 1, patch, patch)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(planes, planes)
    return 1e-9 * counter.get_total_flops()


def peak_memory() -> float:
    """Return the largest memory of this process so far, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20

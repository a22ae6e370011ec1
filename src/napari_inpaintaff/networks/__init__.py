"""What all networks share: blocks, U-Nets, the model file, the training loop, devices.

Names are imported on demand: the architectures and model files are read without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from napari_inpaintaff.networks.architecture import UNetArchitecture

if TYPE_CHECKING:
    from napari_inpaintaff.networks.devices import (
        DEVICES,
        bfloat16_speedup,
        inference_dtype,
        pick_device,
    )
    from napari_inpaintaff.networks.training import Schedule
    from napari_inpaintaff.networks.unet import build_unet

__all__ = [
    "DEVICES",
    "Schedule",
    "UNetArchitecture",
    "bfloat16_speedup",
    "build_unet",
    "inference_dtype",
    "pick_device",
]

_ON_DEMAND = {
    "DEVICES": "devices",
    "Schedule": "training",
    "bfloat16_speedup": "devices",
    "build_unet": "unet",
    "inference_dtype": "devices",
    "pick_device": "devices",
}


def __getattr__(name: str) -> object:
    if name in _ON_DEMAND:
        return getattr(import_module(f"{__name__}.{_ON_DEMAND[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

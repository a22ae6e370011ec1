"""What all networks share: blocks, U-Nets, the model file, the training loop, devices.

Names are imported on demand: the architectures and model files are read without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

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

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "devices": ["DEVICES", "bfloat16_speedup", "inference_dtype", "pick_device"],
        "training": ["Schedule"],
        "unet": ["build_unet"],
    },
)

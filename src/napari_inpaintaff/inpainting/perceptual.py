"""Features of a VGG16 network, for the perceptual and style losses of Liu et al. 2018.

The weights are the user's own file, for example torchvision's ``vgg16-397923af.pth``: they are
not shipped, and torchvision is not needed.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from napari_inpaintaff.errors import ModelFileError

#: Mean and standard deviation of ImageNet's red, green and blue in [0, 1].
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)

_NAME = re.compile(r"(?:.*\.)?features\.(\d+\.(?:weight|bias))")


class VGG16(nn.Module):
    """The convolutions of VGG16 (Simonyan & Zisserman 2015, configuration D), frozen.

    Layers are numbered as in torchvision, so that a file of either names its weights alike.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.ModuleDict(
            {
                "0": nn.Conv2d(3, 64, 3, padding=1),
                "2": nn.Conv2d(64, 64, 3, padding=1),
                "5": nn.Conv2d(64, 128, 3, padding=1),
                "7": nn.Conv2d(128, 128, 3, padding=1),
                "10": nn.Conv2d(128, 256, 3, padding=1),
                "12": nn.Conv2d(256, 256, 3, padding=1),
                "14": nn.Conv2d(256, 256, 3, padding=1),
                "17": nn.Conv2d(256, 512, 3, padding=1),
                "19": nn.Conv2d(512, 512, 3, padding=1),
                "21": nn.Conv2d(512, 512, 3, padding=1),
                "24": nn.Conv2d(512, 512, 3, padding=1),
                "26": nn.Conv2d(512, 512, 3, padding=1),
                "28": nn.Conv2d(512, 512, 3, padding=1),
            }
        )
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN)[:, None, None], persistent=False)
        self.register_buffer(
            "deviation", torch.tensor(IMAGENET_DEVIATION)[:, None, None], persistent=False
        )
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the features after the first three pooling layers.

        Parameters
        ----------
        images : Tensor of float32, shape (B, Y, X)
            Intensities; those of photographs lie in [0, 1]. Sides of 8 or more.

        Returns
        -------
        list of Tensor
            Shapes (B, 64, Y // 2, X // 2), (B, 128, Y // 4, X // 4), (B, 256, Y // 8, X // 8).
        """
        features = (images[:, None] - self.mean) / self.deviation
        pools = []
        for layers in (("0", "2"), ("5", "7"), ("10", "12", "14")):
            for layer in layers:
                features = functional.relu(self.features[layer](features))
            features = functional.max_pool2d(features, 2)
            pools.append(features)
        return pools


def load_vgg16(path: str | Path, *, device: torch.device | None = None) -> VGG16:
    """Load VGG16 weights from a user's file, without executing any code in it.

    Parameters
    ----------
    path : str or Path
        A ``.safetensors`` file, or a PyTorch file of tensors by name. Names are torchvision's
        (``features.0.weight``), any prefix before ``features`` and any other tensors (the
        classifier) are passed over.
    device : torch.device, optional
        Where the features will be computed; by default the CPU.

    Returns
    -------
    VGG16
        In float32 and evaluation mode; its weights get no gradients.

    Raises
    ------
    ModelFileError
        If there is no such file, it is damaged, holds anything but tensors, or they are
        not those of a VGG16 without batch normalisation.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelFileError(f"there is no file of VGG16 weights {str(path)!r}")
    tensors = _read_tensors(path)
    given: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        match = _NAME.fullmatch(str(name))
        if match and isinstance(tensor, Tensor):
            given[f"features.{match[1]}"] = tensor.float()
    with torch.random.fork_rng(devices=[]):  # the weights it starts with are not kept
        network = VGG16()
    wanted = network.state_dict()
    if missing := [name for name in wanted if name not in given]:
        raise ModelFileError(
            f"{str(path)!r} holds no VGG16: {len(missing)} of {len(wanted)} tensors are missing, "
            f"the first is {missing[0]!r}"
        )
    for name, tensor in wanted.items():
        if given[name].shape != tensor.shape:
            raise ModelFileError(
                f"{str(path)!r} holds no VGG16 (without batch normalisation): {name!r} has the "
                f"shape {tuple(given[name].shape)} instead of {tuple(tensor.shape)}"
            )
        if not given[name].isfinite().all():
            raise ModelFileError(f"{name!r} in {str(path)!r} is not finite; get the file again")
    network.load_state_dict({name: given[name] for name in wanted})
    return network.to(device)


def _read_tensors(path: Path) -> Mapping[str, Any]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # PyTorch would advise to load it in a way that runs what is in it.
        raise ModelFileError(
            f"{str(path)!r} is damaged, or holds more than tensors; save the state_dict of a VGG16"
        ) from error
    # A file from elsewhere can make a reader fail with anything.
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelFileError(
            f"{str(path)!r} cannot be read as a file of tensors ({reason}); save the state_dict "
            f"of a VGG16"
        ) from error
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping):
        raise ModelFileError(f"{str(path)!r} holds no tensors by name; save a state_dict")
    return content

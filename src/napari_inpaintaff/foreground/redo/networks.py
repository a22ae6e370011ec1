"""All networks of ReDO with their optimisers: what a training changes."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_inpaintaff.errors import ModelFileError
from napari_inpaintaff.foreground.redo.blocks import initialise
from napari_inpaintaff.foreground.redo.critic import Critic
from napari_inpaintaff.foreground.redo.generator import RegionGenerator
from napari_inpaintaff.foreground.redo.mask_network import MaskNetwork
from napari_inpaintaff.foreground.redo.parameters import ReDOTraining
from napari_inpaintaff.networks.devices import place, seeded

Arrays = dict[str, NDArray[Any]]

#: Of Adam, as in the publication.
_BETAS = (0.0, 0.9)


class ReDONetworks:
    """Mask network, generators, discriminator and encoder, and Adam for each of them.

    Parameters
    ----------
    training : ReDOTraining
        Shapes and step sizes.
    seed : int
        Of the first weights.
    device : torch.device
        Where they are.
    images : Tensor, shape (B, C, Y, X)
        In [-1, 1]: some of the training, by which the masks are balanced at first.

    Attributes
    ----------
    masks : Module
        The mask network F.
    averaged : Module
        A copy with the moving average of its weights.
    generators : Module
        A list: one for each region.
    discriminator, encoder : Module
        D, and delta for all regions.
    optimisers : dict of str to Adam
        By the names of the networks.
    """

    def __init__(
        self, training: ReDOTraining, seed: int, device: torch.device, images: Tensor
    ) -> None:
        shape = training.architecture
        with seeded(seed, device):
            self.masks = MaskNetwork(shape)
            self.generators = nn.ModuleList(RegionGenerator(shape) for _ in range(shape.regions))
            self.discriminator = Critic(shape, 1)
            self.encoder = Critic(shape, shape.regions * shape.code)
            for network in self._learning().values():
                initialise(network, training.gain)
        for network in self._learning().values():
            place(network, device).train()
        if training.contrast:
            self.masks.balance(images, training.contrast)
        self.averaged = copy.deepcopy(self.masks).eval().requires_grad_(False)
        rates = training.rates
        self.optimisers = {
            "masks": _adam(self.masks, rates.masks, training.weight_decay),
            "generators": _adam(self.generators, rates.generators),
            "discriminator": _adam(self.discriminator, rates.discriminator),
            "encoder": _adam(self.encoder, rates.encoder),
        }

    def _learning(self) -> dict[str, nn.Module]:
        return {
            "masks": self.masks,
            "generators": self.generators,
            "discriminator": self.discriminator,
            "encoder": self.encoder,
        }

    def descend(self, loss: Tensor, names: Iterable[str]) -> None:
        """Take one step of Adam down the gradient of a loss.

        Parameters
        ----------
        loss : Tensor
            Scalar.
        names : iterable of str
            Networks that take the step.
        """
        optimisers = [self.optimisers[name] for name in names]
        for optimiser in optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for optimiser in optimisers:
            optimiser.step()

    @torch.no_grad()
    def average(self, decay: float) -> None:
        """Move the averaged mask network towards the present one."""
        for mean, value in zip(self.averaged.parameters(), self.masks.parameters(), strict=True):
            mean.lerp_(value, 1 - decay)

    def arrays(self) -> Arrays:
        """Return everything that changes as arrays by name, to be stored exactly."""
        arrays: Arrays = {}
        for name, network in {**self._learning(), "averaged": self.averaged}.items():
            for key, value in network.state_dict().items():
                arrays[f"{name}.{key}"] = value.cpu().numpy()
        for name, network in self._learning().items():
            for index, parameter in enumerate(network.parameters()):
                for key, value in self.optimisers[name].state[parameter].items():
                    arrays[f"adam.{name}.{index}.{key}"] = value.cpu().numpy()
        return arrays

    @torch.no_grad()
    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `arrays` returned; the training goes on bit for bit.

        Raises
        ------
        ModelFileError
            If arrays are missing or belong to other networks.
        """
        try:
            for name, network in {**self._learning(), "averaged": self.averaged}.items():
                for key, value in network.state_dict().items():
                    _fill(value, arrays[f"{name}.{key}"])
            for name, network in self._learning().items():
                for index, parameter in enumerate(network.parameters()):
                    self._restore_moments(name, parameter, f"adam.{name}.{index}.", arrays)
        except (KeyError, RuntimeError) as error:
            raise ModelFileError("the checkpoint belongs to other networks") from error

    def _restore_moments(
        self,
        name: str,
        parameter: nn.Parameter,
        prefix: str,
        arrays: Mapping[str, NDArray[Any]],
    ) -> None:
        if f"{prefix}step" not in arrays:  # before the first step
            return
        moments = {key: torch.empty_like(parameter) for key in ("exp_avg", "exp_avg_sq")}
        for key, value in moments.items():
            _fill(value, arrays[prefix + key])
        # Where Adam, fused, looks for it.
        step = torch.from_numpy(np.array(arrays[f"{prefix}step"])).to(parameter.device)
        self.optimisers[name].state[parameter] = {"step": step, **moments}


def _adam(network: nn.Module, rate: float, weight_decay: float = 0.0) -> torch.optim.Adam:
    parameters = list(network.parameters())
    # On a CPU the steps of the others take as long as a network of this size.
    fused = parameters[0].device.type in ("cpu", "cuda")
    return torch.optim.Adam(parameters, rate, _BETAS, weight_decay=weight_decay, fused=fused)


def _fill(tensor: Tensor, array: NDArray[Any]) -> None:
    """Copy exactly: broadcasting would hide that a shape is another."""
    if tuple(array.shape) != tuple(tensor.shape):
        raise RuntimeError(f"{array.shape} is not {tuple(tensor.shape)}")
    tensor.copy_(torch.from_numpy(np.array(array)))

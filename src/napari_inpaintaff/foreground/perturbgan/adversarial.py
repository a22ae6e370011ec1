"""The game between layered generator and critic, which can be stopped and resumed at any step."""

from __future__ import annotations

import copy
from collections.abc import Mapping as MappingOf
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_inpaintaff.errors import ModelFileError
from napari_inpaintaff.foreground.perturbgan.architecture import LayeredArchitecture
from napari_inpaintaff.foreground.perturbgan.composition import (
    Layers,
    draw_shifts,
    jitter_contrast,
)
from napari_inpaintaff.foreground.perturbgan.critic import Critic
from napari_inpaintaff.foreground.perturbgan.generator import LayeredGenerator, scale_of
from napari_inpaintaff.foreground.perturbgan.losses import (
    binarisation_loss,
    drift_loss,
    gradient_penalty,
    size_loss,
)
from napari_inpaintaff.foreground.perturbgan.parameters import PerturbGANTraining, Scale

Arrays = dict[str, NDArray[Any]]

#: How often two latent codes are mixed (section 3.4).
_MIXING = 0.9
_BETAS = (0.0, 0.99)


class Game:
    """All that the adversarial training changes: networks, their average, moments, counters.

    Parameters
    ----------
    architecture : LayeredArchitecture
        Of the networks.
    training : PerturbGANTraining
        Weights of the losses, perturbations, seed of the first weights.
    device : torch.device
        Where it is played.

    Attributes
    ----------
    generator, critic : Module
        The weights of the last step.
    averaged : LayeredGenerator
        With the moving average of the weights, in evaluation mode: what a training leaves.
    step : int
        Steps taken.
    seconds : float
        Spent so far.
    distance : float
        Running average of the scores of real images minus those of composed ones.
    """

    def __init__(
        self, architecture: LayeredArchitecture, training: PerturbGANTraining, device: torch.device
    ) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(training.seed)
            self.generator = LayeredGenerator(architecture).to(device)
            self.critic = Critic(architecture).to(device)
        self.averaged = copy.deepcopy(self.generator).eval()
        self.training = training
        self.device = device
        rate = training.learning_rate
        self.optimisers = {
            "generator": torch.optim.Adam(self.generator.parameters(), rate, _BETAS),
            "critic": torch.optim.Adam(self.critic.parameters(), rate, _BETAS),
        }
        self.step = 0
        self.seconds = 0.0
        self.distance = 0.0

    def play(self, real: Tensor, scale: Scale) -> None:
        """Take a step of the critic (equation 6), then one of the generator (equation 5).

        Random numbers are those of PyTorch.

        Parameters
        ----------
        real : Tensor, shape (B, C, side, side)
            Real images on the device.
        scale : Scale
            Side and fading.
        """
        with torch.no_grad():
            fake, _ = self.imitate(len(real), scale)
        distance = self._train_critic(real, fake, scale.alpha)
        self._train_generator(len(real), scale)
        self.step += 1
        self._average(min(self.training.average, self.step / (self.step + 10.0)))
        memory = min(0.99, 1 - 1 / self.step)
        self.distance = memory * self.distance + (1 - memory) * distance

    def imitate(self, count: int, scale: Scale) -> tuple[Tensor, Layers]:
        """Compose images of perturbed layers; return them and the layers after the shift."""
        generator, training = self.generator, self.training
        layers = generator(self._draw_codes(count, scale.side), scale.side, scale.alpha)
        if training.shift:
            reach = training.shift * scale.side
            layers = layers.shifted(draw_shifts(count, reach, self.device))
        background = jitter_contrast(layers.background, training.contrast_jitter)
        return Layers(background, layers.foreground, layers.mask).compose(), layers

    def _draw_codes(self, count: int, side: int) -> Tensor:
        """Draw the codes of scenes; nine of ten mix two latent codes."""
        first, second = draw_latents(self.generator, 2 * count).chunk(2)
        layers = 2 * (scale_of(side) + 2)
        crossovers = torch.randint(1, layers, (count,), device=self.device)
        mixed = torch.rand(count, device=self.device) < _MIXING
        crossovers = torch.where(mixed, crossovers, self.generator.architecture.codes)
        return self.generator.mixed_styles(first, second, crossovers)

    def _train_critic(self, real: Tensor, fake: Tensor, alpha: float) -> float:
        def critic(images: Tensor) -> Tensor:
            scores: Tensor = self.critic(images, alpha)
            return scores

        of_real, of_fake = critic(real), critic(fake)
        distance = of_real.mean() - of_fake.mean()
        penalty = gradient_penalty(critic, real, fake)
        loss = -distance + self.training.penalty * penalty
        loss = loss + self.training.drift * drift_loss(of_real)
        _descend(loss, self.optimisers["critic"])
        return float(distance.detach())

    def _train_generator(self, count: int, scale: Scale) -> None:
        fake, layers = self.imitate(count, scale)
        self.critic.requires_grad_(False)
        loss = -self.critic(fake, scale.alpha).mean()
        loss = loss + self.training.size_weight * size_loss(layers.mask, self.training.minimum_size)
        loss = loss + self.training.binary_weight * binarisation_loss(layers.mask)
        _descend(loss, self.optimisers["generator"])
        self.critic.requires_grad_(True)

    @torch.no_grad()
    def _average(self, decay: float) -> None:
        pairs = zip(self.averaged.parameters(), self.generator.parameters(), strict=True)
        for mean, value in pairs:
            mean.lerp_(value, 1 - decay)

    def _modules(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "critic": self.critic, "averaged": self.averaged}

    def arrays(self) -> Arrays:
        """Return everything that changes as arrays by name, to be stored exactly."""
        arrays: Arrays = {
            "step": np.array(self.step),
            "seconds": np.array(self.seconds),
            "distance": np.array(self.distance),
        }
        for prefix, module in self._modules().items():
            for name, value in module.state_dict().items():
                arrays[f"{prefix}.{name}"] = value.cpu().numpy().copy()
        for prefix, optimiser in self.optimisers.items():
            for index, moments in optimiser.state_dict()["state"].items():
                for name, value in moments.items():
                    arrays[f"adam.{prefix}.{index}.{name}"] = value.cpu().numpy().copy()
        return arrays

    def restore(self, arrays: MappingOf[str, NDArray[Any]]) -> None:
        """Take over what `arrays` returned; the game goes on bit for bit.

        Raises
        ------
        ModelFileError
            If arrays are missing or belong to other networks.
        """
        try:
            self.step, self.seconds = int(arrays["step"]), float(arrays["seconds"])
            self.distance = float(arrays["distance"])
            for prefix, module in self._modules().items():
                module.load_state_dict(
                    {n: torch.from_numpy(arrays[f"{prefix}.{n}"]) for n in module.state_dict()}
                )
            for prefix, optimiser in self.optimisers.items():
                state: dict[int, dict[str, Tensor]] = {}
                for name, value in arrays.items():
                    if name.startswith(f"adam.{prefix}."):
                        _, _, index, moment = name.split(".")
                        state.setdefault(int(index), {})[moment] = torch.from_numpy(value)
                groups = optimiser.state_dict()["param_groups"]
                optimiser.load_state_dict({"state": state, "param_groups": groups})
        except (KeyError, RuntimeError, ValueError) as error:
            raise ModelFileError("the checkpoint belongs to another network") from error


def draw_latents(generator: LayeredGenerator, count: int) -> Tensor:
    """Draw Gaussian latent codes (count, code) for a generator, where it is."""
    device = next(generator.parameters()).device
    return torch.randn(count, generator.architecture.code, device=device)


def _descend(loss: Tensor, optimiser: torch.optim.Optimizer) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()

"""How the encoder learns to find the layers of real images (section 3.3, equation 7)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from napari_inpaintaff.foreground.perturbgan.adversarial import draw_latents
from napari_inpaintaff.foreground.perturbgan.composition import Layers, draw_shifts
from napari_inpaintaff.foreground.perturbgan.critic import Critic
from napari_inpaintaff.foreground.perturbgan.encoder import Encoder, Encoding
from napari_inpaintaff.foreground.perturbgan.generator import LayeredGenerator

#: Latent codes that tell how codes are spread.
_SAMPLED = 2000
#: Of an encoder that is fitted to given images (section 4).
_FIT_RATE, _FIT_BATCH = 1e-4, 16


def make_encoder(generator: LayeredGenerator, seed: int, reach: float) -> Encoder:
    """Make an encoder with random weights that predicts the average scene at first.

    Parameters
    ----------
    generator : LayeredGenerator
        Trained; on the same device as the encoder will be.
    seed : int
        Of the weights.
    reach : float
        Furthest shift of foregrounds that it finds, in parts of the side.
    """
    device = next(generator.parameters()).device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        with torch.no_grad():
            codes = generator.styles(draw_latents(generator, _SAMPLED))
        encoder = Encoder(generator.architecture, codes.mean(0), codes.std(0), reach)
    return encoder.to(device)


def decode(generator: LayeredGenerator, encoding: Encoding) -> Layers:
    """Return the layers that an encoding stands for."""
    layers: Layers = generator(encoding.codes)
    return layers.slid(encoding.shifts * generator.architecture.side)


class Autoencoder:
    """Encoder and frozen generator: reconstructs images out of layers.

    Parameters
    ----------
    generator : LayeredGenerator
        Trained, in evaluation mode.
    critic : Critic
        Trained against it; its features say what looks alike.
    perceptual_weight : float
        Weight of the difference of features.
    """

    def __init__(
        self, generator: LayeredGenerator, critic: Critic, perceptual_weight: float = 1.0
    ) -> None:
        self.generator = generator.eval().requires_grad_(False)
        self.critic = critic.eval().requires_grad_(False)
        self.perceptual_weight = perceptual_weight

    def loss(self, encoder: Encoder, real: Tensor) -> Tensor:
        """Return how badly real images are reconstructed (equation 7).

        Parameters
        ----------
        encoder : Encoder
            Images to codes.
        real : Tensor, shape (B, C, side, side)
            Real images.

        Returns
        -------
        Tensor
            Scalar: mean absolute difference, and mean squared difference of the features.
        """
        return self._difference(decode(self.generator, encoder(real)).compose(), real)

    def rehearsal_loss(self, encoder: Encoder, count: int) -> Tensor:
        """Return how badly generated scenes, whose layers are known, are taken apart.

        The publication trains on real images alone. What the generator made comes with the
        answer, and an encoder that knows it finds the same layers in real images.

        Parameters
        ----------
        encoder : Encoder
            Images to codes.
        count : int
            Scenes to draw; random numbers are those of PyTorch.

        Returns
        -------
        Tensor
            Scalar: that of equation 7, and the differences of the masks (mean, absolute), of the
            codes and of the shifts (mean, squared, in units of their spread and reach).
        """
        side, reach = self.generator.architecture.side, float(encoder.reach)
        with torch.no_grad():
            codes = self.generator.styles(draw_latents(self.generator, count))
            shifts = draw_shifts(count, reach * side, codes.device)
            layers = self.generator(codes).shifted(shifts)
            images = layers.compose()
        guessed: Encoding = encoder(images)
        found = decode(self.generator, guessed)
        missed: Tensor = (found.mask - layers.mask).abs().mean()
        loss = self._difference(found.compose(), images) + missed
        deviation: Tensor = (guessed.codes - codes) / encoder.spread.clamp(min=1e-3)
        loss = loss + deviation.square().mean()
        if reach:
            loss = loss + ((guessed.shifts - shifts / side) / reach).square().mean()
        return loss

    def _difference(self, found: Tensor, wanted: Tensor) -> Tensor:
        of_found, of_wanted = self.critic.features(found), self.critic.features(wanted)
        perceptual = functional.mse_loss(of_found, of_wanted)
        return (found - wanted).abs().mean() + self.perceptual_weight * perceptual


class Fit:
    """An encoder that is fitted to a few images; the statistics of its normalisation stay.

    Parameters
    ----------
    encoder : Encoder
        In evaluation mode; changed.
    autoencoder : Autoencoder
        With the generator that the encoder is for.
    """

    def __init__(self, encoder: Encoder, autoencoder: Autoencoder) -> None:
        self.encoder = encoder.requires_grad_(True)
        self.autoencoder = autoencoder
        self.adam = torch.optim.Adam(encoder.parameters(), _FIT_RATE)

    def step(self, chunk: Tensor) -> None:
        """Take a step on a random batch of images (N, C, side, side)."""
        chosen = torch.randperm(len(chunk), device=chunk.device)[:_FIT_BATCH]
        self.adam.zero_grad(set_to_none=True)
        loss = self.autoencoder.loss(self.encoder, chunk[chosen])
        loss.backward()  # type: ignore[no-untyped-call]
        self.adam.step()

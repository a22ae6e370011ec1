"""A trained PerturbGAN: finds the layers of images."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from skimage.transform import resize
from torch import Tensor, nn

from napari_inpaintaff.errors import ImageError, ModelFileError
from napari_inpaintaff.foreground.perturbgan.architecture import LayeredArchitecture
from napari_inpaintaff.foreground.perturbgan.collapse import generate, samples_of
from napari_inpaintaff.foreground.perturbgan.composition import Layers
from napari_inpaintaff.foreground.perturbgan.critic import Critic
from napari_inpaintaff.foreground.perturbgan.encoder import Encoder
from napari_inpaintaff.foreground.perturbgan.encoding import Autoencoder, Fit, decode
from napari_inpaintaff.foreground.perturbgan.generator import LayeredGenerator
from napari_inpaintaff.foreground.perturbgan.metadata import PERTURBGAN_KIND, PerturbGANMetadata
from napari_inpaintaff.foreground.perturbgan.parameters import LayeredSamples
from napari_inpaintaff.foreground.perturbgan.pictures import as_picture
from napari_inpaintaff.jobs import Job, Progress
from napari_inpaintaff.networks.devices import pick_device, seeded, step_seed
from napari_inpaintaff.networks.model_file import ModelFile, read_model_file, write_model_file

#: Images that an encoder is fitted to at once (section 4).
CHUNK = 100


@dataclass(frozen=True)
class Networks:
    """The networks of a PerturbGAN, on one device."""

    generator: LayeredGenerator
    critic: Critic
    encoder: Encoder

    def modules(self) -> dict[str, nn.Module]:
        """Return them by name."""
        return {"generator": self.generator, "critic": self.critic, "encoder": self.encoder}


class PerturbGAN:
    """A generator of layered scenes, and an encoder that finds the layers of images.

    Parameters
    ----------
    networks : Networks
        Trained; they now belong to the model, which moves them.
    metadata : PerturbGANMetadata
        Description.
    device : str, optional
        ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises
    ------
    DeviceError
        If the device is not available.
    """

    def __init__(
        self, networks: Networks, metadata: PerturbGANMetadata, *, device: str = "auto"
    ) -> None:
        self.metadata = metadata
        self.device = pick_device(device)
        self.networks = networks
        for module in networks.modules().values():
            module.to(self.device).eval().requires_grad_(False)

    @classmethod
    def load(cls, path: str | Path, *, device: str = "auto") -> Self:
        """Load a model file; this never executes code.

        Raises
        ------
        ModelFileError
            If the file is missing, damaged or of another kind.
        DeviceError
            If the device is not available.
        """
        file = read_model_file(path, PERTURBGAN_KIND)
        metadata = PerturbGANMetadata.from_json(file.metadata, source=path)
        networks = _build(metadata.architecture)
        try:
            for prefix, module in networks.modules().items():
                module.load_state_dict(
                    {
                        name.removeprefix(f"{prefix}."): torch.from_numpy(value)
                        for name, value in file.weights.items()
                        if name.startswith(f"{prefix}.")
                    }
                )
        except RuntimeError as error:
            raise ModelFileError(
                f"the weights in {str(path)!r} do not fit its description; train it again"
            ) from error
        return cls(networks, metadata, device=device)

    def save(self, path: str | Path) -> Path:
        """Write the model file atomically; raises OutputError if it cannot be written."""
        weights = {
            f"{prefix}.{name}": value.cpu().numpy()
            for prefix, module in self.networks.modules().items()
            for name, value in module.state_dict().items()
        }
        return write_model_file(path, ModelFile(PERTURBGAN_KIND, self.metadata.to_json(), weights))

    def generate(self, count: int, *, seed: int = 0) -> LayeredSamples:
        """Generate layered scenes; the masks are those of the front layer."""
        return generate(self.networks.generator, count, seed=seed)

    @property
    def channels(self) -> int:
        """Channels of the images that it has learned from: 1, or 3 for colour."""
        return self.metadata.architecture.channels

    def probability(
        self, image: ArrayLike, *, diameter: float | None = None
    ) -> NDArray[np.float32]:
        """Find the foreground of an image.

        Parameters
        ----------
        image : array of numbers, shape (Y, X) or (C, Y, X)
            Raw intensities, with as many channels as the model has learned from; a model of
            three takes planes, too. It is scaled to the square that the networks see.
        diameter : float, optional
            Ignored: the model knows no cells.

        Returns
        -------
        ndarray of float32, shape (Y, X)
            Probability of the foreground, in [0, 1]; 0 where the image is unknown.

        Raises
        ------
        ImageError
            If the image has other channels, is too small or the same everywhere.
        """
        del diameter
        pixels = np.asarray(image)
        pixels = pixels[None] if pixels.ndim == 2 else pixels
        mask = self.masks([pixels])[0]
        enlarged = resize(mask, pixels.shape[1:], order=1, mode="edge", anti_aliasing=False)
        known = np.isfinite(pixels).all(0)
        return np.where(known, enlarged, 0).clip(0, 1).astype(np.float32)

    def masks(self, images: Sequence[ArrayLike]) -> NDArray[np.float32]:
        """Find the foreground of many images, at the side of the networks.

        Parameters
        ----------
        images : sequence of array, shape (Y, X) or (C, Y, X)
            See `probability`.

        Returns
        -------
        ndarray of float32, shape (N, side, side)
            Probability of the foreground, in [0, 1].

        Raises
        ------
        ImageError
            See `probability`.
        """
        pictures = self._pictures(images)
        found = [self._masks_of(self.networks.encoder, part) for part in _chunks(pictures)]
        return np.concatenate(found)

    def iterate_fitted_masks(
        self, images: Sequence[ArrayLike], *, steps: int = 1000, seed: int = 0
    ) -> Generator[Progress, None, NDArray[np.float32]]:
        """Find the foreground of images by an encoder that is fitted to them, chunk by chunk.

        The publication segments so: a separate encoder for every 100 images, trained on them
        (section 4). Here it begins with the encoder of the model.

        Parameters
        ----------
        images : sequence of array, shape (Y, X) or (C, Y, X)
            See `probability`.
        steps : int, optional
            Steps of each chunk.
        seed : int, optional
            Of the batches.

        Yields
        ------
        Progress
            Before every step. Not asking for the next one ends the work.

        Returns
        -------
        ndarray of float32, shape (N, side, side)
            Probability of the foreground, in [0, 1].
        """
        pictures = self._pictures(images)
        chunks = _chunks(pictures)
        autoencoder = Autoencoder(self.networks.generator, self.networks.critic)
        found = []
        for index, chunk in enumerate(chunks):
            encoder = _build(self.metadata.architecture).encoder.to(self.device).eval()
            encoder.load_state_dict(self.networks.encoder.state_dict())
            fit = Fit(encoder, autoencoder)
            for step in range(steps):
                yield Progress(index * steps + step, len(chunks) * steps, "Fitting the encoder…")
                with seeded(step_seed(seed, step), self.device):
                    fit.step(chunk)
            found.append(self._masks_of(encoder, chunk))
        return np.concatenate(found)

    def fitted_masks(
        self, images: Sequence[ArrayLike], *, steps: int = 1000, seed: int = 0
    ) -> NDArray[np.float32]:
        """Find the foreground of images at once; see `iterate_fitted_masks`."""
        return Job(self.iterate_fitted_masks(images, steps=steps, seed=seed)).run()

    def layers(self, images: Sequence[ArrayLike]) -> LayeredSamples:
        """Take images apart: reconstructed images, backgrounds, foregrounds and masks."""
        with torch.no_grad():
            return samples_of(self._layers(self.networks.encoder, self._pictures(images)))

    def _layers(self, encoder: Encoder, pictures: Tensor) -> Layers:
        return decode(self.networks.generator, encoder(pictures))

    @torch.no_grad()
    def _masks_of(self, encoder: Encoder, pictures: Tensor) -> NDArray[np.float32]:
        front: NDArray[np.float32] = self._layers(encoder, pictures).mask[:, 0].cpu().numpy()
        return front if self.metadata.foreground_layer == "front" else 1 - front

    def _pictures(self, images: Sequence[ArrayLike]) -> Tensor:
        pictures = [as_picture(image, self.metadata.architecture.side) for image in images]
        if self.channels == 1 and any(len(picture) == 3 for picture in pictures):
            raise ImageError(
                f"the model {self.metadata.name} has learned from images of one channel, and this "
                "one is in colour: choose a channel"
            )
        shape = (self.channels, *pictures[0].shape[1:])
        whole = np.stack([np.broadcast_to(picture, shape) for picture in pictures])
        return torch.from_numpy(whole).to(self.device)


def _chunks(pictures: Tensor) -> list[Tensor]:
    return [pictures[begin : begin + CHUNK] for begin in range(0, len(pictures), CHUNK)]


def _build(architecture: LayeredArchitecture) -> Networks:
    """Build networks whose weights are about to be filled in."""
    codes = torch.zeros(architecture.codes, architecture.code)
    with torch.random.fork_rng(devices=[]):
        return Networks(
            LayeredGenerator(architecture),
            Critic(architecture),
            Encoder(architecture, codes, codes, 0.0),
        )

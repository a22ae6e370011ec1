"""How well an inpainter predicts hidden pixels near known ones, and what that looks like."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_inpaintaff.inpainting.crops import CropSampler
from napari_inpaintaff.inpainting.gaussian import gaussian_inpainting
from napari_inpaintaff.inpainting.losses import pixel_error, split_head
from napari_inpaintaff.inpainting.masks import near_hole, random_conditionals
from napari_inpaintaff.inpainting.quality import NearHoleError
from napari_inpaintaff.inpainting.updates import InpaintingExamples
from napari_inpaintaff.networks.devices import autocast

_BATCH = 32


@dataclass(frozen=True)
class HeldOutCrops:
    """Crops with masks on which inpainters are compared; always the same ones.

    Attributes
    ----------
    values : Tensor of float32, shape (N, Y, X)
        Normalised crops.
    known : Tensor of bool, shape (N, Y, X)
        What a network may see of them.
    asked : Tensor of bool, shape (N, Y, X)
        Hidden pixels of the region within 8 px of known ones.
    prior : Tensor of float32, shape (N, Y, X)
        The constant prior: the median of the image.
    gaussian : Tensor of float32, shape (N, Y, X)
        Gaussian-filter inpainting, with the constant prior out of its reach.
    """

    values: Tensor
    known: Tensor
    asked: Tensor
    prior: Tensor
    gaussian: Tensor

    @classmethod
    def draw(
        cls,
        images: Sequence[NDArray[np.float32]],
        *,
        size: int = 64,
        count: int = 128,
        seed: int = 0,
    ) -> HeldOutCrops:
        """Draw crops and masks.

        Parameters
        ----------
        images : sequence of ndarray of float32, shape (Y, X)
            Normalised planes; one at least.
        size : int, optional
            Side of the crops.
        count : int, optional
            How many crops; rounded up to the same number from every image.
        seed : int, optional
            Crops and masks are drawn from it.

        Returns
        -------
        HeldOutCrops
            Without zoom and jitter.
        """
        each = math.ceil(count / len(images))
        values = torch.cat(
            [
                CropSampler([image], size, seed, zoom=1.0, contrast=0.0).draw(index, each)
                for index, image in enumerate(images)
            ]
        )
        medians = torch.tensor([float(np.nanmedian(image)) for image in images])
        prior = medians.repeat_interleave(each)[:, None, None].expand_as(values)
        generator = torch.Generator().manual_seed(seed)
        masks = random_conditionals(len(values), size, generator)
        smooth = gaussian_inpainting(values - prior, masks.known) + prior
        asked = near_hole(masks.known) & masks.region
        return cls(values, masks.known, asked, prior, smooth)

    def measure(self, network: nn.Module) -> NearHoleError:
        """Measure a network beside the two baselines.

        Parameters
        ----------
        network : Module
            In evaluation mode, on any device.

        Returns
        -------
        NearHoleError
            Averaged over all pixels that are asked for.
        """
        device = _device(network)
        sums = np.zeros(4)
        laplace = True
        for start in range(0, len(self.values), _BATCH):
            part = slice(start, start + _BATCH)
            values, asked = self.values[part].to(device), self.asked[part].to(device)
            output = self._predict(network, part)
            mean, log_scale = split_head(output)
            laplace = log_scale is not None
            errors = (
                (values - mean).abs(),
                pixel_error(output, values),
                (values - self.prior[part].to(device)).abs(),
                (values - self.gaussian[part].to(device)).abs(),
            )
            sums += [float(error[asked].sum(dtype=torch.float64)) for error in errors]
        l1, nll, prior_l1, gaussian_l1 = (sums / max(int(self.asked.sum()), 1)).tolist()
        return NearHoleError(
            l1=l1,
            nll=nll if laplace else None,
            prior_l1=prior_l1,
            prior_nll=_best_nll(prior_l1),
            gaussian_l1=gaussian_l1,
            gaussian_nll=_best_nll(gaussian_l1),
        )

    def examples(self, network: nn.Module, *, count: int = 6) -> InpaintingExamples:
        """Inpaint the crops that the constant prior is most wrong about.

        Parameters
        ----------
        network : Module
            In evaluation mode, on any device.
        count : int, optional
            How many.

        Returns
        -------
        InpaintingExamples
            The same crops whatever the network.
        """
        wrong = ((self.values - self.prior).abs() * self.asked).sum(dim=(1, 2))
        chosen = wrong.topk(min(count, len(wrong))).indices
        mean, _ = split_head(self._predict(network, chosen))
        return InpaintingExamples(
            image=self.values[chosen].numpy(),
            known=self.known[chosen].numpy(),
            asked=self.asked[chosen].numpy(),
            prediction=mean.cpu().numpy(),
        )

    @torch.no_grad()
    def _predict(self, network: nn.Module, which: slice | Tensor) -> Tensor:
        device = _device(network)
        values, known = self.values[which].to(device), self.known[which].to(device)
        with autocast(device):
            output: Tensor = network(values[:, None], known[:, None].to(values.dtype))
        return output


def _device(network: nn.Module) -> torch.device:
    parameter = next(network.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device


def _best_nll(l1: float) -> float:
    """Return the negative log-likelihood under the Laplace scale that fits best: the mean error."""
    return 1 + math.log(2 * l1) if l1 > 0 else -math.inf

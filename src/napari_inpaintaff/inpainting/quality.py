"""How good an inpainter is, in figures and in words; importing this does not import torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: An inpainter is ready when its error is below this fraction of the constant prior's...
READY_RATIO = 0.4
#: ... and below this fraction of that of Gaussian-filter inpainting.
READY_GAUSSIAN_RATIO = 0.8


@dataclass(frozen=True)
class NearHoleError:
    """How well hidden pixels within 8 px of known ones are predicted.

    Attributes
    ----------
    l1 : float
        Mean absolute error in normalised units.
    nll : float or None
        Mean negative log-likelihood in nats; None for an L1 network.
    prior_l1, prior_nll : float
        Those of the constant prior: the median of the image, with the Laplace scale that
        fits best.
    gaussian_l1, gaussian_nll : float
        Those of Gaussian-filter inpainting (Savarese et al. 2021): the weighted mean of the
        known pixels, with the Laplace scale that fits best.
    """

    l1: float
    nll: float | None
    prior_l1: float
    prior_nll: float
    gaussian_l1: float
    gaussian_nll: float

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> NearHoleError:
        """Read the error from the record of a training.

        Parameters
        ----------
        record : mapping
            `InpainterMetadata.training`.

        Returns
        -------
        NearHoleError
            What is not recorded, or was infinite, is NaN.
        """

        def figure(name: str) -> float:
            value = record.get(f"near_hole_{name}")
            return math.nan if value is None else float(value)

        return cls(
            l1=figure("l1"),
            nll=record.get("near_hole_nll"),
            prior_l1=figure("prior_l1"),
            prior_nll=figure("prior_nll"),
            gaussian_l1=figure("gaussian_l1"),
            gaussian_nll=figure("gaussian_nll"),
        )

    @property
    def ratio(self) -> float:
        """L1 error relative to the constant prior; below 1 is better than a constant.

        NaN where the constant prior was never wrong: nothing but background was held out.
        """
        return self.l1 / self.prior_l1 if self.prior_l1 > 0 else math.nan

    @property
    def gaussian_ratio(self) -> float:
        """L1 error relative to Gaussian-filter inpainting; NaN where that was never wrong."""
        return self.l1 / self.gaussian_l1 if self.gaussian_l1 > 0 else math.nan


@dataclass(frozen=True)
class Verdict:
    """Whether an inpainter is good enough to separate cells.

    Attributes
    ----------
    ready : bool
        Good enough.
    text : str
        One sentence for people.
    """

    ready: bool
    text: str


def judge(quality: NearHoleError) -> Verdict:
    """Say in plain words whether an inpainter is good enough.

    Parameters
    ----------
    quality : NearHoleError
        On held-out images.

    Returns
    -------
    Verdict
        Ready when the error is below `READY_RATIO` of the constant prior's and below
        `READY_GAUSSIAN_RATIO` of that of Gaussian-filter inpainting.
    """
    ratio = quality.ratio
    if math.isnan(ratio):
        return Verdict(False, "Nothing but background was held out: give images with more cells.")
    finding = f"Predicts cell interiors {1 / max(ratio, 1e-6):.1f} times better than a constant"
    if ratio < READY_RATIO and quality.gaussian_ratio < READY_GAUSSIAN_RATIO:
        return Verdict(True, f"{finding}: ready.")
    if ratio >= 1:
        return Verdict(False, "Predicts no better than a constant: train longer.")
    return Verdict(False, f"{finding}: train longer.")

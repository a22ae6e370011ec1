"""Parameters of the separation, validated when made."""

from __future__ import annotations

from dataclasses import dataclass

from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS, Offset
from napari_inpaintaff.errors import ParameterError


@dataclass(frozen=True)
class SeparationParameters:
    """How patches are split into regions. Lengths are in pixels at the model's scale.

    Attributes
    ----------
    patch : int
        Side of a patch.
    stride : int
        Distance between patches; smaller means more opinions on every pixel, about
        ``(patch / stride) ** 2``.
    iterations : int
        Updates T of every split.
    distance : int
        Half width d of the band in the first half of the updates (Wolf et al. 2020,
        appendix A).
    steady : float
        Part of the updates, from the first one, in which the half width stays; then it
        decreases linearly (appendix A: half of them). 1 never decreases it.
    interleaved : bool
        Whether the half width is 1 in every second update (appendix A).
    spacing : int
        Pixels of the band that are predicted together, and moved, are so far apart along y
        and x: 1 takes all of them, s one in s * s, and others in later updates. The paper
        (section 2.3) found that N may be dense; it has to be where a border shall move, or
        the known pixels around a hidden one give it away.
    sigmas : tuple of float
        Gaussians whose smoothed errors are added to the pixel error (appendix A).
    minimum_side : int
        A side of fewer pixels counts as empty.
    minimum_gain : float
        Splits whose evidence is weaker are rejected: mean over the band of the error from
        the other side minus the error from the own side, in nats per pixel.
    seed : int
        First halves are drawn from (seed, patch position, depth).
    batch : int, optional
        Splits that evolve together; two network evaluations each. By default as many as
        suit the device. It changes results by no more than rounding.
    offsets : tuple of (int, int)
        Pairs of pixels whose affinity is computed, the two local ones first.
    """

    patch: int = 64
    stride: int = 20
    iterations: int = 12
    distance: int = 8
    steady: float = 0.5
    interleaved: bool = True
    spacing: int = 1
    sigmas: tuple[float, ...] = (0.1, 1.0, 5.0, 10.0)
    minimum_side: int = 20
    minimum_gain: float = 1.5
    seed: int = 0
    batch: int | None = None
    offsets: tuple[Offset, ...] = PUBLISHED_OFFSETS

    def __post_init__(self) -> None:
        counts = ("patch", "stride", "iterations", "distance", "spacing", "minimum_side", "batch")
        for name in counts:
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ParameterError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.stride > self.patch:
            raise ParameterError(
                f"the stride must not exceed the patch of {self.patch}, got {self.stride}"
            )
        if 2 * self.distance >= self.patch:
            raise ParameterError(
                f"a distance of {self.distance} leaves nothing known in a patch of {self.patch}"
            )
        if not 0 <= self.steady <= 1:
            raise ParameterError(f"steady must be a part of the updates, 0 to 1, got {self.steady}")
        if any(not sigma > 0 for sigma in self.sigmas):
            raise ParameterError(f"the sigmas must be positive, got {self.sigmas}")
        if not self.offsets or any(offset == (0, 0) for offset in self.offsets):
            raise ParameterError("offsets must be pairs (y, x) other than (0, 0)")

    def windows(self) -> tuple[int, ...]:
        """Return the sides of the windows that regions are split in, ascending.

        Returns
        -------
        tuple of int
            A half, three quarters and the whole of a patch, as far as a band fits in.
        """
        parts = (self.patch // 2, 3 * self.patch // 4)
        return (*(part for part in parts if part > 2 * self.distance), self.patch)

    def band_distances(self) -> tuple[int, ...]:
        """Return the half width of the band in every update.

        Returns
        -------
        tuple of int
            ``iterations`` values: constant for the ``steady`` part of the updates, then
            linearly decreasing, and 1 in every second update if ``interleaved``.
        """
        decreasing = (1 - self.steady) * self.iterations
        widths = []
        for update in range(self.iterations):
            left = self.iterations - update
            fraction = left / decreasing if left < decreasing else 1.0
            narrow = self.interleaved and update % 2
            widths.append(1 if narrow else max(1, round(self.distance * fraction)))
        return tuple(widths)


#: Settings by the name of their trade of quality against speed.
SEPARATION_MODES: dict[str, SeparationParameters] = {
    "draft": SeparationParameters(stride=32, iterations=8),
    "balanced": SeparationParameters(),
    "paper": SeparationParameters(stride=10, iterations=20),
}

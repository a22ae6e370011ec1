"""A simulated image of dense nuclei with ground truth: the built-in sample.

The image resembles stained nuclei of cultured cells (U2OS, HeLa) in widefield
fluorescence. Nuclei are flat bodies with soft edges that lean against each other; their
light adds up, so that a contact shows as a faint dip, a step of brightness or, where two
nuclei overlap, as a bright line, as in real images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.errors import ParameterError

# Of a candidate, at most this part may lie over other nuclei, and at least that part
# must lie inside the image: slivers at the border are no fair ground truth.
_LARGEST_OVERLAP = 0.07
_SMALLEST_INSIDE = 0.3


@dataclass(frozen=True)
class _Nucleus:
    """Position and outline: radius(angle) = size times a sum of a few waves.

    Lengths are in pixels, angles in radians.
    """

    y: float
    x: float
    major: float
    minor: float
    angle: float
    waves: tuple[tuple[float, float], ...]

    @property
    def reach(self) -> int:
        """A distance beyond which no pixel belongs to the nucleus."""
        return int(np.ceil(self.major * (1 + sum(abs(size) for size, _ in self.waves)))) + 1

    def window(self, shape: tuple[int, int]) -> tuple[slice, slice]:
        """Return the part of the image that can hold pixels of the nucleus."""
        bounds = [
            (max(0, int(centre) - self.reach), max(0, min(size, int(centre) + self.reach + 2)))
            for centre, size in zip((self.y, self.x), shape, strict=True)
        ]
        return slice(*bounds[0]), slice(*bounds[1])

    def level(self, window: tuple[slice, slice]) -> NDArray[np.float64]:
        """Return the distance from the centre over the radius: below 1 inside."""
        y, x = np.ogrid[window]
        y, x = y - self.y, x - self.x
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        along, across = (x * cos + y * sin) / self.major, (y * cos - x * sin) / self.minor
        theta = np.arctan2(across, along)
        radius = 1.0 + sum(
            size * np.cos(number * theta + phase)
            for number, (size, phase) in enumerate(self.waves, start=2)
        )
        return np.asarray(np.hypot(along, across) / radius, dtype=np.float64)


def simulate_dense_nuclei(
    *,
    shape: tuple[int, int] = (256, 256),
    seed: int = 0,
    diameter: float = 25.0,
    coverage: float = 0.4,
) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Simulate an image of dense, touching nuclei.

    Parameters
    ----------
    shape : tuple of (int, int)
        Height and width in pixels; each at least two diameters.
    seed : int
        The same seed gives the same image.
    diameter : float
        Typical diameter of a nucleus in pixels, at least 10.
    coverage : float
        Part of the image that nuclei cover, between 0 and 0.6. Above about 0.4 so many
        touch that connected components cannot separate them.

    Returns
    -------
    image : ndarray of uint16, shape (Y, X)
        Photon counts with noise, on a pedestal.
    labels : ndarray of uint16, shape (Y, X)
        The ground truth: 0 is background, nuclei are 1 to n.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> image, labels = simulate_dense_nuclei(shape=(64, 64), seed=1)
    >>> image.shape, image.dtype, bool(labels.max() > 2)
    ((64, 64), dtype('uint16'), True)
    """
    if not 10 <= diameter < np.inf:
        raise ParameterError(f"the diameter must be at least 10 pixels, got {diameter}")
    if not 0 < coverage <= 0.6:
        raise ParameterError(f"the coverage must lie between 0 and 0.6, got {coverage}")
    if len(shape) != 2 or min(shape) < 2 * diameter:
        raise ParameterError(
            f"the shape must be (Y, X), each at least two diameters ({2 * diameter:g}), got {shape}"
        )
    rng = np.random.default_rng(seed)
    nuclei, labels = _place_nuclei(rng, shape, diameter=diameter, coverage=coverage)
    light = _emitted_light(rng, nuclei, shape, diameter=diameter)
    return _photograph(rng, light, diameter=diameter), labels


def _place_nuclei(
    rng: np.random.Generator, shape: tuple[int, int], *, diameter: float, coverage: float
) -> tuple[list[_Nucleus], NDArray[np.uint16]]:
    """Place nuclei until they cover enough, most of them leaning against another one."""
    nuclei: list[_Nucleus] = []
    labels = np.zeros(shape, dtype=np.uint16)
    levels = np.full(shape, np.inf)
    # Each nucleus needs few tries; the bound only ends a search in a full image.
    for _ in range(int(60 * labels.size / diameter**2)):
        candidate = _random_nucleus(rng, shape, diameter=diameter)
        if nuclei and rng.random() < 0.55:
            neighbour = nuclei[rng.integers(len(nuclei))]
            candidate = _lean(rng, candidate, neighbour, labels)
        window = candidate.window(shape)
        level = candidate.level(window)
        inside = level < 1
        area = np.pi * candidate.major * candidate.minor
        overlap = inside & (labels[window] > 0)
        if inside.sum() < _SMALLEST_INSIDE * area or overlap.sum() > _LARGEST_OVERLAP * area:
            continue
        nuclei.append(candidate)
        # Where two nuclei overlap, each pixel belongs to the one whose centre is nearer.
        own = inside & (level < levels[window])
        labels[window][own] = len(nuclei)
        levels[window][own] = level[own]
        if (labels > 0).mean() >= coverage:
            break
    return nuclei, labels


def _random_nucleus(
    rng: np.random.Generator, shape: tuple[int, int], *, diameter: float
) -> _Nucleus:
    radius = 0.5 * diameter * np.clip(rng.normal(1.0, 0.13), 0.7, 1.35)
    elongation = np.sqrt(rng.uniform(1.0, 1.75))
    return _Nucleus(
        y=rng.uniform(0, shape[0]),
        x=rng.uniform(0, shape[1]),
        major=radius * elongation,
        minor=radius / elongation,
        angle=rng.uniform(0, np.pi),
        waves=tuple(
            (rng.normal(0, size), rng.uniform(0, 2 * np.pi)) for size in (0.06, 0.05, 0.03)
        ),
    )


def _lean(
    rng: np.random.Generator,
    candidate: _Nucleus,
    neighbour: _Nucleus,
    labels: NDArray[np.uint16],
) -> _Nucleus:
    """Move a nucleus towards a neighbour until it touches anything, and a little further."""
    direction = rng.uniform(0, 2 * np.pi)
    step_y, step_x = np.sin(direction), np.cos(direction)
    pressed = rng.uniform(-1.0, 1.5)
    moved = candidate
    for distance in np.arange(candidate.reach + neighbour.reach, 0, -1.0):
        moved = _moved(candidate, neighbour, distance, step_y, step_x)
        window = moved.window((labels.shape[0], labels.shape[1]))
        if ((moved.level(window) < 1) & (labels[window] > 0)).any():
            return _moved(candidate, neighbour, distance - pressed, step_y, step_x)
    return moved


def _moved(
    candidate: _Nucleus, neighbour: _Nucleus, distance: float, step_y: float, step_x: float
) -> _Nucleus:
    return _Nucleus(
        y=neighbour.y + distance * step_y,
        x=neighbour.x + distance * step_x,
        major=candidate.major,
        minor=candidate.minor,
        angle=candidate.angle,
        waves=candidate.waves,
    )


def _emitted_light(
    rng: np.random.Generator, nuclei: list[_Nucleus], shape: tuple[int, int], *, diameter: float
) -> NDArray[np.float64]:
    """Return the light of all nuclei before the optics; a typical nucleus shines with 1."""
    light = np.zeros(shape)
    for nucleus in nuclei:
        window = nucleus.window(shape)
        level = nucleus.level(window)
        # Flat on top and round at the edge, like a cell that lies on glass. The outline of
        # the ground truth is at half the height, where people draw it.
        thickness = np.sqrt(np.clip(1.0 - (level / 1.04) ** 7, 0.0, None))
        brightness = 0.6 + 0.45 * rng.gamma(2.0, 0.5)
        light[window] += brightness * thickness * _texture(rng, nucleus, window, diameter=diameter)
    return light


def _texture(
    rng: np.random.Generator,
    nucleus: _Nucleus,
    window: tuple[slice, slice],
    *,
    diameter: float,
) -> NDArray[np.float64]:
    """Return the density of the stain: coarse and fine chromatin, and dark nucleoli."""
    y, x = np.ogrid[window]
    white = rng.normal(size=(2, *np.broadcast_shapes(y.shape, x.shape)))
    density = np.ones(white.shape[1:])
    for noise, size, strength in zip(white, (0.035, 0.12), (0.12, 0.06), strict=True):
        smooth = ndimage.gaussian_filter(noise, size * diameter, mode="wrap")
        density += strength * smooth / max(float(smooth.std()), 1e-12)
    for _ in range(rng.integers(0, 4)):
        angle, distance = rng.uniform(0, 2 * np.pi), 0.55 * nucleus.minor * np.sqrt(rng.random())
        squared = (y - nucleus.y - distance * np.sin(angle)) ** 2 + (
            x - nucleus.x - distance * np.cos(angle)
        ) ** 2
        size = diameter * rng.uniform(0.045, 0.08)
        density -= rng.uniform(0.1, 0.35) * np.exp(-0.5 * squared / size**2)
    return np.clip(density, 0.2, None)


def _photograph(
    rng: np.random.Generator, light: NDArray[np.float64], *, diameter: float
) -> NDArray[np.uint16]:
    """Blur, add stray light and an uneven background, count photons, read them out."""
    pedestal, photons, gain, read_noise = 100.0, 350.0, 1.5, 4.0
    blurred = ndimage.gaussian_filter(light, 1.1)
    stray = ndimage.gaussian_filter(light, 0.6 * diameter)
    y, x = np.ogrid[0 : 1 : light.shape[0] * 1j, 0 : 1 : light.shape[1] * 1j]
    slope_y, slope_x = rng.uniform(-0.03, 0.03, size=2)
    background = 0.05 + slope_y * (y - 0.5) + slope_x * (x - 0.5)
    counts = rng.poisson(photons * (blurred + 0.05 * stray + background))
    image = pedestal + gain * counts + rng.normal(0.0, read_noise, light.shape)
    limited = np.clip(np.rint(image), 0, np.iinfo(np.uint16).max)
    return np.asarray(limited, dtype=np.uint16)

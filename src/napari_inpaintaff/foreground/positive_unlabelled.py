"""The background that strokes on cells alone imply; torch-free."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import expit
from skimage.feature import multiscale_basic_features

from napari_inpaintaff.foreground.targets import BACKGROUND, FOREGROUND, UNLABELLED
from napari_inpaintaff.jobs import Job, Progress

_Floats = NDArray[np.float64]

#: Scales of the features, in pixels of cells of 25 px. Coarser ones tell the middle of a cell
#: from the rest of it, and strokes from the cells that they stand for.
_FINEST, _COARSEST, _SCALES = 1.0, 4.0, 3
#: Unlabelled pixels that are looked at.
_SAMPLE = 20_000
#: Weight decay of the classifier.
_DECAY = 3e-3
#: Features are found of so many pixels at a time, and depend on no row further away than this.
_STRIP, _REACH = 2**18, 24
#: Strokes are left out in so many turns to see how a classifier ranks strokes it does not know.
_TURNS = 5
#: The class prior is read off where so many pixels of unknown strokes rank lower.
_QUANTILE = 0.1
#: Cells are larger than the part in which people paint: so many times are tried, ...
_LARGER = 1.15 ** np.arange(-3, 8)
#: ... and the steepest outline still leaves so much out.
_STEEPEST_TO_WHOLE = 1.25
#: Pixels are taken for granted where the classifier is so sure.
_SURE = 0.8


@dataclass(frozen=True, eq=False)
class ImpliedTargets:
    """What strokes on cells alone say about all pixels.

    Attributes
    ----------
    targets : tuple of ndarray of int8, shape (Y, X)
        Of every image: the strokes and what is all but sure is 1 or 0, the rest -1.
    class_prior : float
        Estimated part of all pixels that is foreground.
    """

    targets: tuple[NDArray[np.int8], ...]
    class_prior: float


def imply_targets(
    values: Sequence[NDArray[np.float32]], targets: Sequence[NDArray[np.int8]], *, seed: int
) -> ImpliedTargets:
    """Find out what is background when only cells are labelled.

    A linear classifier of smoothed intensities, edges and curvature (`skimage.feature.
    multiscale_basic_features`) minimises the risk for positive and unlabelled data of du Plessis
    et al. 2015, "Convex formulation for learning from positive and unlabeled data": with the
    logistic loss it is ``mean(softplus(z)) over unlabelled - prior * mean(z) over labelled``.
    It has no local minima, and too few parameters to learn the strokes by heart, which is what
    the non-negative risk of Kiryo et al. 2017 would have to prevent: a U-Net trained with that
    one from 10 strokes reached an IoU of 0.50 (HeLa) and 0.10 (PSC), with the targets of this
    function 0.92 and 0.73.

    The class prior begins with that of Garg et al. 2021, "Mixture proportion estimation and PU
    learning: a modern approach" (best bin estimation): of the pixels that rank as high as nine
    tenths of the strokes that the classifier does not know, as many are cells as of the strokes.
    Strokes stay away from outlines, so this is the part that the middles of cells cover. The
    prior at which the answer of the classifier changes most steeply along the outline, times
    1.25, was within 25 % of the truth on HeLa and PSC frames. Strokes on the very middles of
    cells only make it too small: those should come near the outlines somewhere.

    Parameters
    ----------
    values : sequence of ndarray of float32, shape (Y, X)
        Normalised images with cells of about 25 px; NaN where unknown.
    targets : sequence of ndarray of int8, shape (Y, X)
        1 where a cell is painted, else -1.
    seed : int
        Chooses the unlabelled pixels that are looked at.

    Returns
    -------
    ImpliedTargets
        Targets of all images, and the class prior.
    """
    return Job(iterate_implied_targets(values, targets, seed=seed)).run()


def iterate_implied_targets(
    values: Sequence[NDArray[np.float32]], targets: Sequence[NDArray[np.int8]], *, seed: int
) -> Generator[Progress, None, ImpliedTargets]:
    """Find out what is background when only cells are labelled; see `imply_targets`.

    Yields
    ------
    Progress
        Between parts of an image, and between the classifiers. Not asking for the next one
        ends the work.

    Returns
    -------
    ImpliedTargets
        Targets of all images, and the class prior.
    """
    looking = "Looking for the background…"
    found_features = []
    for image in values:
        found_features.append((yield from _iterate_features(image, looking)))
    yield Progress(0, len(_LARGER), looking)
    features = _standardised(found_features)
    yield Progress(0, len(_LARGER), looking)
    known = [np.isfinite(image) for image in values]
    painted = [k & (t == FOREGROUND) for k, t in zip(known, targets, strict=True)]
    positive = _gather(features, painted)
    unlabelled = _gather(features, _sample(known, np.random.default_rng(seed)))
    yield Progress(0, len(_LARGER), looking)
    middles = _middles_prior(positive, _strokes(painted), unlabelled)
    priors = [float(min(middles * larger, 0.9)) for larger in _LARGER]
    steepness = []
    for done, prior in enumerate(priors):
        yield Progress(done, len(priors), looking)
        steepness.append(_steepness(features, _fit(positive, unlabelled, prior)))
    steepest = priors[int(np.argmax(steepness))]
    prior = min(_STEEPEST_TO_WHOLE * steepest, 0.95)
    yield Progress(len(priors), len(priors), looking)
    weights = _fit(positive, unlabelled, prior)
    found = []
    for image, k, given in zip(features, known, targets, strict=True):
        probability = expit(image @ weights)
        sure = np.full(given.shape, UNLABELLED, np.int8)
        sure[k & (probability < 1 - _SURE)] = BACKGROUND
        sure[k & (probability > _SURE)] = FOREGROUND
        found.append(np.where(given == UNLABELLED, sure, given))
    return ImpliedTargets(tuple(found), prior)


def _iterate_features(
    image: NDArray[np.float32], message: str
) -> Generator[Progress, None, NDArray[np.float32]]:
    """Return what the classifier sees of every pixel and a constant 1, (Y, X, F).

    It is found strip by strip, and can be ended between them.
    """
    known = np.isfinite(image)
    filled = np.where(known, image, np.median(image[known]))
    rows = max(1, _STRIP // image.shape[1])
    strips = []
    for top in range(0, len(filled), rows):
        yield Progress(0, len(_LARGER), message)
        first = max(0, top - _REACH)
        found = multiscale_basic_features(
            filled[first : top + rows + _REACH],
            sigma_min=_FINEST,
            sigma_max=_COARSEST,
            num_sigma=_SCALES,
        )
        strip = found[top - first : top - first + rows]
        constant = np.ones((*strip.shape[:2], 1))
        strips.append(np.concatenate([strip, constant], axis=2).astype(np.float32))
    return np.concatenate(strips)


def _standardised(features: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Shift and scale all features alike in all images; the constant stays."""
    flat = np.concatenate([one.reshape(-1, one.shape[-1]) for one in features])
    mean, spread = flat.mean(0, np.float64), flat.std(0, dtype=np.float64)
    spread[spread == 0] = 1
    mean[-1] = 0
    return [((one - mean) / spread).astype(np.float32) for one in features]


def _sample(
    known: Sequence[NDArray[np.bool_]], random: np.random.Generator
) -> list[NDArray[np.bool_]]:
    """Choose some of the known pixels of all images."""
    share = _SAMPLE / max(1, sum(int(np.count_nonzero(one)) for one in known))
    return [one & (random.random(one.shape) < share) for one in known]


def _strokes(painted: Sequence[NDArray[np.bool_]]) -> NDArray[np.int64]:
    """Give the painted pixels the number of their stroke: of pixels that touch."""
    numbers, before = [], 0
    for mask in painted:
        labels, count = ndimage.label(mask, np.ones((3, 3)))
        numbers.append(labels[mask] + before)
        before += count
    return np.concatenate(numbers).astype(np.int64)


def _gather(features: Sequence[NDArray[np.float32]], masks: Sequence[NDArray[np.bool_]]) -> _Floats:
    parts = [one[mask] for one, mask in zip(features, masks, strict=True)]
    return np.concatenate(parts).astype(np.float64)


def _middles_prior(positive: _Floats, strokes: NDArray[np.integer], unlabelled: _Floats) -> float:
    """Estimate which part of the pixels is like the painted ones."""
    names = np.unique(strokes)
    prior = 0.1
    # What the classifier assumes hardly matters to how it ranks: twice is enough.
    for _ in range(2):
        found = []
        for turn in range(min(_TURNS, len(names))):
            left_out = np.isin(strokes, names[turn::_TURNS])
            learned = positive[~left_out] if not left_out.all() else positive
            weights = _fit(learned, unlabelled, prior)
            ranks = positive[left_out] @ weights
            level = np.quantile(ranks, _QUANTILE)
            found.append((unlabelled @ weights >= level).mean() / (ranks >= level).mean())
        prior = float(np.clip(np.median(found), 0.005, 0.9))
    return prior


def _steepness(features: Sequence[NDArray[np.float32]], weights: _Floats) -> float:
    """Return how fast the answer changes along the outlines of what it calls foreground."""
    changes = []
    for image in features:
        probability = expit(image @ weights)
        mask = probability > 0.5
        outline = ndimage.binary_dilation(mask) & ~ndimage.binary_erosion(mask, border_value=1)
        changes.append(ndimage.gaussian_gradient_magnitude(probability, 1.0)[outline])
    found = np.concatenate(changes)
    return float(found.mean()) if len(found) else 0.0


def _fit(positive: _Floats, unlabelled: _Floats, prior: float) -> _Floats:
    """Minimise the risk for positive and unlabelled data by Newton's method."""
    target = prior * positive.mean(0)
    weights = np.zeros(positive.shape[1])
    decay = np.full(len(weights), _DECAY)
    decay[-1] = 1e-8  # of the constant
    for _ in range(30):
        probability = expit(unlabelled @ weights)
        gradient = unlabelled.T @ probability / len(unlabelled) - target + decay * weights
        curvature = (unlabelled * (probability * (1 - probability))[:, None]).T @ unlabelled
        step = np.linalg.solve(curvature / len(unlabelled) + np.diag(decay), gradient)
        largest = float(np.abs(step).max())
        weights -= step * min(1.0, 2.0 / max(largest, 1e-12))
        if largest < 1e-4:
            break
    return np.asarray(weights)

"""Measuring label-free foregrounds on data sets of pictures."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import InstallationError, ParameterError
from napari_inpaintaff.evaluation import MaskScores, mean_mask_scores
from napari_inpaintaff.foreground import (
    ForegroundModel,
    IEMNetworkTraining,
    IEMParameters,
    load_foreground_model,
    maximise_inpainting_error,
    picture_foreground,
    threshold,
    train_iem_network,
)
from napari_inpaintaff.images import layered_scenes
from napari_inpaintaff.jobs import Progress, retell
from napari_inpaintaff.pipeline.picture_tables.picture_sets import PicturePair, PictureSet

SCENES = "simulated scenes"
#: IEM and what it is without its parts, as in its Table 4.
ABLATIONS: dict[str, IEMParameters] = {
    "IEM": IEMParameters(),
    "no regularisation": IEMParameters(diversity=0.0),
    "no smoothing": IEMParameters(smoothing=False),
    "updates everywhere": IEMParameters(boundary_only=False),
}
#: Pictures between two updates.
_GROUP = 20


@dataclass(frozen=True)
class TableSettings:
    """What is measured, and how.

    Attributes
    ----------
    side : int
        Of the squares that pictures become, in pixels: a multiple of 8, at least 24.
    test : int
        At most so many pictures of each set, evenly spread.
    train : int
        At most so many, evenly spread, that the network learns from; 0: there is none.
    epochs, batch : int
        Of its training.
    models : tuple of Path
        Foreground networks that are measured as well.
    seed : int
        Of the training, and of simulated scenes.
    """

    side: int = 128
    test: int = 1000
    train: int = 8000
    epochs: int = 50
    batch: int = 128
    models: tuple[Path, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        if self.test < 1 or self.train < 0:
            raise ParameterError(
                f"there must be at least 1 test picture, and not less than 0 to learn from, "
                f"got {self.test} and {self.train}"
            )
        self.training()

    def training(self) -> IEMNetworkTraining:
        """Return how the network is trained."""
        return IEMNetworkTraining(
            side=self.side, epochs=self.epochs, batch=self.batch, seed=self.seed
        )


@dataclass(frozen=True)
class MeasuredSet:
    """What was measured on one set.

    Attributes
    ----------
    name : str
        Of the set.
    tested, learned : int
        Pictures measured, and learned from.
    scores : dict of str to MaskScores
        By method, or by the name of a model.
    ablations : dict of str to float
        IoU of IEM without its parts.
    missing : dict of str to str
        What could not be measured, and why.
    """

    name: str
    tested: int
    learned: int
    scores: dict[str, MaskScores]
    ablations: dict[str, float]
    missing: dict[str, str]


def iterate_picture_tables(
    sets: Sequence[PictureSet], settings: TableSettings, *, device: str = "auto"
) -> Generator[Progress, None, list[MeasuredSet]]:
    """Measure all methods on all sets; without any set, on simulated scenes.

    Parameters
    ----------
    sets : sequence of PictureSet
        See `find_picture_sets`.
    settings : TableSettings
        What is measured.
    device : str, optional
        ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Yields
    ------
    Progress
        Every few pictures, and after every epoch.

    Returns
    -------
    list of MeasuredSet

    Raises
    ------
    ImageError
        If a file cannot be read.
    ModelFileError
        If a model cannot be loaded.
    """
    if not sets:
        scenes = layered_scenes(settings.test, settings.side, seed=settings.seed)
        others = layered_scenes(max(settings.train, 1), settings.side, seed=settings.seed + 1)
        learned = others.images[: settings.train]
        found = yield from _measured(SCENES, scenes.images, scenes.masks, learned, settings, device)
        return [found]
    results = []
    for one in sets:
        yield Progress(0, 0, f"Reading {one.name}…")
        pictures, masks = one.read(_spread(one.tested, settings.test), settings.side)
        learned, _ = one.read(_spread(one.learned, settings.train), settings.side)
        results.append((yield from _measured(one.name, pictures, masks, learned, settings, device)))
    return results


def _spread(pairs: tuple[PicturePair, ...], count: int) -> tuple[PicturePair, ...]:
    if count == 0 or not pairs:
        return ()
    chosen = np.linspace(0, len(pairs) - 1, min(count, len(pairs))).round().astype(int)
    return tuple(pairs[index] for index in chosen)


def _measured(
    name: str,
    pictures: NDArray[np.float32],
    masks: NDArray[np.bool_],
    learned: NDArray[np.float32],
    settings: TableSettings,
    device: str,
) -> Generator[Progress, None, MeasuredSet]:
    scores: dict[str, MaskScores] = {}
    missing: dict[str, str] = {}
    ablations: dict[str, float] = {}

    def score(found: Iterable[NDArray[np.bool_]]) -> MaskScores:
        return mean_mask_scores(zip(found, masks, strict=True))

    for method, parameters in ABLATIONS.items():
        found = yield from _by_iem(pictures, parameters, device, f"{name}: {method}")
        ablations[method] = score(found).iou
        if method == "IEM":
            scores[method] = score(found)
    for method, title in (("grabcut", "GrabCut"), ("global_otsu", "Otsu")):

        def find(picture: NDArray[np.float32], method: str = method) -> NDArray[np.bool_]:
            return threshold(picture_foreground(picture, method, device=device))

        try:
            scores[title] = score((yield from _one_by_one(pictures, find, f"{name}: {title}")))
        except InstallationError as error:
            missing[title] = str(error)
    scores["everything"] = score(np.ones_like(masks))
    if len(learned):
        network = yield from retell(
            train_iem_network(learned, settings.training(), device=device),
            lambda update: Progress(
                update.done, update.total, f"{name}: the network, {update.phase}"
            ),
        )
        for title, refine in (("IEM + network", False), ("IEM + network + IEM", True)):
            network.metadata = replace(network.metadata, refine=refine)

            def predict(picture: NDArray[np.float32]) -> NDArray[np.bool_]:
                return threshold(network.probability(picture))

            scores[title] = score((yield from _one_by_one(pictures, predict, f"{name}: {title}")))
    for path in settings.models:
        model = load_foreground_model(path, device=device)

        def look(picture: NDArray[np.float32], model: ForegroundModel = model) -> NDArray[np.bool_]:
            seen = picture if model.channels == 3 else picture.mean(axis=0)
            return threshold(model.probability(seen))

        scores[path.stem] = score((yield from _one_by_one(pictures, look, f"{name}: {path.stem}")))
    return MeasuredSet(name, len(pictures), len(learned), scores, ablations, missing)


def _by_iem(
    pictures: NDArray[np.float32], parameters: IEMParameters, device: str, message: str
) -> Generator[Progress, None, list[NDArray[np.bool_]]]:
    found: list[NDArray[np.bool_]] = []
    for first in range(0, len(pictures), _GROUP):
        yield Progress(first, len(pictures), message)
        part = pictures[first : first + _GROUP]
        found += list(maximise_inpainting_error(part, parameters=parameters, device=device).masks)
    return found


def _one_by_one(
    pictures: NDArray[np.float32],
    find: Callable[[NDArray[np.float32]], NDArray[np.bool_]],
    message: str,
) -> Generator[Progress, None, list[NDArray[np.bool_]]]:
    found = []
    for index, picture in enumerate(pictures):
        if index % _GROUP == 0:
            yield Progress(index, len(pictures), message)
        found.append(find(picture))
    return found

"""Fit the odds that two neighbouring segments are one cell, for `partition.region_merging`.

    python benchmarks/fit_merge_odds.py -o src/napari_inpaintaff/partition/merge_odds.json

Shape is learned from simulated outlines and from the annotated images of BBBC039 and DSB2018
(both CC0), with true, moved and noisy foregrounds; what the image usually says, from the latter
alone, with the affinities of nuclei-student. Segments are merged as their cells want it, in random
order, and every border that there is on the way is an example.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from arena.foregrounds import FOREGROUNDS
from arena.frames import contests
from development_data import data_folder
from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS, Affinities
from napari_inpaintaff.partition import OutlineParameters, partition_outline
from napari_inpaintaff.partition.merge_odds import SHAPE_FEATURES, image_evidence, shape_features
from napari_inpaintaff.partition.region_graph import RegionGraph
from napari_inpaintaff.partition.region_merging import too_many_segments
from napari_inpaintaff.partition.typical_cell import TypicalCell, typical_cell
from napari_inpaintaff.separation import DEFAULT_STUDENT, Student, compute_student_affinities
from napari_inpaintaff.separation.student_catalogue import find_student
from touching_cells import tailed_cells, touching_cells

_DAMAGE = ("true", "true", "noisy", "dilated 1", "eroded 1", "dilated 2", "eroded 2")
_DIAMETER = 25.0
#: Weight of the squares of the coefficients, beside that of as many examples.
_RIDGE = 20.0

#: Shape features, the image's evidence and whether the two are one cell.
Examples = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]


def main() -> None:
    options = _parse()
    simulated = [
        _joined(_simulated(make, seed) for seed in range(options.simulated))
        for make in (touching_cells, tailed_cells)
    ]
    annotated = _joined(_annotated(tuple(options.sets)))
    everything = np.concatenate([features for features, _, _ in simulated])
    mean, scale = everything.mean(axis=0), everything.std(axis=0)
    sources = [source for source in (*simulated, annotated) if len(source[2])]
    design = [_quadratic((features - mean) / scale) for features, _, _ in sources]
    shape = _logistic(design, [same for _, _, same in sources])
    image = _logistic([np.stack([np.ones(len(annotated[1])), annotated[1]], 1)], [annotated[2]])
    options.output.write_text(_as_json(mean, scale, shape, image), encoding="utf8")
    print(f"{len(everything)} simulated and {len(annotated[2])} annotated borders")
    print(options.output.read_text(encoding="utf8"))


def _simulated(make: Callable[..., NDArray[np.int32]], seed: int) -> Examples:
    truth = make(seed, diameter=_DIAMETER)
    mask = FOREGROUNDS[_DAMAGE[seed % len(_DAMAGE)]](truth, None, _DIAMETER, (seed,))
    shape = (len(PUBLISHED_OFFSETS), *mask.shape)
    nothing = Affinities(np.ones(shape, np.float32), PUBLISHED_OFFSETS, np.ones(shape, np.float32))
    sigma, apart = ((0.5, 3.0), (1.0, 3.0), (1.0, 5.0), (0.0, 4.0))[seed % 4]
    segments = partition_outline(
        mask, OutlineParameters(sigma=sigma, minimum_distance=apart), diameter=_DIAMETER
    )
    if seed % 2:
        # Cuts that no outline asks for, as the image may propose them.
        rng = np.random.default_rng(seed)
        places = rng.integers(0, mask.shape[0], (150, 2))
        segments = _cut(segments, places)
    return _examples(segments, nothing, truth, typical_cell(mask, _DIAMETER), seed)


def _cut(segments: NDArray[np.uint32], places: NDArray[np.integer]) -> NDArray[np.integer]:
    from scipy.spatial import cKDTree
    from skimage.measure import label

    nearest = cKDTree(places).query(np.argwhere(segments > 0))[1]
    cells = np.zeros(segments.shape, np.int64)
    cells[segments > 0] = nearest
    return np.asarray(
        label(segments.astype(np.int64) * len(places) + cells * (segments > 0), connectivity=1)
        * (segments > 0)
    )


def _annotated(names: tuple[str, ...]) -> Iterator[Examples]:
    student = Student.load(find_student(DEFAULT_STUDENT))
    for contest in contests(data_folder(), names):
        for place, frame in enumerate(contest.frames):
            image, truth = frame.read()
            for damage in ("true", "noisy"):
                mask = FOREGROUNDS[damage](truth, image, contest.diameter, (0, place))
                affinities = compute_student_affinities(
                    image, student, wanted=mask, diameter=contest.diameter
                )
                segments = too_many_segments(affinities, mask, diameter=contest.diameter)
                typical = typical_cell(mask, contest.diameter)
                yield _examples(segments, affinities, truth, typical, place)


def _examples(
    segments: NDArray[np.integer],
    affinities: Affinities,
    truth: NDArray[np.integer],
    typical: TypicalCell,
    seed: int,
) -> Examples:
    graph = RegionGraph(segments.astype(np.int64), affinities)
    cell = _cells_of(segments, truth)
    rng = np.random.default_rng(seed)
    seen = sorted(graph.borders)
    found = [_described(graph, seen, typical, cell)]
    while True:
        right = [pair for pair in sorted(graph.borders) if cell[pair[0]] == cell[pair[1]] > 0]
        if not right:
            break
        seen = graph.merge(right[rng.integers(len(right))])
        found.append(_described(graph, seen, typical, cell))
    return _joined(iter(found))


def _described(
    graph: RegionGraph,
    pairs: list[tuple[int, int]],
    typical: TypicalCell,
    cell: NDArray[np.integer],
) -> Examples:
    same = np.array([cell[one] == cell[other] > 0 for one, other in pairs], bool)
    return shape_features(graph, pairs, typical), image_evidence(graph, pairs), same


def _cells_of(segments: NDArray[np.integer], truth: NDArray[np.integer]) -> NDArray[np.integer]:
    """Return the cell that most of every segment lies in; 0 for background."""
    count = int(truth.max()) + 1
    keys, sizes = np.unique(
        segments[truth > 0].astype(np.int64) * count + truth[truth > 0], return_counts=True
    )
    cell = np.zeros(int(segments.max()) + 1, np.int64)
    for place in np.argsort(sizes, kind="stable"):
        cell[keys[place] // count] = keys[place] % count
    return cell


def _joined(parts: Iterator[Examples]) -> Examples:
    features, evidence, same = zip(
        (np.zeros((0, len(SHAPE_FEATURES))), np.zeros(0), np.zeros(0, bool)), *parts, strict=True
    )
    return np.concatenate(features), np.concatenate(evidence), np.concatenate(same)


def _quadratic(z: NDArray[np.float64]) -> NDArray[np.float64]:
    rows, columns = np.triu_indices(z.shape[1])
    return np.concatenate([np.ones((len(z), 1)), z, z[:, rows] * z[:, columns]], axis=1)


def _logistic(
    designs: list[NDArray[np.float64]], answers: list[NDArray[np.bool_]]
) -> NDArray[np.float64]:
    """Fit a logistic regression with a ridge; every source counts the same."""
    most = max(len(answer) for answer in answers)
    design, wanted = np.concatenate(designs), np.concatenate(answers).astype(float)
    weight = np.concatenate([np.full(len(answer), most / len(answer)) for answer in answers])

    def loss(found: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = design @ found
        value = weight @ (np.logaddexp(0, z) - wanted * z) + 0.5 * _RIDGE * found[1:] @ found[1:]
        slope = design.T @ (weight * (1 / (1 + np.exp(-z)) - wanted))
        slope[1:] += _RIDGE * found[1:]
        return float(value), slope

    return np.asarray(minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B").x)


def _as_json(
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
    shape: NDArray[np.float64],
    image: NDArray[np.float64],
) -> str:
    count = len(SHAPE_FEATURES)
    square = np.zeros((count, count))
    square[np.triu_indices(count)] = shape[1 + count :]
    values = {
        "made by": "benchmarks/fit_merge_odds.py",
        "from": "simulated outlines, BBBC039 and DSB2018 (CC0)",
        "features": list(SHAPE_FEATURES),
        "mean": mean.round(4).tolist(),
        "scale": scale.round(4).tolist(),
        "intercept": round(float(shape[0]), 4),
        "linear": shape[1 : 1 + count].round(4).tolist(),
        "quadratic": ((square + square.T) / 2).round(4).tolist(),
        "image": image.round(4).tolist(),
    }
    return json.dumps(values, indent=1) + "\n"


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--simulated", type=int, default=84, help="images of each kind")
    parser.add_argument("--sets", nargs="+", default=["BBBC039", "DSB2018"])
    return parser.parse_args()


if __name__ == "__main__":
    main()
